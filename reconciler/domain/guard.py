"""The leak guard's words: its limits, which the data's owner writes, what it found, and what it says of a training.

A finding is a value: which check, of which field, feature or figure, what is wrong, and what to do. It never holds a
value of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.kept import Kept
from reconciler.domain.written import Written

Check = Literal[
    "declaration",
    "recomputation",
    "open-invoices",
    "earlier-snapshot",
    "separation",
    "identifier",
    "whole-history",
    "reason",
    "ceiling",
]
CeilingFigure = Literal["accuracy", "macro_f1", "log_loss", "brier"]
#: Between the names of two fields that one finding is about.
TOGETHER = " and "
Reason = Annotated[str, Field(min_length=1, max_length=500)]
FieldName = Annotated[str, Field(min_length=1, max_length=63)]


class Guard(Written):
    """The leak guard's limits. They are the data owner's: a recipe cannot loosen them."""

    rows: int = Field(200, ge=20, le=10_000, description="about how many rows' features are built again")
    field_skill: float = Field(0.5, gt=0, le=1, description="log-loss skill that no field may have by itself")
    added_skill: float = Field(
        0.05, gt=0, le=1, description="log-loss skill that a field may add to the customer's history without a reason"
    )
    changed_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of old invoices that may differ from an earlier snapshot, in one field; 0: one is too many",
    )
    ceiling: dict[CeilingFigure, float] = Field(
        default_factory=dict, description="the best that an honest model can reach on this data"
    )
    accepted: dict[FieldName, Reason] = Field(
        default_factory=dict, description="field → why findings about it are wrong; they are recorded, and do not block"
    )

    def accepts(self, subject: str) -> bool:
        """Whether the data's owner accepts findings of a field; those of two fields together only where both are."""
        return all(name in self.accepted for name in subject.split(TOGETHER))


class GuardFinding(Kept):
    """What one check found of one field, feature or figure."""

    check: Check
    subject: str
    what: str
    figures: dict[str, float] = Field(default_factory=dict)
    next_step: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject} {self.what}"


class GuardRecord(Kept):
    """What the guard did for one training: each check with its state, and the figures worth seeing."""

    checks: dict[str, str] = Field(description="check → passed, or why it could not be made")
    rows: int = Field(description="rows whose features were built again from what was known at their date")
    days: int
    largest_field: str | None = None
    largest_skill: float | None = Field(None, description="log-loss skill of the field that says most by itself")
    denied: dict[str, str] = Field(default_factory=dict, description="field of the snapshot → why it may not enter")
    reasons: dict[str, str] = Field(
        default_factory=dict, description="field → the recipe's reason, where one is needed"
    )
    accepted: list[GuardFinding] = Field(default_factory=list, description="found, and accepted by the data's owner")


class LeakFound(AuthorMustFix):
    """The guard refuses a training; `findings` says why."""

    def __init__(self, findings: Sequence[GuardFinding]) -> None:
        many = f"the leak guard found {len(findings)} thing{'s' * (len(findings) != 1)}: "
        super().__init__(many + "; ".join(map(str, findings)), next_step=findings[0].next_step)
        self.findings = tuple(findings)
