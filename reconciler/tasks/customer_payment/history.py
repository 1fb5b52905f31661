"""What was known of a customer at a date: sums over the customer's other invoices, by sorting and running sums.

Only what was known strictly before a row's as-of date counts, and never the row itself. Formulas are in
docs/features.md; `tests/training/reference.py` says the same slowly. O(n log n), no loop over rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days, Outcomes
from reconciler.tasks.customer_payment.past import Flags
from reconciler.tasks.customer_payment.portfolio import known_portfolio
from reconciler.tasks.customer_payment.settlements import (
    DAYS_LIMIT,
    READ,
    Numbers,
    Rows,
    Settlements,
    between,
    closed,
    customer_day,
    decaying,
    halved,
    in_any_order,
    lateness,
    refuse_settled,
    settlements,
    span,
    spells,
    with_past,
)
from reconciler.tasks.customer_payment.tables import Tables

#: How many invoices the portfolio weighs in a customer's means and shares.
OWN_WEIGHT = 3.0

_PART, _THREADS = 100_000, 2  # invoices; NumPy sorts and adds without holding the interpreter
_UNITS = 10_000  # amounts are summed as whole ten-thousandths: exact in any order


def history(tables: Tables, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    """Every feature of the group customer-history, float64, one value a row, never NaN.

    Raises ValueError for a row whose own settlement was known before its as-of date: there is nothing to predict.
    """
    refuse_settled(tables, rows)
    tables = with_past(tables)
    of_all = known_portfolio(in_any_order(tables), outcomes)
    out: dict[str, Numbers] = {}

    def found(part: tuple[Tables, Rows, Days]) -> tuple[Days, dict[str, Numbers]]:
        its, asked, places = part
        return places, _part_history(its, asked, outcomes, of_all(asked.as_of))

    with ThreadPoolExecutor(_THREADS) as threads:
        for places, values in threads.map(found, _parts(tables, rows)):
            for name in values:
                out.setdefault(name, np.empty(len(rows.as_of)))[places] = values[name]
    return out


def _parts(tables: Tables, rows: Rows) -> Iterator[tuple[Tables, Rows, Days]]:
    """The invoices of some customers, the rows asked about among them, and which those are in `rows`. At least one
    part.

    Customers know nothing of each other. Parts are small enough for the processor's caches, and their rows come by
    customer and as-of: every look-up is near the one before it.
    """
    by_customer = np.argsort(tables.customer)
    if len(by_customer) == 0:
        yield _part(tables, by_customer), rows, rows.positions
        return
    order = np.argsort(customer_day(tables.customer[rows.positions], rows.as_of))
    customer, who = tables.customer[by_customer], tables.customer[rows.positions[order]]
    place = np.empty_like(by_customer)
    place[by_customer] = np.arange(len(place))
    cuts = np.unique(np.searchsorted(customer, customer[::_PART]))
    asked = np.append(np.searchsorted(who, customer[cuts]), len(who))
    for begin, end, first, last in zip(cuts, np.append(cuts[1:], len(customer)), asked, asked[1:], strict=False):
        if first < last or (len(who) == 0 and begin == 0):
            places = order[first:last]
            inside = Rows(place[rows.positions[places]] - begin, rows.as_of[places])
            yield _part(tables, by_customer[begin:end], place - begin), inside, places


def _part(tables: Tables, positions: Days, places: Days | None = None) -> Tables:
    """The invoices at these positions, with what is read of them here; `places` says where each invoice is then."""
    columns = {name: tables.invoices[name].to_numpy()[positions] for name in READ if name in tables.invoices}
    customer = tables.customer[positions]
    lowest = int(customer[0]) if len(customer) else 0
    past = tables.past
    if past is not None and places is not None:
        there = places[past.positions]
        past = past.take((there >= 0) & (there < len(positions)), places)
    return Tables(pd.DataFrame(columns), customer - lowest, tables.known, tables.data_date, past)


def _part_history(tables: Tables, rows: Rows, outcomes: Outcomes, of_all: dict[str, Numbers]) -> dict[str, Numbers]:
    """`history` of rows that are sorted by customer and as-of."""
    every = settlements(tables)
    start, end = every.before(rows, tables.customer[rows.positions])
    settled = _settled(every, start, end, rows=rows, outcomes=outcomes)
    overdue = _overdue(tables, every, start, end, rows=rows, outcomes=outcomes)
    n, late = settled["n"], settled["late"] + OWN_WEIGHT * of_all["late"]

    def held(total: Numbers, weight: Numbers, name: str) -> Numbers:
        return np.asarray((total + OWN_WEIGHT * of_all[name]) / (weight + OWN_WEIGHT))

    return {
        "history_settled": n,
        "history_days_late": held(settled["days_late"], n, "days_late"),
        "history_days_late_recent": held(settled["recent_sum"], settled["recent_n"], "days_late"),
        "history_last_days_late": np.where(n > 0, settled["last"], of_all["days_late"]),
        "history_late_share": held(settled["late"], n, "late"),
        "history_very_late_share": held(settled["very_late"], n, "very_late"),
        "history_known_late_share": (late + overdue["count"]) / (n + overdue["count"] + OWN_WEIGHT),
        "history_disputed_share": held(settled["disputed"], settled["told"], "disputed"),
        "overdue_count": overdue["count"],
        "overdue_amount_log": np.log1p(np.maximum(overdue["amount"], 0.0)),
        "overdue_age_days": overdue["age"] / np.maximum(overdue["count"], 1.0),
        "tenure_days": _tenure(tables, rows),
    }


def outcome_counts(tables: Tables, rows: Rows, outcomes: Outcomes) -> Numbers:
    """[rows, outcomes]: how many of the customer's other invoices were known settled, by outcome, before as-of."""
    tables = with_past(tables)
    every = settlements(tables)
    start, end = every.before(rows, tables.customer[rows.positions])
    counted = lateness(every, outcomes)
    n, late, very = (
        every.count(start, end),
        between(counted["late"], start, end),
        between(counted["very_late"], start, end),
    )
    counts = [n - late, late - very, very] if outcomes.very_late_after else [n - late, late]
    return np.stack(counts, axis=1).astype(np.float64)


