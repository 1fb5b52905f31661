"""Proof that features know only the past: for rows of a seeded sample of days they are built again from a ledger
that ends there, and must be those that the training used.

A ledger that ends on a day has no invoice dated later, no settlement that became known on or after it, no word that
one was taken back or an invoice left out from then on, and nothing that is known later of an invoice that had not
settled before it. What is known later of invoices settled before stays:
it is taken to be known once an invoice has settled. Customers' fields that are not declared are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from reconciler.domain.guard import GuardFinding
from reconciler.tasks.customer_payment.features import Column, FeatureTable
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.tasks.customer_payment.past import Flags, Past
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables

#: (tables, positions of rows, as-of day of each) → their features.
Builder = Callable[[Tables, Days, Days], FeatureTable]

#: Days at most and at least, and how many invoices all the ledgers that are built may have together.
_MOST_DAYS, _LEAST_DAYS, _BUDGET = 40, 3, 400_000
_MOST_ROWS_A_DAY = 1_000
#: Two float32 are the same where they differ by no more than the rounding of a sum.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Rebuilt:
    """How many rows of how many days were built again, and what differed."""

    rows: int
    days: int
    findings: tuple[GuardFinding, ...]


def recompute(tables: Tables, rows: Days, as_of: Days, *, used: FeatureTable, build: Builder, least: int) -> Rebuilt:
    """Compare `used`, the features of `rows` as the training has them, with those of ledgers that end at their day.
    About `least` rows are compared, all those of a day together."""
    differ = dict.fromkeys(used.columns, 0)
    largest = dict.fromkeys(used.columns, 0.0)
    count = days = 0
    for chosen in _sample(as_of, least, most_days=max(_LEAST_DAYS, min(_MOST_DAYS, _BUDGET // max(len(rows), 1)))):
        day = int(as_of[chosen[0]])
        past, positions = at(tables, rows[chosen], day)
        again = build(past, positions, as_of[chosen])
        for name, values in used.columns.items():
            apart = _apart(values[chosen], again.columns[name])
            differ[name] += int((apart > 0).sum())
            largest[name] = max(largest[name], float(apart.max()))
        count, days = count + len(chosen), days + 1
    found = [_finding(name, n, count, largest[name]) for name, n in differ.items() if n]
    return Rebuilt(count, days, tuple(found))


def _sample(as_of: Days, least: int, *, most_days: int) -> Iterator[Days]:
    """For days in a seeded order, the rows of each, until there are enough of both or too many days."""
    order = np.argsort(as_of, kind="stable")
    days, starts = np.unique(as_of[order], return_index=True)
    groups = np.split(order, starts[1:])
    count = 0
    for number, place in enumerate(np.random.default_rng(0).permutation(len(days))):
        if number >= most_days or (count >= least and number >= _LEAST_DAYS):
            return
        chosen = groups[place][:_MOST_ROWS_A_DAY]
        count += len(chosen)
        yield chosen


def at(tables: Tables, rows: Days, day: int) -> tuple[Tables, Days]:
    """The ledger as it was known at the start of `day`, with the invoices dated that day; and where `rows` are."""
    there = tables.days("invoice_date") <= day
    invoices = tables.invoices.loc[there].reset_index(drop=True)
    unsettled = (invoices["known_date"] >= day).to_numpy(copy=True)
    past, believed = _past_at(tables, there, day)
    if believed is not None:
        positions, *dates = believed
        unsettled[positions] = False
        for name, days in zip(("settled_date", "known_date"), dates, strict=True):
            then = invoices[name].to_numpy(copy=True)
            then[positions] = days
            invoices[name] = then
    for name in map(str, invoices.columns):
        if name not in tables.known:
            _blank(invoices, name, np.ones_like(unsettled) if _of_customers(name) else unsettled)
    truncated = replace(tables, invoices=invoices, customer=tables.customer[there], data_date=day, past=past)
    return truncated, np.asarray(np.cumsum(there)[rows] - 1, dtype=np.int64)


def _past_at(tables: Tables, there: Flags, day: int) -> tuple[Past | None, tuple[Days, Days, Days] | None]:
    """The episodes that had ended before `day`, and of those that had not the invoices (where they are then), the days
    on which they were believed to be settled, and since when."""
    past = tables.past
    if past is None:
        return None, None
    left = (past.invoices["invoice_date"] <= day).to_numpy()
    places = np.cumsum(np.append(there, left)) - 1
    begun = (past.known < day) & np.append(there, left)[past.positions]
    lasts = begun & (past.until >= day) & (past.positions < len(there))
    then = past.take(begun & ~lasts, places)
    invoices = past.invoices.loc[left].reset_index(drop=True)
    until = np.where(then.until >= day, NO_DAY, then.until)
    believed = places[past.positions[lasts]], past.settled[lasts], past.known[lasts]
    return replace(then, invoices=invoices, customer=past.customer[left], until=until), believed


def _of_customers(name: str) -> bool:
    field = SPEC.fields.get(name)
    return field is not None and field.table == "customers"


def _blank(invoices: pd.DataFrame, name: str, where: Flags) -> None:
    """Days become `NO_DAY`, everything else missing."""
    nothing = NO_DAY if invoices[name].dtype.kind in "iu" else np.nan
    invoices[name] = invoices[name].mask(where, nothing)


def _apart(used: Column, again: Column) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """By how much two columns differ, 0 where only by rounding; texts by 1."""
    if used.dtype.kind != "f" or again.dtype.kind != "f":
        return np.asarray(used != again, dtype=np.float64)
    first, second = used.astype(np.float64), again.astype(np.float64)
    apart = np.abs(np.nan_to_num(first) - np.nan_to_num(second)) + (np.isnan(first) != np.isnan(second))
    return np.where(apart > _ROUNDING * np.maximum(1.0, np.abs(np.nan_to_num(first))), apart, 0.0)


def _finding(name: str, differ: int, rows: int, largest: float) -> GuardFinding:
    return GuardFinding(
        check="recomputation",
        subject=name,
        what=f"is another on {differ} of {rows} rows when it is built from what was known at their invoice dates",
        figures={"rows": rows, "differ": differ, "largest_difference": largest},
        next_step=f"take {name} out of the recipe's features: it knows what came later",
    )
