"""Where no column says when invoices are due: the one that says in how many days. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reconciler.core.guess_names import named
from reconciler.core.guess_values import Column
from reconciler.core.proposed import FieldChoice
from reconciler.domain.terms import net_days

#: What people write for: at once.
_AT_ONCE = """
due on receipt, on receipt, upon receipt, payable on receipt, immediate, immediately, at once, cash, cod,
cash on delivery, sofort, sofort fällig, sofort zahlbar, zahlbar sofort, zahlbar sofort netto, sofort netto, bar,
à réception, comptant, au comptant, contado, al contado, direct, a vista, natychmiast
"""
AT_ONCE = frozenset(text.strip() for text in _AT_ONCE.split(","))
_ENOUGH = 0.95


@dataclass(frozen=True)
class Terms:
    """A column of days: which of its texts mean at once, which say no number, and when each row is due by it."""

    column: Column
    at_once: Sequence[str]
    unread: int
    days: Sequence[date | None]

    def choice(self) -> FieldChoice:
        """The due date as the mapping says it."""
        options: dict[str, object] = {"addDaysTo": "invoice_date"}
        if self.at_once:
            options["values"] = dict.fromkeys(self.at_once, "0")
        why = "no column says when invoices are due; this one says in how many days"
        return FieldChoice("due_date", why, self.column.name, options=options)

    @property
    def doubt(self) -> str:
        """What a person should check."""
        if not self.unread:
            return ""
        return f"{self.column.name} says no number of days on {self.unread:,} rows: give those texts one in its values"


def find_terms(columns: Sequence[Column], invoiced: Sequence[date | None]) -> Terms | None:
    """The column of days, by its name and by what it holds. `invoiced`: the date of each invoice."""
    found = [terms for column in columns if named("terms", column.name) and (terms := _terms(column, invoiced))]
    return max(found, key=lambda terms: named("terms", terms.column.name), default=None)


def _terms(column: Column, invoiced: Sequence[date | None]) -> Terms | None:
    if not invoiced or column.filled < _ENOUGH * len(column.values):
        return None
    at_once = [text for text in column.counts if text.casefold() in AT_ONCE]
    read = {text: 0 if text in at_once else net_days(text) for text in column.counts}
    unread = sum(column.counts[text] for text, days in read.items() if days is None)
    if unread > (1 - _ENOUGH) * column.filled:
        return None
    due = [
        day + timedelta(days) if day is not None and (days := read.get(text)) is not None else None
        for day, text in zip(invoiced, column.values, strict=True)
    ]
    return Terms(column, sorted(at_once), unread, due)
