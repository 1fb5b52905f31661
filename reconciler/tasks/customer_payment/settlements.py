"""What had become known of payments by a date: the settlements, sorted once, and sums over them that are exact.

A settlement is known from the day on which it was recorded (`known_date`); how late it was is counted to the day on
which it was paid (`settled_date`). History asks for the first, labels are made of the second. Arrays in, arrays out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days, Outcomes
from reconciler.tasks.customer_payment.past import Flags
from reconciler.tasks.customer_payment.tables import Tables

Numbers = npt.NDArray[np.float64]

#: A settlement weighs half as much for every so many days since it became known.
HALF_LIFE = 90.0
#: Days count no further than this in either direction: one forgotten invoice is not a habit.
DAYS_LIMIT = 365

#: What history reads of an invoice.
READ = ("invoice_date", "due_date", "settled_date", "known_date", "amount", "accounting_amount", "disputed")

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


def closed(tables: Tables, rows: Rows) -> Flags:
    """Which rows were known, strictly before their as-of date, to have settled, as far as was known then."""
    out = np.asarray(tables.days("known_date")[rows.positions] < rows.as_of, dtype=np.bool_)
    if tables.past is not None:
        out[tables.past.at(rows.positions, rows.as_of)[0]] = True
    return out


def with_past(tables: Tables) -> Tables:
    """The tables with the invoices that are left out behind those that are kept: history knows both."""
    past = tables.past
    if past is None or len(past.invoices) == 0:
        return tables
    read = [name for name in READ if name in tables.invoices and name in past.invoices]
    invoices = pd.concat([tables.invoices[read], past.invoices[read]], ignore_index=True)
    none = replace(past, invoices=past.invoices.iloc[:0], customer=past.customer[:0])
    return replace(tables, invoices=invoices, customer=np.append(tables.customer, past.customer), past=none)


@dataclass(frozen=True)
class Spells:
    """Times in which invoices were open: of which invoice, the day on which it had been opened again (far back where
    it was new), the day on which it was known to be closed, and the day on which it was settled (both `NO_DAY` where
    it was not), and the day on which it was opened again after that. First one for each invoice, its last one."""

    positions: Days
    opened: Days
    known: Days
    settled: Days
    until: Days


def spells(tables: Tables) -> Spells | None:
    """The spells of the invoices; None where each has one at most, as its dates say."""
    past, size = tables.past, len(tables.customer)
    if past is None:
        return None
    settled, known = tables.days("settled_date"), tables.days("known_date")
    return Spells(
        np.append(np.arange(size), past.positions),
        np.append(past.last_opened(size), past.opened()),
        np.append(known, past.known),
        np.append(settled, past.settled),
        np.append(np.full(size, NO_DAY), past.until),
    )


@dataclass(frozen=True)
class Settlements:
    """Every settled invoice, by customer, day on which that became known, days late. `positions`: which spell it
    ended, of invoices that were never opened again the invoice; `told`: whether the data says if the invoice was
    disputed; `disputed`: whether it was.

    Where invoices were opened again, or left out, that is an entry of its own. `sign`: 1 for a settlement, -1 for
    one that is taken back, 0 where an invoice was left out; `since`: the day on which what is taken back had become
    known; `until`: the day on which a settlement was taken back, `NO_DAY` where it never was. All three are None where
    there are settlements only."""

    positions: Days
    customer: Days
    day: Days
    late: Days
    told: Flags
    disputed: Flags
    sign: Days | None = None
    since: Days | None = None
    until: Days | None = None

    @property
    def days(self) -> Days:
        """Days late, no further than `DAYS_LIMIT`."""
        return np.clip(self.late, -DAYS_LIMIT, DAYS_LIMIT)

    def signed(self, values: Days | Flags) -> Days | Flags:
        """The values, to be summed: what is taken back is taken off."""
        return values if self.sign is None else np.asarray(values * self.sign, dtype=np.int64)

    def fading(self, values: Days) -> Numbers:
        """The values, to be summed by `decaying`: what is taken back is taken off as far as it has faded."""
        if self.sign is None or self.since is None:
            return values.astype(np.float64)
        return np.asarray(values * self.sign * halved(self.day - self.since), dtype=np.float64)

    def count(self, start: Days, end: Days) -> Days:
        """How many settlements there are in [start, end), less those taken back."""
        return end - start if self.sign is None else between(self.sign, start, end)

    def last(self, start: Days, end: Days, as_of: Days) -> Days:
        """The last settlement in [start, end) that had not been taken back before as-of; below start where none is."""
        found = end - 1
        if self.sign is None or self.until is None:
            return found
        left = np.flatnonzero(found >= start)
        while len(left):
            dead = (self.sign[found[left]] < 1) | (self.until[found[left]] < as_of[left])
            left = left[dead]
            found[left] -= 1
            left = left[found[left] >= start[left]]
        return found

    def before(self, rows: Rows, who: Days) -> tuple[Days, Days]:
        """[start, end) of the settlements of the customers `who` that were known strictly before each as-of."""
        return span(customer_day(self.customer, self.day), who, customer_day(who, rows.as_of))


def settlements(tables: Tables) -> Settlements:
    """The settlements of a table of invoices, sorted."""
    every = in_any_order(tables)
    order = np.argsort(customer_day(every.customer, every.day) * (2 * DAYS_LIMIT + 1) + every.days + DAYS_LIMIT)
    found = {field.name: getattr(every, field.name) for field in fields(every)}
    return replace(every, **{name: values[order] for name, values in found.items() if values is not None})


def in_any_order(tables: Tables) -> Settlements:
    """The settlements of a table of invoices in the order of the invoices. The past has to be in it: `with_past`."""
    times = spells(tables)
    if times is not None:
        return _of_spells(tables, times)
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


def _of_spells(tables: Tables, times: Spells) -> Settlements:
    ended, taken_back = np.flatnonzero(times.known < NO_DAY), np.flatnonzero(times.until < NO_DAY)
    positions = np.append(ended, taken_back)
    invoice, settled = times.positions[positions], times.settled[positions]
    is_settled = settled < NO_DAY
    flags = _flags(tables)[invoice]
    told = ~np.isnan(flags)
    sign = np.where(is_settled, np.append(np.ones_like(ended), -np.ones_like(taken_back)), 0)
    return Settlements(
        positions,
        tables.customer[invoice],
        np.append(times.known[ended], times.until[taken_back]),
        np.where(is_settled, settled - tables.days("due_date")[invoice], 0),
        told,
        told & (flags != 0.0),
        sign,
        times.known[positions],
        times.until[positions],
    )


def _flags(tables: Tables) -> Numbers:
    if "disputed" not in tables.invoices:
        return np.full(len(tables.invoices), np.nan)
    return np.asarray(tables.invoices["disputed"].to_numpy(dtype=np.float64))


def lateness(settled: Settlements, outcomes: Outcomes) -> dict[str, Days | Flags]:
    """Days late within the limit, and whether an invoice was late or worse, and very late, as labels have it; to be
    summed."""
    very = (settled.late >= outcomes.very_late_after) & (outcomes.very_late_after > 0)
    return {
        "days_late": settled.signed(settled.days),
        "late": settled.signed(settled.late > outcomes.late_after),
        "very_late": settled.signed(very),
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


def decaying(group: Days, day: Days, values: list[Numbers]) -> list[Numbers]:
    """Per entry, the sum of each `values` over its group so far, every entry faded to that day.

    Sorted by group, then day: y[i] = f[i] · y[i-1] + x[i], where f is 0 at the first of a group. Factors are never
    above 1, so nothing overflows and no two groups' sums are ever subtracted.
    """
    factor = np.zeros(len(day))
    factor[1:] = np.where(group[1:] == group[:-1], halved(np.diff(day)), 0.0)
    return _recurrence(factor, values)


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
