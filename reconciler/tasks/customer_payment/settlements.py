"""What had become known of payments by a date: the settlements, sorted once, and sums over them that are exact.

A settlement is known from the day on which it was recorded (`known_date`); how late it was is counted to the day on
which it was paid (`settled_date`). History asks for the first, labels are made of the second. Arrays in, arrays out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days, Outcomes
from reconciler.tasks.customer_payment.tables import Tables

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: A settlement weighs half as much for every so many days since it became known.
HALF_LIFE = 90.0
#: Days count no further than this in either direction: one forgotten invoice is not a habit.
DAYS_LIMIT = 365

_SPAN = 2**23  # more days than there are in the calendar of a date type
_FIRST_DAY = -800_000  # before 0001-01-01


@dataclass(frozen=True)
class Rows:
    """Which invoices are asked about (positions), and what day it is for each."""

    positions: Days
    as_of: Days


def refuse_settled(tables: Tables, rows: Rows) -> None:
    """Raises ValueError where a row's own settlement was known before its as-of date: nothing is left to predict."""
    if bool(np.any(tables.days("known_date")[rows.positions] < rows.as_of)):
        raise ValueError("a row that was known to have settled before its as-of date is not a row to predict")


@dataclass(frozen=True)
class Settlements:
    """Every settled invoice, by customer, day on which that became known, days late. `positions`: which invoice it
    is; `told`: whether the data says if the invoice was disputed; `disputed`: whether it was."""

    positions: Days
    customer: Days
    day: Days
    late: Days
    told: Flags
    disputed: Flags

    @property
    def days(self) -> Days:
        """Days late, no further than `DAYS_LIMIT`."""
        return np.clip(self.late, -DAYS_LIMIT, DAYS_LIMIT)

    def before(self, rows: Rows, who: Days) -> tuple[Days, Days]:
        """[start, end) of the settlements of the customers `who` that were known strictly before each as-of."""
        return span(customer_day(self.customer, self.day), who, customer_day(who, rows.as_of))


def settlements(tables: Tables) -> Settlements:
    """The settlements of a table of invoices, sorted."""
    every = in_any_order(tables)
    order = np.argsort(customer_day(every.customer, every.day) * (2 * DAYS_LIMIT + 1) + every.days + DAYS_LIMIT)
    return Settlements(*(getattr(every, field.name)[order] for field in fields(every)))


def in_any_order(tables: Tables) -> Settlements:
    """The settlements of a table of invoices in the order of the invoices."""
    positions = np.flatnonzero(tables.days("known_date") < NO_DAY)
    late = tables.days("settled_date") - tables.days("due_date")
    flags = _flags(tables)[positions]
    told = ~np.isnan(flags)
    return Settlements(
        positions,
        tables.customer[positions],
        tables.days("known_date")[positions],
        late[positions],
        told,
        told & (flags != 0.0),
    )


def _flags(tables: Tables) -> Numbers:
    if "disputed" not in tables.invoices:
        return np.full(len(tables.invoices), np.nan)
    return np.asarray(tables.invoices["disputed"].to_numpy(dtype=np.float64))


def lateness(settled: Settlements, outcomes: Outcomes) -> dict[str, Days | Flags]:
    """Days late within the limit, and whether an invoice was late or worse, and very late, as labels have it."""
    very = (settled.late >= outcomes.very_late_after) & (outcomes.very_late_after > 0)
    return {
        "days_late": settled.days,
        "late": settled.late > outcomes.late_after,
        "very_late": very,
    }


def customer_day(customer: Days, day: Days) -> Days:
    """One number that sorts by customer, then by day."""
    return customer * _SPAN + np.clip(day - _FIRST_DAY, 0, _SPAN - 1)


def span(keys: Days, who: Days, until: Days) -> tuple[Days, Days]:
    """[start, end) within sorted `customer_day` keys: from the first of each customer to the first not below `until`.

    Quick where `until` is sorted: then neighbours look in the same place."""
    first = np.searchsorted(keys, np.arange(int(who.max(initial=-1)) + 1) * _SPAN)
    return first[who], np.searchsorted(keys, until)


def between(values: Days | Flags, start: Days, end: Days) -> Days:
    """Sums of values[start:end]. Whole numbers: a difference of two running sums is exact."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    out: Days = sums[end]
    out -= sums[start]
    return out


def halved(days: Days) -> Numbers:
    """The weight of what became known so many days ago."""
    return np.asarray(np.exp2(-np.maximum(days, 0) / HALF_LIFE), dtype=np.float64)


def decaying(group: Days, day: Days, values: list[Days]) -> list[Numbers]:
    """Per entry, the sum of each `values` over its group so far, every entry faded to that day.

    Sorted by group, then day: y[i] = f[i] · y[i-1] + x[i], where f is 0 at the first of a group. Factors are never
    above 1, so nothing overflows and no two groups' sums are ever subtracted.
    """
    factor = np.zeros(len(day))
    factor[1:] = np.where(group[1:] == group[:-1], halved(np.diff(day)), 0.0)
    return _recurrence(factor, [each.astype(np.float64) for each in values])


def _recurrence(factor: Numbers, values: list[Numbers]) -> list[Numbers]:
    """y[i] = factor[i] · y[i-1] + value[i], from y[-1] = 0: √n pieces of √n entries, all pieces one step at a time,
    and then what each piece takes over from the pieces before it."""
    length = math.isqrt(max(len(factor) - 1, 0)) + 1
    factors, *sums = (_pieces(each, length) for each in (factor, *values))
    for step in range(1, length):
        for each in sums:
            each[step] += factors[step] * each[step - 1]
        factors[step] *= factors[step - 1]
    for each in sums:
        for piece in range(1, length):
            each[-1, piece] += factors[-1, piece] * each[-1, piece - 1]
        each[:-1, 1:] += factors[:-1, 1:] * each[-1, :-1]
    return [np.ascontiguousarray(each.T).reshape(-1)[: len(factor)] for each in sums]


def _pieces(values: Numbers, length: int) -> Numbers:
    """[step, piece]: the values in pieces of `length`, the last one filled up with 0."""
    filled = np.zeros(length * length)
    filled[: len(values)] = values
    return np.ascontiguousarray(filled.reshape(length, length).T)
