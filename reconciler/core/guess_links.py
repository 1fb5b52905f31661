"""How the rows of another table are linked to invoices: by which column, to which, and how many of them.

A link is found by the values that both sides share; names only decide between links that share as many. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

from reconciler.core.guess_names import named
from reconciler.core.guess_values import Column, is_running
from reconciler.core.proposed import ENTITY, FieldChoice

_LEAST = 0.8
_UNIQUE = 0.97


@dataclass(frozen=True)
class Invoices:
    """What is known of the invoices: field → column, the days of their dates, all their columns, and which share of
    all rows was looked at. `order`: how their dates are written, as `day first`; `has_others`: rows that are no
    invoices, and say what they are, stand among them."""

    columns: Mapping[str, Column]
    days: Mapping[str, Sequence[date | None]]
    every: Sequence[Column] = ()
    share: float = 1.0
    order: str = ""
    has_others: bool = False

    @property
    def is_whole(self) -> bool:
        return self.share >= 1.0

    @property
    def entities(self) -> AbstractSet[str]:
        """The legal entities, none where no column names them."""
        found = self.columns.get("legal_entity")
        return frozenset(found.counts) if found else frozenset()


@dataclass(frozen=True)
class Link:
    """`column` of the other table names an invoice as its `to` does. `share` of its values were found among those of
    the invoices that were looked at, as a share of what would be found if all were there."""

    field: str
    column: Column
    to: Column
    share: float
    by_name: bool

    @property
    def why(self) -> str:
        """In words."""
        how = "by its name; " if self.by_name else ""
        return f"{how}{self.share:.0%} of its values are in {self.to.name} of the invoices"


def find_link(columns: Sequence[Column], invoices: Invoices) -> Link | None:
    """The link of settlements to invoices: by the invoice's number, else by the source's own number of the row."""
    ours = invoices.columns.get("invoice")
    sides = [("invoice", ours)] if ours is not None else []
    sides += [("source_id", each) for each in invoices.every if each is not ours and _is_number_of_row(each)]
    offers = [
        (_score(link), link)
        for to, own in sides
        for column in columns
        if _may_name(column)
        for link in [_link(to, column, own, invoices.share)]
    ]
    best = max(offers, key=lambda offer: offer[0], default=None)
    return best[1] if best and best[0] >= _LEAST else None


def _link(to: str, column: Column, own: Column, looked_at: float) -> Link:
    share = found_share(column, own.counts.keys()) / looked_at
    return Link(to, column, own, min(1.0, share), _name(to, column) == 1.0)


def _name(to: str, column: Column) -> float:
    """How well a column's name says that it names an invoice by this."""
    return max(named(to, column.name), named("applied_to", column.name) if to == "invoice" else 0.0)


def _score(link: Link) -> float:
    name = _name(link.field, link.column)
    running = is_running(link.column) and is_running(link.to)
    return (
        2 * link.share + 0.8 * name + (0.2 if link.field == "invoice" else 0.0) - (0.0 if name or not running else 1.5)
    )


def found_share(column: Column, values: AbstractSet[str]) -> float:
    """Which share of a column's filled rows hold one of these values."""
    return sum(n for value, n in column.counts.items() if value in values) / max(1, column.filled)


def _may_name(column: Column) -> bool:
    return column.filled >= 0.5 * len(column.values) and not (column.number and column.number.fractions)


def _is_number_of_row(column: Column) -> bool:
    full = column.filled == len(column.values) > 0
    return full and column.distinct >= _UNIQUE * column.filled and not column.dates and _may_name(column)


def places_of(link: Link) -> list[int | None]:
    """For each row of the other table which row of the invoices it names."""
    first: dict[str, int] = {}
    for at, value in enumerate(link.to.values):
        first.setdefault(value, at)
    return [first.get(value) if value in link.column.counts else None for value in link.column.values]


def find_entity(columns: Sequence[Column], invoices: Invoices) -> FieldChoice | None:
    """The legal entity of another table's rows, as the invoices have it: a column, one value, or None where they have
    several and no column shares them."""
    theirs = invoices.columns.get("legal_entity")
    if theirs is None:
        return FieldChoice("legal_entity", "as the invoices have it", constant=ENTITY)
    offers = [(found_share(each, theirs.counts.keys()) + named("legal_entity", each.name), each) for each in columns]
    score, best = max(offers, key=lambda offer: offer[0], default=(0.0, None))
    if best is not None and score >= _LEAST and found_share(best, theirs.counts.keys()) > 0:
        return FieldChoice("legal_entity", f"the companies of {theirs.name}", best.name)
    if len(theirs.counts) == 1:
        (only,) = theirs.counts
        return FieldChoice("legal_entity", f"the only company of the invoices ({theirs.name})", constant=only)
    return None


def shape_of(column: Column) -> str:
    """How most values of a column are written, without showing one: `R999999`."""
    shapes: dict[str, int] = {}
    for value, n in column.counts.items():
        shape = re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", value[:40]))
        shapes[shape] = shapes.get(shape, 0) + n
    return max(shapes, key=lambda shape: shapes[shape], default="")