def without_history(tables: Tables, rows: Rows) -> npt.NDArray[np.bool_]:
    """Where no other invoice of the row's customer was known to have settled before as-of: the cold starts."""
    if tables.past is not None:
        tables = with_past(tables)
        every = settlements(tables)
        return np.asarray(every.count(*every.before(rows, tables.customer[rows.positions])) == 0, dtype=np.bool_)
    first = np.full(int(tables.customer.max(initial=-1)) + 1, NO_DAY, dtype=np.int64)
    np.minimum.at(first, tables.customer, tables.days("known_date"))
    return np.asarray(first[tables.customer[rows.positions]] >= rows.as_of, dtype=np.bool_)


def unusual_terms(tables: Tables, rows: Rows) -> Numbers:
    """The row's terms less the mean terms of the customer's other invoices dated before as-of; 0 where none is."""
    tables = with_past(tables)
    invoiced = tables.days("invoice_date")
    terms = np.clip(tables.days("due_date") - invoiced, -DAYS_LIMIT, DAYS_LIMIT)
    begun = _Begun.of(tables.customer, invoiced + 1, np.arange(len(terms)))
    start, end = begun.until(tables.customer[rows.positions], rows.as_of)
    own = invoiced[rows.positions] < rows.as_of
    count = end - start - own
    total = between(terms[begun.positions], start, end) - np.where(own, terms[rows.positions], 0)
    usual = total / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, terms[rows.positions] - usual, 0.0), dtype=np.float64)


