"""What was known of all customers together at a date: the portfolio that customers' means and shares are held to.

Over every settlement known strictly before as-of, of all legal entities, as if `PRIOR_WEIGHT` more invoices had been
as `PRIOR` says: so the first day of the data has values too. The same for all rows of one as-of date, so that as
features they move with time: no recipe gets them unless it asks for their group.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reconciler.tasks.customer_payment.outcomes import Days, Outcomes
from reconciler.tasks.customer_payment.past import Flags
from reconciler.tasks.customer_payment.settlements import (
    Numbers,
    Rows,
    Settlements,
    decaying,
    halved,
    in_any_order,
    lateness,
    refuse_settled,
    with_past,
)
from reconciler.tasks.customer_payment.tables import Tables

#: What the portfolio is taken to be before anything has settled, and how many invoices that weighs.
PRIOR = {"days_late": 0.0, "late": 0.25, "very_late": 0.05, "disputed": 0.1}
PRIOR_WEIGHT = 10.0


def known_portfolio(settled: Settlements, outcomes: Outcomes) -> Callable[[Days], dict[str, Numbers]]:
    """For as-of dates: mean days late, shares late, very late and disputed before, held to the prior while few.

    By day: sums are whole numbers that a float64 holds exactly, and days are few."""
    first = int(settled.day.min(initial=0))
    day = settled.day - first

    def known(values: Days | Flags | None) -> Numbers:
        return np.append(0.0, np.cumsum(np.bincount(day, weights=values)))

    size, told = known(settled.sign), known(settled.signed(settled.told))
    counted = {name: (known(values), size) for name, values in lateness(settled, outcomes).items()}
    counted["disputed"] = (known(settled.signed(settled.disputed)), told)
    means = {name: (total + PRIOR_WEIGHT * PRIOR[name]) / (of + PRIOR_WEIGHT) for name, (total, of) in counted.items()}

    def before(as_of: Days) -> dict[str, Numbers]:
        days = np.clip(as_of - first, 0, len(size) - 1)
        return {name: values[days] for name, values in means.items()}

    return before


def portfolio(tables: Tables, rows: Rows, outcomes: Outcomes) -> dict[str, Numbers]:
    """Every feature of the group portfolio, float64, one value a row, never NaN.

    Raises ValueError for a row whose own settlement was known before its as-of date.
    """
    refuse_settled(tables, rows)
    settled = in_any_order(with_past(tables))
    known = known_portfolio(settled, outcomes)(rows.as_of)
    return {
        "portfolio_days_late": known["days_late"],
        "portfolio_days_late_recent": _recent(settled, rows),
        "portfolio_late_share": known["late"],
        "portfolio_very_late_share": known["very_late"],
    }


def _recent(settled: Settlements, rows: Rows) -> Numbers:
    """Mean days late, each settlement halved in weight for every 90 days. Summed by day first: days are few."""
    if len(settled.day) == 0:
        return np.full(len(rows.as_of), PRIOR["days_late"])
    day = settled.day - int(settled.day.min())
    count, late = (
        np.bincount(day, weights=settled.fading(each)).astype(np.float64)
        for each in (np.ones_like(settled.days), settled.days)
    )
    there = np.flatnonzero(np.bincount(day))
    days = there + int(settled.day.min())
    weight, total = decaying(np.zeros(len(days), dtype=np.int64), days, [count[there], late[there]])
    last = np.searchsorted(days, rows.as_of, side="left") - 1
    fade = np.where(last >= 0, halved(rows.as_of - days[last]), 0.0)
    return np.asarray((total[last] * fade + PRIOR_WEIGHT * PRIOR["days_late"]) / (weight[last] * fade + PRIOR_WEIGHT))
