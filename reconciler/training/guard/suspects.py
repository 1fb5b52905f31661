"""Which raw fields and identifiers tell the outcomes by themselves, and which ones need a reason in the recipe.

A field separates where it has more skill by itself than `fieldSkill` and adds more than `addedSkill` to what the
customer's honest history tells: where history alone knows the customers' habits, so may a field that stands for them.
An identifier is never a feature; one whose pieces separate says that the rows were numbered when outcomes were known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

import numpy as np

from reconciler.domain.guard import Guard, GuardFinding
from reconciler.tasks.customer_payment.features import feature_table
from reconciler.tasks.customer_payment.outcomes import Days
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.training.guard import separation
from reconciler.training.guard.fields import IDENTIFIERS, View, beside_customer, known_fields, pieces, views
from reconciler.training.guard.pairs import PairSkill, measure_pairs
from reconciler.training.study import Study

#: Rows that the small models see: enough for a standard error of half a hundredth.
_MOST_ROWS = 5_000
#: The group of features that reads other invoices of the customer, and nothing of the row itself.
_HISTORY = "customer-history"


@dataclass(frozen=True)
class Skill:
    """What one way to read a field says by itself, and what it adds to history."""

    field: str
    view: str
    alone: float
    added: float


@dataclass(frozen=True)
class Measured:
    """Skills of the declared fields and of the identifiers, each by its best way to read it, and of the pairs of fields
    that separate although neither of the two does."""

    fields: tuple[Skill, ...]
    identifiers: tuple[Skill, ...]
    pairs: tuple[PairSkill, ...] = ()

    @property
    def largest(self) -> Skill | None:
        """The field that says most by itself."""
        return max(self.fields, key=lambda skill: skill.alone, default=None)


def measure(this: Study, limits: Guard) -> Measured:
    """Skills on a seeded sample of the study's rows."""
    chosen = np.arange(len(this.rows))
    if len(chosen) > _MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, _MOST_ROWS, replace=False))
    rows = this.rows[chosen]
    asked = separation.question(this.truth[chosen], this.invoiced[chosen], len(this.outcomes.names))
    known = separation.history_alone(asked, _history(this, chosen))
    ways = {name: views(this.tables, name, rows) for name in known_fields(this.tables)}
    fields = [
        _best(name, [*found, *beside_customer(this.tables, name, rows)], asked, known) for name, found in ways.items()
    ]
    there = [name for name in IDENTIFIERS if name in this.tables.invoices]
    by_themselves = {skill.field for skill in fields if _beyond(skill, limits)}
    others = {name: found for name, found in ways.items() if name not in by_themselves}
    others["invoice_date"] = views(this.tables, "invoice_date", rows)
    return Measured(
        tuple(fields),
        tuple(_best(name, pieces(this.tables, name, rows), asked, known) for name in there),
        tuple(measure_pairs(others, asked, known, limits.field_skill)),
    )


def _history(this: Study, chosen: Days) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The honest point-in-time history of the rows: every feature that needs no field of the row itself."""
    there = set(map(str, this.tables.invoices))
    names = [name for name, f in SPEC.features.items() if f.group == _HISTORY and there.issuperset(f.only_with)]
    table = feature_table(
        this.tables, rows=this.rows[chosen], as_of=this.invoiced[chosen], names=names, outcomes=this.outcomes
    )
    return np.stack([values.astype(np.float32) for values in table.columns.values()], axis=1)


def _best(name: str, ways: Iterable[View], asked: separation.Question, known: separation.Numbers) -> Skill:
    found = [
        Skill(name, view.name, separation.skill_alone(asked, view), separation.skill_added(asked, view, known))
        for view in ways
    ]
    by_added = max(found, key=lambda skill: (skill.added, skill.alone))
    return Skill(name, by_added.view, max(skill.alone for skill in found), by_added.added)


def separating(measured: Measured, limits: Guard) -> list[GuardFinding]:
    """A finding for each field and identifier that separates."""
    found = [_separates(skill, "separation") for skill in measured.fields if _beyond(skill, limits)]
    return found + [_separates(skill, "identifier") for skill in measured.identifiers if _beyond(skill, limits)]


def _beyond(skill: Skill, limits: Guard) -> bool:
    return skill.alone > limits.field_skill and skill.added > limits.added_skill


def _separates(skill: Skill, check: str) -> GuardFinding:
    step = f"declare {skill.field} knownAt: later in the data's mapping, then refresh"
    if check == "identifier":
        step = f"find out when {skill.field} is given, and map one that is given with the invoice"
    return GuardFinding.model_validate(
        {
            "check": check,
            "subject": skill.field,
            "what": f"tells the outcomes by itself (skill {skill.alone:.2f}, read as {skill.view})",
            "figures": {"skill": skill.alone, "added_skill": skill.added},
            "next_step": f"{step}; or say under data.guard.accepted why this is no leak, then reconciler apply --retry",
        }
    )


def unreasoned(measured: Measured, limits: Guard, *, used: Set[str], reasons: Mapping[str, str]) -> list[GuardFinding]:
    """A finding for each field that the recipe uses, that adds much, and for which the recipe has no reason."""
    return [
        GuardFinding(
            check="reason",
            subject=skill.field,
            what=f"adds a skill of {skill.added:.3f} to the customer's history, more than {limits.added_skill:g}, and "
            "the recipe says no reason",
            figures={"skill": skill.alone, "added_skill": skill.added},
            next_step=f"in a new version, write features.reasons: {{{skill.field}: why it is known at the invoice "
            "date}}, or leave it out",
        )
        for skill in needing(measured, limits, used)
        if skill.field not in reasons and not _beyond(skill, limits)
    ]


def needing(measured: Measured, limits: Guard, used: Set[str]) -> list[Skill]:
    """The fields that the recipe uses and that add more than a field may without a reason."""
    return [skill for skill in measured.fields if skill.field in used and skill.added > limits.added_skill]
