"""A table as the contract suite writes it down, and what a rig does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

Type = Literal["text", "number", "whole", "date", "moment", "flag"]
Cell = str | Decimal | int | date | datetime | bool | None


@dataclass(frozen=True)
class Table:
    """Columns (name → type; `moment` is a point in time with its offset) and rows in their order."""

    columns: Mapping[str, Type]
    rows: Sequence[tuple[Cell, ...]]


class Rig(Protocol):
    """One source of a kind. `hosts` are the hosts that the runner has to allow, `variables` what it has to set."""

    root: Path
    hosts: frozenset[str]
    variables: Mapping[str, str]

    def put(self, name: str, table: Table) -> dict[str, Any]:
        """Make the table, or put it in the place of the one that is there, in one step; returns its `source` block."""

    def drop(self, name: str) -> None:
        """Take the table away."""


@dataclass
class FileRig:
    """What rigs of files have in common."""

    root: Path
    hosts: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
