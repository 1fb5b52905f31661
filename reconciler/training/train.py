"""Train: figures of the fixed split, the leak guard, a refit on all mature rows, export, parity, probe, model card."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785
from sklearn.pipeline import Pipeline

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.guard import GuardRecord, LeakFound
from reconciler.domain.jobs import CardInput, ModelCard, TrainJob, TrainResult
from reconciler.domain.manifests import Exam
from reconciler.domain.record import Figures
from reconciler.domain.sufficiency import Sufficiency
from reconciler.tasks.customer_payment.estimators import used_inputs
from reconciler.tasks.customer_payment.features import Column, FeatureTable
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import load, to_date
from reconciler.training import environment, parity, probe
from reconciler.training.export import OPSET, export
from reconciler.training.guard.guard import Beside, guard, limits_of
from reconciler.training.study import Progress, Study, examine, recipe_of, require_enough, study

#: The task revision's own split: the newest fifth of the mature rows, none of them left out.
FIXED_SPLIT = Exam(latest_share=0.2)
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "scipy", "skl2onnx")
_STEPS = 7


def train(job: TrainJob, progress: Progress) -> tuple[TrainResult, dict[str, bytes]]:
    """The result and the artifact's files. Raises AuthorMustFix for data or recipe that will not do, and for parity."""
    recipe = recipe_of(job.recipe)
    progress("reading the snapshot", 0, _STEPS)
    tables = load(Path(job.snapshot_folder))
    progress("computing features", 1, _STEPS)
    this = study(tables, recipe)
    least = Sufficiency.model_validate(job.sufficiency).least
    require_enough(this.truth[this.wanted], this.outcomes, (least.rows, least.each_outcome))
    progress("fitting before the split, for figures", 2, _STEPS)
    reported = _reported(this)
    progress("looking for leaks", 3, _STEPS)
    record = _guarded(this, job, reported)
    progress("fitting on all mature rows", 4, _STEPS)
    trained = this.fit(this.wanted)
    progress("exporting to ONNX", 5, _STEPS)
    inputs, table = _inputs(trained, this)
    metadata = {"name": job.model, "version": job.version, "fingerprint": job.fingerprint}
    model = export(trained, inputs, this.outcomes.names, metadata)
    progress("comparing the export with the trained model", 6, _STEPS)
    largest = _same(trained, model, inputs, table)
    card = _card(job, this, trained=trained, inputs=inputs, reported=reported, largest=largest)
    progress("trained", _STEPS, _STEPS)
    cold = this.cold_start
    result = TrainResult(reported=reported, rows=cold.rows, parity=largest, cold_start=cold, guard=record)
    return result, {"model.onnx": model, "model-card.json": rfc8785.dumps(card.model_dump(mode="json"))}


def _guarded(this: Study, job: TrainJob, reported: Figures | None) -> GuardRecord:
    """What the guard did. Raises LeakFound, which names each finding."""
    earlier = load(Path(job.earlier_folder)) if job.earlier_folder is not None else None
    guarded = guard(this, limits_of(job.guard), Beside(earlier=earlier, reported=reported))
    if guarded.findings:
        raise LeakFound(guarded.findings)
    return guarded.record


def _reported(this: Study) -> Figures | None:
    """Figures of the fixed split; None where the older part is too small to be fitted on."""
    try:
        return examine(this, FIXED_SPLIT).figures
    except AuthorMustFix:
        return None


def _inputs(trained: Pipeline, this: Study) -> tuple[list[CardInput], FeatureTable]:
    """The inputs that the model really reads, and the table of just these."""
    used = used_inputs(trained)
    columns = {name: values for name, values in this.table.columns.items() if name in used}
    return [_defined(name, values) for name, values in columns.items()], FeatureTable(columns)


def _defined(name: str, values: Column) -> CardInput:
    feature = SPEC.features[name]
    return CardInput(
        name=name,
        type="float32" if values.dtype == np.float32 else "string",
        summary=feature.summary,
        group=feature.group,
        unit=feature.unit,
        known_at=feature.known,
        without_history=feature.cold,
    )


def _same(trained: Pipeline, model: bytes, inputs: list[CardInput], table: FeatureTable) -> float:
    on_rows = parity.require(parity.measure(trained, model, inputs, table), "mature rows")
    odd = parity.adversarial(table)
    return max(on_rows, parity.require(parity.measure(trained, model, inputs, odd), "adversarial rows"))


def _card(
    job: TrainJob,
    this: Study,
    *,
    trained: Pipeline,
    inputs: list[CardInput],
    reported: Figures | None,
    largest: float,
) -> ModelCard:
    wanted = FeatureTable({each.name: this.table.columns[each.name][this.wanted] for each in inputs})
    texts: dict[str, Any] = used_inputs(trained)
    return ModelCard(
        model=job.model,
        version=job.version,
        fingerprint=job.fingerprint,
        snapshot=job.snapshot,
        task=SPEC.name,
        task_revision=SPEC.revision,
        recipe=job.recipe,
        outcomes=list(this.outcomes.names),
        late_after_days=this.outcomes.late_after,
        very_late_after_days=this.outcomes.very_late_after,
        trained_until=to_date(this.tables.data_date).isoformat(),
        rows=int(this.wanted.sum()),
        cold_start=this.cold_start,
        masks=job.masks,
        inputs=inputs,
        opset=OPSET,
        libraries={name: version(name) for name in _LIBRARIES},
        platform=environment.name(),
        parity=_decade(largest),
        reported=reported,
        probe=probe.make(trained, inputs, wanted, texts),
    )


def _decade(value: float) -> float:
    """The smallest of 1e-8 … 1e-5 that is not below: the exact figure depends on the processor, bytes must not."""
    return next(bound for bound in (1e-8, 1e-7, 1e-6, 1e-5) if value <= bound)
