"""A trainer without a box: bytes are a function of the fingerprint, figures and failures are as scripted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.domain import oci
from reconciler.domain.errors import NeedsPerson
from reconciler.domain.guard import GuardFinding, GuardRecord
from reconciler.domain.jobs import (
    CheckJob,
    CheckResult,
    Job,
    JobFailure,
    JudgeJob,
    JudgeResult,
    ModelCard,
    Probe,
    Result,
    TrainJob,
    TrainResult,
)
from reconciler.domain.record import ColdStart, Figures, Isolation, OutcomeFigures
from reconciler.ports import BoxRules, Progress, Ran
from reconciler.testing.documents import TASK
from reconciler.testing.stores import sha256

ISOLATION = Isolation(network="none at all: it is a fake", files="none at all: it is a fake")


_COLD_START = ColdStart(rows=1000, without_history=63)


def figures(log_loss: float, *, rows: int = 300) -> Figures:
    """Figures that are plain but for their log-loss."""
    outcome = OutcomeFigures(rows=rows // 3, precision=0.7, recall=0.7)
    return Figures(
        rows=rows,
        accuracy=0.75,
        macro_f1=0.6,
        log_loss=log_loss,
        brier=0.4,
        grade="B",
        outcomes={"on_time": outcome, "late": outcome, "very_late": outcome},
        confusion=[[rows // 3, 0, 0], [0, rows // 3, 0], [0, 0, rows // 3]],
    )


@dataclass
class FakeTrainer:
    """`ports.Trainer`. `log_loss` maps a version to what its judgement says; `failures` maps (job kind, version) to
    what the next runs answer; `trained` and `judged` list the (model, version) of jobs that ran to their end; `jobs`
    lists all as they were asked for; `guard` is what the leak guard says of every training; `task_revision` that of the
    task that its cards are of."""

    log_loss: dict[str, float] = field(default_factory=dict)
    baseline: float = 0.7
    failures: dict[tuple[str, str], list[JobFailure]] = field(default_factory=dict)
    trained: list[tuple[str, str]] = field(default_factory=list)
    judged: list[tuple[str, str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    guard: GuardRecord | None = None
    runs: int = 0
    no_box: bool = False
    libraries: str = "1"
    task_revision: int = TASK.revision

    def fail(self, kind: str, version: str, whose: str, *, times: int = 1, found: Sequence[GuardFinding] = ()) -> None:
        """The next `times` jobs of a kind (`train`, `judge`, `check`) for a version fail, of recipe or machine; with
        `found` the leak guard found that."""
        reason = "; ".join(map(str, found)) or f"scripted failure of the {whose}"
        failure = JobFailure.model_validate({"whose": whose, "reason": reason, "findings": list(found)})
        self.failures.setdefault((kind, version), []).extend([failure] * times)

    @contextmanager
    def run(self, job: Job, rules: BoxRules, progress: Progress) -> Iterator[Ran]:  # noqa: ARG002
        """Answer a job; a training leaves its two files in a folder that goes with the context."""
        if self.no_box and rules.required:
            raise NeedsPerson("no box is to be had on this machine", next_step="install bubblewrap")
        self.runs += 1
        self.jobs.append(job)
        scripted = self.failures.get((job.kind, job.version))
        if scripted:
            yield Ran(scripted.pop(0), {}, ISOLATION)
            return
        with tempfile.TemporaryDirectory(prefix="fake-trainer-") as folder:
            result, contents = self._answer(job)
            files = {name: Path(folder) / name for name in contents}
            for name, path in files.items():
                path.write_bytes(contents[name])
            yield Ran(result, files, ISOLATION)

    def lock_digest(self) -> str:
        """A digest of `libraries`."""
        return sha256(self.libraries.encode())

    def _answer(self, job: Job) -> tuple[Result, dict[str, bytes]]:
        match job:
            case TrainJob():
                self.trained.append((job.model, job.version))
                card = self._card(job).model_dump_json().encode()
                model = f"model of {job.fingerprint} with libraries {self.libraries}\n".encode()
                reported = figures(self._loss(job.version))
                result = TrainResult(reported=reported, rows=1000, parity=0.0, cold_start=_COLD_START, guard=self.guard)
                return result, {oci.MODEL_FILE: model, oci.CARD_FILE: card}
            case JudgeJob():
                self.judged.append((job.model, job.version))
                return self._judged(job), {}
            case CheckJob():
                return CheckResult(probe=0.0), {}

    def _judged(self, job: JudgeJob) -> JudgeResult:
        bad = figures(self.baseline)
        return JudgeResult(
            cut="2026-01-01",
            figures=figures(self._loss(job.version)),
            champion_figures=figures(0.55) if job.champion_recipe else None,
            baselines={"naive": bad, "own_shares": bad},
            verdict="better" if job.champion_recipe else None,
        )

    def _loss(self, version: str) -> float:
        return self.log_loss.get(version, 0.5)

    def _card(self, job: TrainJob) -> ModelCard:
        return ModelCard(
            model=job.model,
            version=job.version,
            fingerprint=job.fingerprint,
            snapshot=job.snapshot,
            task=str(job.recipe.get("task")),
            task_revision=self.task_revision,
            recipe=job.recipe,
            outcomes=["on_time", "late", "very_late"],
            late_after_days=0,
            very_late_after_days=30,
            trained_until="2026-03-01",
            rows=1000,
            cold_start=_COLD_START,
            inputs=[],
            opset=17,
            libraries={"fake": self.libraries},
            platform="fake",
            parity=0.0,
            reported=figures(self._loss(job.version)),
            probe=Probe(inputs={}, expected=[]),
        )
