"""What was known of a customer at a date: sums over the customer's other invoices, by sorting and running sums.

Only settlements strictly before a row's as-of date count, and never the row itself. Formulas are in
docs/task-customer-payment.md; `tests/training/reference.py` says the same slowly. O(n log n), no loop over rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days, Outcomes
from reconciler.tasks.customer_payment.tables import Tables

Numbers = npt.NDArray[np.float64]

#: How many invoices the portfolio weighs in a customer's means and shares.
OWN_WEIGHT = 3.0
#: What the portfolio is taken to be before anything has settled, and how many invoices that weighs.
PRIOR = {"days_late": 0.0, "late": 0.25, "very_late": 0.05}
PRIOR_WEIGHT = 10.0
#: A settlement weighs half as much for every so many days since.
HALF_LIFE = 90.0
#: Days late count no further than this in either direction: one forgotten invoice is not a habit.
DAYS_LATE_LIMIT = 365

_SPAN = 2**23  # more days than there are in the calendar of a date type
_FIRST_DAY = -800_000  # before 0001-01-01
_UNITS = 10_000  # amounts are summed as whole ten-thousandths: exact in any order


@dataclass(frozen=True)
class Rows:
    """Which invoices are asked about (positions), and what day it is for each."""

    positions: Days
    as_of: Days


def _key(customer: Days, day: Days) -> Days:
    """One number that sorts by customer, then by day."""
    return customer * _SPAN + np.clip(day - _FIRST_DAY, 0, _SPAN - 1)


def _running(values: Days) -> Days:
    """Sums of the first 0, 1, … n values. Whole numbers: a difference of two is exact."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(values, dtype=np.int64)])


