"""Where a needed column was not found: which columns nearly fitted, and why each did not. Pure.

A reason counts values and shows none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.guess_days import most_dates
from reconciler.core.guess_names import named
from reconciler.core.guess_values import Column, is_label, most_numbers
from reconciler.core.proposed import Mapped, Seen

_DATES = ("invoice_date", "due_date", "settled_date", "paid_on")
_MOST = 3


def near_misses(seen: Seen, proposal: Mapped) -> list[str]:
    """For each missing field at most three columns that nearly were it, each with its reason: `due_date: Due (…)`."""
    taken = {choice.column: choice.field for choice in proposal.fields if choice.column is not None}
    out = []
    for field in proposal.missing:
        told = [*_doubled(field, seen.header), *_by_column(field, seen.columns, taken)][:_MOST]
        if told:
            out.append(f"{field}: {'; '.join(told)}")
    return out


def _doubled(field: str, header: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(header):
        if _named(field, name) and header.count(name) > 1:
            yield f"{name} (there are {header.count(name)} columns of that name)"


def _by_column(field: str, columns: Sequence[Column], taken: Mapping[str, str]) -> Iterator[str]:
    """Columns that are called so, the best name first; then those that look like it, whatever their name."""
    for column in sorted(columns, key=lambda column: -_named(field, column.name)):
        called = _named(field, column.name) > 0
        if not called and (column.name in taken or not _looks_like(field, column)):
            continue
        why = _why_not(field, column) or (
            f"taken for {taken[column.name]}" if column.name in taken else "its name says nothing of it"
        )
        yield f"{column.name} ({'called so, but ' if called else ''}{why})"


def _named(field: str, name: str) -> float:
    return max(named(field, name), named("settled_amount", name) if field == "amount" else 0.0)


def _looks_like(field: str, column: Column) -> bool:
    """Whether a column of another name could be the field by what it holds."""
    if field in _DATES:
        return bool(column.dates) and column.distinct > 1
    if field == "amount":
        return bool(column.number and column.number.fractions) and not column.dates
    if field not in ("invoice", "customer"):
        return False
    repeats = column.filled > 0 and column.distinct <= 0.7 * column.filled
    return is_label(column) and column.distinct >= 3 and not column.flag and repeats == (field != "invoice")


def _why_not(field: str, column: Column) -> str:
    """What a column lacks to be the field, or nothing."""
    rows = len(column.values)
    if not column.filled:
        return f"it has no value on any of {rows:,} rows"
    if field in _DATES:
        return _no_dates(column)
    if field == "amount":
        return _no_amounts(column)
    if not is_label(column):
        return "it holds dates" if column.dates else "it holds amounts"
    if column.filled < 0.9 * rows:
        return f"it has a value on {column.filled:,} of {rows:,} rows only"
    if field == "customer" and column.distinct < 3:
        return f"it has {column.distinct} different value{'s' * (column.distinct != 1)} only"
    return ""


def _no_dates(column: Column) -> str:
    if not column.dates:
        found = most_dates(column.counts)
        return f"{found:,} of its {column.filled:,} values are dates that are written alike"
    return "it has the same date on every row" if column.distinct == 1 else ""


def _no_amounts(column: Column) -> str:
    if column.dates:
        return "it holds dates"
    if column.number is None:
        found = most_numbers(column.counts)
        return f"{found:,} of its {column.filled:,} values are numbers that are written alike"
    rows = len(column.values)
    return f"it has a value on {column.filled:,} of {rows:,} rows only" if column.filled < 0.9 * rows else ""
