"""Which date columns are the invoice's date, its due date and its settlement, and in which order they are written.

Decided together: names say what a column may be, and the relations between the columns (due after invoice, paid
after invoice, few different terms, `DaysToSettle` = settled − invoice) say which reading of an ambiguous one is
right. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import permutations, product
from typing import TypeVar

from reconciler.core.guess_days import DateReading
from reconciler.core.guess_names import named
from reconciler.core.guess_terms import Terms, find_terms
from reconciler.core.guess_values import Column

ROLES = ("invoice_date", "due_date", "settled_date")
_SAMPLE = 300
_MOST = 5
_T = TypeVar("_T")
_Days = Sequence[date | None]


@dataclass(frozen=True)
class DateColumn:
    """A date column with the role and the reading that were chosen, and why."""

    column: Column
    reading: DateReading
    why: str
    doubt: str = ""


@dataclass(frozen=True)
class Dates:
    """The roles found (a file may lack one), and the other date columns."""

    roles: dict[str, DateColumn] = field(default_factory=dict)
    others: dict[str, Column] = field(default_factory=dict)
    terms: Terms | None = None

    def has(self, role: str) -> bool:
        """Whether a role was found, or can be computed."""
        return role in self.roles or (role == "due_date" and self.terms is not None)

    @property
    def taken(self) -> frozenset[str]:
        """The columns that have a role, or that one is computed from."""
        terms = [self.terms.column.name] if self.terms else []
        return frozenset([*terms, *(found.column.name for found in self.roles.values())])

    def days(self, role: str) -> _Days:
        """The dates of a role, None where there is no such role or no date."""
        if role == "due_date" and self.terms is not None:
            return self.terms.days
        found = self.roles.get(role)
        return found.column.read_dates(found.reading) if found else ()


@dataclass(frozen=True)
class _Choice:
    score: float
    columns: tuple[Column | None, ...]
    readings: tuple[DateReading | None, ...]


def find_dates(columns: Sequence[Column], *, day_first_hint: bool) -> Dates:
    """Give the date columns their roles. `day_first_hint`: the file has semicolons or decimal commas, which come
    from where the day is written first; it decides only what nothing else does."""
    dated = [column for column in columns if column.dates and column.distinct > 1]
    dated.sort(key=lambda column: -max(named(role, column.name) for role in ROLES))
    numbers = _thinned_numbers(columns)
    usual = _usual_order(dated, day_first_hint)
    best = max(_choices(dated[:_MOST], numbers, usual), key=lambda choice: choice.score, default=None)
    if best is None:
        return Dates()
    roles = {}
    for role, column, reading in zip(ROLES, best.columns, best.readings, strict=True):
        if column is not None and reading is not None:
            roles[role] = DateColumn(column, reading, *_told(role, column, reading, dated))
    taken = {found.column.name for found in roles.values()}
    dates = Dates(roles, {column.name: column for column in dated if column.name not in taken})
    rest = [column for column in columns if column.name not in taken and not column.dates]
    return dates if "due_date" in roles else replace(dates, terms=find_terms(rest, dates.days("invoice_date")))


def _choices(
    dated: Sequence[Column], numbers: Sequence[Sequence[float | None]], usual: Sequence[str]
) -> Iterator[_Choice]:
    thin = {
        (column.name, reading.format): _thinned(column.read_dates(reading))
        for column in dated
        for reading in column.dates
    }
    for columns in permutations([*dated, None, None], 3):
        if columns[0] is None or (columns[1] is None and columns[2] is None):
            continue
        for readings in product(*(column.dates if column else (None,) for column in columns)):
            days = [thin[c.name, r.format] if c and r else None for c, r in zip(columns, readings, strict=True)]
            score = sum(_name_score(role, column) for role, column in zip(ROLES, columns, strict=True))
            score += _fit(days, numbers) + sum(0.02 for r in readings if r and r.order == usual[0])
            yield _Choice(score, columns, readings)


def _name_score(role: str, column: Column | None) -> float:
    if column is None:
        return 0.0
    own = named(role, column.name)
    other = max(named(name, column.name) for name in ROLES if name != role)
    return 0.5 + 4 * own - 3 * max(0.0, other - own)


def _fit(days: Sequence[_Days | None], numbers: Sequence[Sequence[float | None]]) -> float:
    """How well three columns of days behave as invoice, due and settled."""
    invoice, due, settled = days
    assert invoice is not None  # noqa: S101  every choice has an invoice date
    score = 0.4 * _share([day is not None for day in invoice])
    if due is not None:
        terms = _gaps(invoice, due)
        common = sum(n for _, n in Counter(terms).most_common(4)) / max(1, len(terms))
        score += (
            3 * _share([0 <= gap <= 366 for gap in terms]) + 1.5 * common - (0.3 if terms and not any(terms) else 0)
        )
        score += 0.3 * _share([day is not None for day in due])
    if settled is not None:
        gaps = _gaps(invoice, settled)
        score += 2 * _share([0 <= gap <= 1000 for gap in gaps])
        score += 0.3 if len(gaps) < len(invoice) else 0.0
        score += 2 * max((_equal(gaps_by_row(invoice, settled), number) for number in numbers), default=0.0)
    if due is not None and settled is not None:
        score += 2 * max((_equal(gaps_by_row(due, settled), number) for number in numbers), default=0.0)
        score -= 0.6 * (1 - min(1.0, len(set(_gaps(due, settled))) / 8))
    return score


def gaps_by_row(first: _Days, second: _Days) -> list[int | None]:
    """second − first in days for each row, None where one is missing."""
    return [
        (b - a).days if a is not None and b is not None else None for a, b in zip(first, second, strict=True)
    ]  # fmt: skip


def _gaps(first: _Days, second: _Days) -> list[int]:
    return [gap for gap in gaps_by_row(first, second) if gap is not None]


def _equal(gaps: Sequence[int | None], numbers: Sequence[float | None]) -> float:
    """1 where a column of numbers is these gaps (or those above 0), else 0."""
    pairs = [(gap, number) for gap, number in zip(gaps, numbers, strict=True) if gap is not None and number is not None]
    if len(pairs) < 10 or len({gap for gap, _ in pairs}) < 3:
        return 0.0
    return float(_share([number in (gap, max(gap, 0)) for gap, number in pairs]) > 0.97)


def _share(tests: Sequence[bool]) -> float:
    return sum(tests) / len(tests) if tests else 0.0


def _thinned(values: Sequence[_T]) -> Sequence[_T]:
    return values[:: max(1, len(values) // _SAMPLE)]


def _thinned_numbers(columns: Sequence[Column]) -> list[Sequence[float | None]]:
    found = [column for column in columns if column.number and not column.number.fractions and column.distinct > 2]
    small = [column for column in found if all(len(value) <= 5 for value in column.counts)]
    return [_thinned(column.read_numbers(".")) for column in small[:8]]


def _usual_order(dated: Sequence[Column], day_first_hint: bool) -> list[str]:
    """The order that the decided columns are in, else what the file's other habits say."""
    decided = Counter(column.dates[0].order for column in dated if len(column.dates) == 1)
    habit = "day first" if day_first_hint or any("%d." in r.format for c in dated for r in c.dates) else "month first"
    return [order for order, _ in decided.most_common(1)] or [habit]


def _told(role: str, column: Column, reading: DateReading, dated: Sequence[Column]) -> tuple[str, str]:
    """(why this column and this reading, what stays in doubt)."""
    by_name = named(role, column.name) > 0
    why = "by its name" if by_name else "by how it lies to the other dates"
    if column.native:
        return f"{why}; a date in the source", ""
    if len(column.dates) == 1:
        other = 0 < reading.alone < reading.reads
        evidence = f", as {reading.alone:,} of {reading.reads:,} values can be read no other way" if other else ""
        return f"{why}; {reading.order}{evidence}", ""
    same = [c.name for c in dated if len(c.dates) == 1 and c.dates[0].format == reading.format]
    if same:
        return f"{why}; {reading.order}, as in {same[0]}: its own values can be read both ways", ""
    doubt = f"{column.name} can be read both ways; {reading.order} was chosen, check it"
    return f"{why}; {reading.order}, which fits the other columns best", doubt