def _settled(every: Settlements, start: Days, end: Days, *, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    flags = {"told": every.signed(every.told), "disputed": every.signed(every.disputed)}
    counted = {**lateness(every, outcomes), **flags}
    out = {name: between(values, start, end).astype(np.float64) for name, values in counted.items()}
    out["n"] = every.count(start, end).astype(np.float64)
    if len(every.day) == 0:
        return out | {name: np.zeros(len(start)) for name in ("last", "recent_n", "recent_sum")}
    some, last, late = end > start, np.maximum(end - 1, 0), every.days
    each = [every.fading(np.ones_like(late)), every.fading(late)]
    count, total = decaying(every.customer, every.day, each)
    fade = np.where(some, halved(rows.as_of - every.day[last]), 0.0)
    out["last"] = np.where(out["n"] > 0, late[every.last(start, end, rows.as_of)], 0).astype(np.float64)
    return out | {"recent_n": count[last] * fade, "recent_sum": total[last] * fade}


def _amounts(tables: Tables) -> Days:
    """Amounts in the company's currency where known, else in the invoice's, in ten-thousandths."""
    amount = tables.invoices["amount"]
    if "accounting_amount" in tables.invoices:
        amount = tables.invoices["accounting_amount"].fillna(amount)
    units = np.nan_to_num(amount.to_numpy(dtype=np.float64) * _UNITS, posinf=0.0, neginf=0.0)
    return np.asarray(np.rint(np.clip(units, -1e15, 1e15)), dtype=np.int64)


def _overdue(
    tables: Tables, every: Settlements, start: Days, end: Days, *, rows: Rows, outcomes: Outcomes
) -> dict[str, Numbers]:
    """Other invoices that by as-of were late and not known settled strictly before it: count, amount, summed age.

    Those that had become late, less those of them among the settlements known before as-of, which are [start, end).
    """
    due, times = tables.days("due_date"), spells(tables)
    begins = np.maximum(due + outcomes.late_after, tables.days("invoice_date")) + 1
    its: slice | Days = slice(None) if times is None else times.positions
    since = begins if times is None else np.maximum(begins[its], times.opened + 1)
    ever = since <= (tables.days("known_date") if times is None else times.known)
    begun = _Begun.of(tables.customer[its], since, np.flatnonzero(ever))
    first, last = begun.until(tables.customer[rows.positions], rows.as_of)
    own = np.flatnonzero((begins[rows.positions] <= rows.as_of) & ~closed(tables, rows))
    ends = ever[every.positions] if every.since is None else ever[every.positions] & (every.day == every.since)

    def open_late(values: Days | Flags) -> Days:
        out = between(values[its][begun.positions], first, last)
        out -= between(values[its][every.positions] * ends, start, end)
        out[own] -= values[rows.positions[own]]
        return out

    count = open_late(np.ones(len(due), dtype=np.bool_))
    return {
        "count": count.astype(np.float64),
        "amount": open_late(_amounts(tables)) / _UNITS,
        "age": (rows.as_of * count - open_late(due)).astype(np.float64),
    }


@dataclass(frozen=True)
class _Begun:
    """Invoices (positions) by customer and a day on which something began for each."""

    positions: Days
    keys: Days

    @classmethod
    def of(cls, customer: Days, day: Days, positions: Days) -> _Begun:
        """The invoices at these positions, sorted."""
        keys = customer_day(customer[positions], day[positions])
        order = np.argsort(keys)
        return cls(positions[order], keys[order])

    def until(self, who: Days, as_of: Days) -> tuple[Days, Days]:
        """[start, end) of those of the customers `who` that had begun by each as-of."""
        return span(self.keys, who, customer_day(who, as_of + 1))


def _tenure(tables: Tables, rows: Rows) -> Numbers:
    """Days from the customer's first other invoice to as-of, 0 where there is none before it."""
    day, size = tables.days("invoice_date"), len(tables.customer)
    keys = day * size + np.arange(size)  # sorts by day, and says which row it is
    first = np.full(int(tables.customer.max(initial=-1)) + 1, NO_DAY * size)
    np.minimum.at(first, tables.customer, keys)
    second = np.full_like(first, NO_DAY * size)
    others = keys != first[tables.customer]
    np.minimum.at(second, tables.customer[others], keys[others])
    who = tables.customer[rows.positions]
    opened = np.where(first[who] == keys[rows.positions], second[who], first[who]) // size
    return np.asarray(np.maximum(rows.as_of - opened, 0), dtype=np.float64)
