"""What was found outside the ledger: targets, signatures, and what this machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Signature:
    """What an SSH signature check said: `good` with its principal, or why it is not one."""

    status: Literal["good", "none", "bad"]
    principal: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Observed:
    """One model as found in a target; `intact` is False when its bytes are not those of its digest."""

    model: str
    version: str | None
    digest: str | None
    generation: int
    ledger_commit: str | None
    intact: bool = True
    detail: str = ""


@dataclass(frozen=True)
class TargetState:
    """A target as found. `unknown` (cannot be read, or no marker) is never healed. `generation` is the highest
    that it has seen. `anew`: what to type to begin an empty one again where its content is lost for good."""

    status: Literal["known", "empty", "unknown"]
    detail: str = ""
    models: Mapping[str, Observed] = field(default_factory=dict)
    generation: int = 0
    anew: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` looked at."""

    what: str
    state: Literal["ok", "warning", "error"]
    detail: str
    next_step: str = ""
