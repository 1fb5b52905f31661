"""The plan as a value: the closed union of six actions, what is held, and what the plan was bound to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from reconciler.domain.manifests import Exam
from reconciler.domain.record import Artifact, Evidence, Rules

Who = Literal["author", "approver", "operator", "time"]


@dataclass(frozen=True)
class Adopt:
    """Put an environment's rules in force."""

    environment: str
    rules: Rules
    reason: str
    pending: str = ""


@dataclass(frozen=True)
class Train:
    """Train a pinned version in the training environment and store its artifact."""

    environment: str
    artifact: Artifact
    reason: str
    pending: str = ""

    @property
    def model(self) -> str:
        return self.artifact.model

    @property
    def version(self) -> str:
        return self.artifact.version


@dataclass(frozen=True)
class Judge:
    """Judge a deployed version by the exam of `for_environment`; the ledger written is `environment`'s."""

    environment: str
    for_environment: str
    model: str
    version: str
    digest: str
    champion: str | None
    champion_version: str | None
    exam: Exam
    exam_digest: str
    snapshot: str
    reason: str
    pending: str = ""


@dataclass(frozen=True)
class Deploy:
    """Set the target to the pinned bytes. `digest` is null where their Train is in the same plan."""

    environment: str
    model: str
    version: str
    digest: str | None
    pin_commit: str | None
    evidence: Evidence
    reason: str
    going_back: bool = False
    pending: str = ""


@dataclass(frozen=True)
class Withdraw:
    """Take a model out of the target because its pin says so."""

    environment: str
    model: str
    version: str | None
    digest: str | None
    pin_commit: str | None
    evidence: Evidence
    reason: str
    pending: str = ""


@dataclass(frozen=True)
class Heal:
    """Put back what the ledger says; nothing is retrained."""

    environment: str
    model: str
    version: str
    digest: str
    reason: str
    pending: str = ""


Action = Adopt | Train | Judge | Deploy | Withdraw | Heal


@dataclass(frozen=True)
class Held:
    """One thing refused or waiting. `who` must do `next_step`; `time` means that waiting is enough."""

    environment: str
    model: str | None
    version: str | None
    reason: str
    detail: str
    next_step: str
    who: Who
    until: date | None = None


@dataclass(frozen=True)
class DataState:
    """One gate on an environment's newest copy of data: `held` where it bites now, `warning` where somebody should
    look; `holds_in_days` where time alone will make it bite."""

    environment: str
    gate: str
    state: str
    detail: str
    next_step: str = ""
    holds_in_days: int | None = None


#: Held reasons that mean: bytes or records are not what they should be. Exit 5, not 3.
VERIFICATION_REASONS = frozenset({"artifact-missing", "artifact-altered", "ledger-rewritten", "ledger-missing"})


@dataclass(frozen=True)
class Plan:
    """What would be done, in order, and what it was bound to: the source commit and the ledgers that were read."""

    source_commit: str | None
    ledgers: Mapping[str, str | None]
    actions: tuple[Action, ...] = ()
    held: tuple[Held, ...] = ()
    unchanged: int = 0
    notes: tuple[str, ...] = field(default=())
    data: tuple[DataState, ...] = ()