def history(tables: Tables, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    """Every feature of the group customer-history, float64, one value a row, never NaN.

    Raises ValueError for a row whose own settlement lies before its as-of date: such a row has nothing to predict.
    """
    if bool(np.any(tables.days("settled_date")[rows.positions] < rows.as_of)):
        raise ValueError("a row that had settled before its as-of date is not a row to predict")
    settled = _settled(tables, rows, outcomes)
    overdue = _overdue(tables, rows, outcomes)
    n, portfolio = settled["n"], _portfolio(tables, rows, outcomes)
    own = settled["last"] * (n > 0) + portfolio["days_late"] * (n == 0)
    late = settled["late"] + OWN_WEIGHT * portfolio["late"]
    return {
        "history_settled": n,
        "history_days_late": (settled["days_late"] + OWN_WEIGHT * portfolio["days_late"]) / (n + OWN_WEIGHT),
        "history_days_late_recent": (settled["recent_sum"] + OWN_WEIGHT * portfolio["days_late"])
        / (settled["recent_n"] + OWN_WEIGHT),
        "history_last_days_late": own,
        "history_late_share": late / (n + OWN_WEIGHT),
        "history_very_late_share": (settled["very_late"] + OWN_WEIGHT * portfolio["very_late"]) / (n + OWN_WEIGHT),
        "history_known_late_share": (late + overdue["count"]) / (n + overdue["count"] + OWN_WEIGHT),
        "overdue_count": overdue["count"],
        "overdue_amount_log": np.log1p(np.maximum(overdue["amount"], 0.0)),
        "overdue_age_days": overdue["age"] / np.maximum(overdue["count"], 1.0),
        "tenure_days": _tenure(tables, rows),
    }


def outcome_counts(tables: Tables, rows: Rows, outcomes: Outcomes) -> Numbers:
    """[rows, outcomes]: how many of the customer's other invoices had settled with each outcome before as-of."""
    settled = _settled(tables, rows, outcomes)
    n, late, very = settled["n"], settled["late"], settled["very_late"]
    return np.stack([n - late, late - very, very] if outcomes.very_late_after else [n - late, late], axis=1)


def _settlements(tables: Tables) -> tuple[Days, Days, Days]:
    """Customer, settlement day and days late of everything settled, by customer, day, days late."""
    day, due = tables.days("settled_date"), tables.days("due_date")
    chosen = np.flatnonzero(day < NO_DAY)
    customer, day = tables.customer[chosen], day[chosen]
    late = np.clip(day - due[chosen], -DAYS_LATE_LIMIT, DAYS_LATE_LIMIT)
    order = np.lexsort((late, day, customer))
    return customer[order], day[order], late[order]


def _lateness(late: Days, outcomes: Outcomes) -> dict[str, Days]:
    very = (
        late >= min(outcomes.very_late_after, DAYS_LATE_LIMIT)
        if outcomes.very_late_after
        else np.zeros(len(late), dtype=np.bool_)
    )
    return {
        "days_late": late,
        "late": (late > min(outcomes.late_after, DAYS_LATE_LIMIT - 1)).astype(np.int64),
        "very_late": very.astype(np.int64),
    }


def _settled(tables: Tables, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    customer, day, late = _settlements(tables)
    who = tables.customer[rows.positions]
    keys = _key(customer, day)
    start = np.searchsorted(keys, who * _SPAN, side="left")
    end = np.searchsorted(keys, _key(who, rows.as_of), side="left")
    out = {"n": (end - start).astype(np.float64)}
    for name, values in _lateness(late, outcomes).items():
        running = _running(values)
        out[name] = (running[end] - running[start]).astype(np.float64)
    some = end > start
    last = np.maximum(end - 1, 0)
    padded = len(late) > 0
    out["last"] = np.where(some, late[last], 0).astype(np.float64) if padded else np.zeros(len(who))
    weight, total = _decaying(customer, day, late)
    fade = _halved(rows.as_of - day[last]) if padded else np.zeros(len(who))
    out["recent_n"] = np.where(some, weight[last] * fade, 0.0) if padded else np.zeros(len(who))
    out["recent_sum"] = np.where(some, total[last] * fade, 0.0) if padded else np.zeros(len(who))
    return out


def _halved(days: Days) -> Numbers:
    return np.asarray(np.exp2(-np.maximum(days, 0) / HALF_LIFE), dtype=np.float64)


def _decaying(customer: Days, day: Days, late: Days) -> tuple[Numbers, Numbers]:
    """Per settlement, the customer's number of settlements and days late so far, each faded to that day.

    y[i] = f[i] · y[i-1] + x[i] within a customer, by doubling: log2(longest history) passes of whole arrays. Factors
    stay below 1, so nothing overflows and no two customers' sums are ever subtracted.
    """
    count, total = np.ones(len(day)), late.astype(np.float64)
    factor = np.zeros(len(day))
    same = customer[1:] == customer[:-1]
    factor[1:] = np.where(same, _halved(day[1:] - day[:-1]), 0.0)
    longest = int(np.bincount(np.unique(customer, return_inverse=True)[1]).max()) if len(day) else 0
    shift = 1
    while shift < longest:
        faded = factor[shift:]
        count[shift:] += faded * count[:-shift].copy()
        total[shift:] += faded * total[:-shift].copy()
        factor[shift:] = faded * factor[:-shift].copy()
        factor[:shift] = 0.0
        shift *= 2
    return count, total


def _portfolio(tables: Tables, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    """Mean days late and shares over all customers' settlements before as-of, held to a fixed prior while few."""
    _, day, late = _settlements(tables)
    order = np.argsort(day, kind="stable")
    before = np.searchsorted(day[order], rows.as_of, side="left")
    return {
        name: (_running(values[order])[before] + PRIOR_WEIGHT * PRIOR[name]) / (before + PRIOR_WEIGHT)
        for name, values in _lateness(late, outcomes).items()
    }


def _amounts(tables: Tables) -> Days:
    """Amounts in the company's currency where known, else in the invoice's, in ten-thousandths."""
    amount = tables.invoices["amount"]
    if "accounting_amount" in tables.invoices:
        amount = tables.invoices["accounting_amount"].fillna(amount)
    units = np.nan_to_num(amount.to_numpy(dtype=np.float64) * _UNITS, posinf=0.0, neginf=0.0)
    return np.asarray(np.rint(np.clip(units, -1e15, 1e15)), dtype=np.int64)


def _overdue(tables: Tables, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    """Other invoices that by as-of were late and not settled strictly before it: count, amount, summed age."""
    due, settled = tables.days("due_date"), tables.days("settled_date")
    begins = np.maximum(due + outcomes.late_after, tables.days("invoice_date")) + 1
    ends = settled + 1
    chosen = np.flatnonzero(begins < ends)
    values = np.stack([np.ones(len(due), dtype=np.int64), _amounts(tables), due])
    who = tables.customer[rows.positions]
    sums = _upto(tables.customer, begins, values, chosen=chosen, who=who, as_of=rows.as_of)
    sums = sums - _upto(tables.customer, ends, values, chosen=chosen, who=who, as_of=rows.as_of)
    own = (begins[rows.positions] <= rows.as_of) & (rows.as_of < ends[rows.positions])
    sums = sums - np.where(own, values[:, rows.positions], 0)
    count, amount, due_sum = sums
    return {
        "count": count.astype(np.float64),
        "amount": amount.astype(np.float64) / _UNITS,
        "age": (rows.as_of * count - due_sum).astype(np.float64),
    }


def _upto(customer: Days, day: Days, values: Days, *, chosen: Days, who: Days, as_of: Days) -> Days:
    """[values, rows]: sums over the chosen invoices of the row's customer whose `day` is not after as-of."""
    keys = _key(customer[chosen], day[chosen])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    start = np.searchsorted(keys, who * _SPAN, side="left")
    end = np.searchsorted(keys, _key(who, as_of), side="right")
    running = np.stack([_running(value[chosen][order]) for value in values])
    return np.asarray(running[:, end] - running[:, start])


def _tenure(tables: Tables, rows: Rows) -> Numbers:
    """Days from the customer's first other invoice to as-of, 0 where there is none before it."""
    day = tables.days("invoice_date")
    order = np.lexsort((day, tables.customer))
    customer = np.append(tables.customer[order], -1)
    first = np.searchsorted(customer[:-1], tables.customer[rows.positions], side="left")
    first = first + (order[first] == rows.positions)
    there = customer[first] == tables.customer[rows.positions]
    opened = day[order[np.minimum(first, len(order) - 1)]]
    return np.asarray(np.where(there, np.maximum(rows.as_of - opened, 0), 0), dtype=np.float64)
