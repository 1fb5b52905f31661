"""The customer's history said slowly: one row, one invoice at a time, straight from the formulas of the document."""

from __future__ import annotations

import math
from dataclasses import dataclass

NEVER = 2**31 - 1


@dataclass(frozen=True)
class Line:
    """One invoice; `settled` is NEVER while open."""

    customer: str
    invoiced: int
    due: int
    settled: int
    amount: float


def _clip(days: int) -> int:
    return max(-365, min(365, days))


def history(lines: list[Line], row: int, as_of: int, late_after: int, very_late_after: int) -> dict[str, float]:
    """Every feature of customer-history for `lines[row]` at day `as_of`."""
    me = lines[row]
    others = [line for i, line in enumerate(lines) if i != row and line.customer == me.customer]
    settled = [line for line in others if line.settled < as_of]
    portfolio = [line for i, line in enumerate(lines) if i != row and line.settled < as_of]

    def days(line: Line) -> int:
        return _clip(line.settled - line.due)

    def is_late(line: Line) -> bool:
        return days(line) > late_after

    def is_very(line: Line) -> bool:
        return very_late_after > 0 and days(line) >= very_late_after

    size = len(portfolio) + 10
    mean = sum(days(x) for x in portfolio) / size
    late_share = (sum(map(is_late, portfolio)) + 10 * 0.25) / size
    very_share = (sum(map(is_very, portfolio)) + 10 * 0.05) / size
    n = len(settled)
    weights = [2 ** (-(as_of - x.settled) / 90) for x in settled]
    last = max(settled, key=lambda x: (x.settled, days(x)), default=None)
    overdue = [x for x in others if x.invoiced < as_of and as_of > x.due + late_after and x.settled >= as_of]
    owed = sum(x.amount for x in overdue)
    before = [x.invoiced for x in others if x.invoiced <= as_of]
    late = sum(map(is_late, settled))
    return {
        "history_settled": n,
        "history_days_late": (sum(map(days, settled)) + 3 * mean) / (n + 3),
        "history_days_late_recent": (sum(w * days(x) for w, x in zip(weights, settled, strict=True)) + 3 * mean)
        / (sum(weights) + 3),
        "history_last_days_late": days(last) if last else mean,
        "history_late_share": (late + 3 * late_share) / (n + 3),
        "history_very_late_share": (sum(map(is_very, settled)) + 3 * very_share) / (n + 3),
        "history_known_late_share": (late + len(overdue) + 3 * late_share) / (n + len(overdue) + 3),
        "overdue_count": len(overdue),
        "overdue_amount_log": math.log1p(max(owed, 0.0)),
        "overdue_age_days": sum(as_of - x.due for x in overdue) / len(overdue) if overdue else 0.0,
        "tenure_days": as_of - min(before) if before else 0,
    }
