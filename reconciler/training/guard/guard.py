"""The guard's checks, put together for one training: what it did, and everything that it found, all of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.guard import Guard, GuardFinding, GuardRecord
from reconciler.domain.record import Figures
from reconciler.domain.written import conditions
from reconciler.tasks.customer_payment.features import FeatureTable, feature_table
from reconciler.tasks.customer_payment.outcomes import Days
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables
from reconciler.training.guard import ceiling, declarations, pairs, recomputation, suspects, whole_history
from reconciler.training.guard.recomputation import Builder
from reconciler.training.study import Study

#: Findings about data, which the data's owner may accept with a reason. Proof and a missing reason are none.
_ACCEPTABLE = frozenset({"open-invoices", "earlier-snapshot", "separation", "identifier", "whole-history"})


@dataclass(frozen=True)
class Guarded:
    """What the guard did, and what stands in the way of the training."""

    record: GuardRecord
    findings: tuple[GuardFinding, ...]


@dataclass(frozen=True)
class Beside:
    """What is compared with: the earlier snapshot and the reported figures, where there are any, and the code that
    made the features, the task's own where none is named."""

    earlier: Tables | None = None
    reported: Figures | None = None
    build: Builder | None = None


def guard(this: Study, limits: Guard, beside: Beside = Beside()) -> Guarded:
    """Make every check. Nothing is raised for what is found."""
    build = beside.build or task_builder(this)
    rebuilt = recomputation.recompute(
        this.tables, this.rows, this.invoiced, used=this.table, build=build, least=limits.rows
    )
    states, found = _of_data(this.tables, beside.earlier, limits)
    states["whole-history"], made = whole_history.made_of_outcomes(this)
    measured, used, reasons = suspects.measure(this, limits), used_fields(this), this.recipe.features.reasons
    found = [
        *rebuilt.findings,
        *found,
        *made,
        *suspects.separating(measured, limits),
        *pairs.separating_pairs(measured.pairs, limits),
        *suspects.unreasoned(measured, limits, used=used, reasons=reasons),
        *(ceiling.above(beside.reported, limits) if beside.reported is not None else ()),
    ]
    accepted = [each for each in found if each.check in _ACCEPTABLE and limits.accepts(each.subject)]
    needed = {skill.field for skill in suspects.needing(measured, limits, used)}
    largest = measured.largest
    record = GuardRecord(
        checks={**states, "ceiling": _ceiling(limits, beside.reported), **_acceptances(accepted)},
        rows=rebuilt.rows,
        days=rebuilt.days,
        largest_field=largest.field if largest else None,
        largest_skill=round(largest.alone, 3) if largest else None,
        denied=declarations.denied(this.tables),
        reasons={name: reason for name, reason in reasons.items() if name in needed},
        accepted=accepted,
    )
    return Guarded(record, tuple(each for each in found if each not in accepted))


def _of_data(tables: Tables, earlier: Tables | None, limits: Guard) -> tuple[dict[str, str], list[GuardFinding]]:
    """The states and findings of the checks that ask the data alone."""
    opened, on_open = declarations.on_open_invoices(tables)
    compared, changed = "only one snapshot: not checked", list[GuardFinding]()
    if earlier is not None:
        compared, changed = declarations.against_earlier(tables, earlier, limits)
    states = {
        "declaration": "passed",
        "recomputation": "passed",
        "open-invoices": opened,
        "earlier-snapshot": compared,
        "separation": "passed",
    }
    return states, [*declarations.answers(tables), *on_open, *changed]


def _acceptances(accepted: Sequence[GuardFinding]) -> dict[str, str]:
    """The states of checks that found what the data's owner accepts."""
    subjects: dict[str, list[str]] = {}
    for each in accepted:
        subjects.setdefault(each.check, []).append(each.subject)
    return {check: f"found and accepted: {', '.join(found)}" for check, found in subjects.items()}


def _ceiling(limits: Guard, reported: Figures | None) -> str:
    if not limits.ceiling:
        return "none stated: not checked"
    return "passed" if reported is not None else "too few rows for figures: not checked"


def limits_of(written: Mapping[str, Any]) -> Guard:
    """The data owner's block, read. Raises AuthorMustFix with the keys that are wrong."""
    try:
        return Guard.model_validate(written)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors())
        raise AuthorMustFix(f"data.guard is not valid: {where}", next_step="run reconciler validate") from error


def task_builder(this: Study) -> Builder:
    """The task's own code for the features of a study."""
    names = tuple(this.table.columns)

    def build(tables: Tables, rows: Days, as_of: Days) -> FeatureTable:
        return feature_table(tables, rows=rows, as_of=as_of, names=names, outcomes=this.outcomes)

    return build


def used_fields(this: Study) -> frozenset[str]:
    """The fields of the data by which the recipe's features or filters are made."""
    needs = {need for name in this.table.columns if name in SPEC.features for need in SPEC.features[name].needs}
    named = needs | {each.field for written in this.recipe.data.filters for each in conditions(written)}
    return frozenset(named | {f"customers.{name}" for name in named})
