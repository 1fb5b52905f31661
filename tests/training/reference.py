"""What was known of a customer and of the portfolio, said slowly: one row, one invoice at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import mean

NEVER = 2**31 - 1


@dataclass(frozen=True)
class Episode:
    """What was believed of an invoice from the day `known` until the day `until` (NEVER: it still is): that it had
    been paid on `settled`, or that it is left out where that is NEVER."""

    settled: int
    known: int
    until: int = NEVER


@dataclass(frozen=True)
class Line:
    """One invoice; `settled` (the day it was paid) is NEVER while open. `recorded`: the day on which that became
    known, None where it was the day of the payment. `disputed`: None where the data does not say. `episodes`: what
    was believed before that; `out`: it was credited or written off, which the last episode says."""

    customer: str
    invoiced: int
    due: int
    settled: int
    amount: float
    recorded: int | None = None
    disputed: bool | None = None
    entity: str = "L"
    episodes: tuple[Episode, ...] = ()
    out: bool = False

    @property
    def known(self) -> int:
        """The day on which it was known that this had settled."""
        if self.settled == NEVER or self.recorded is None:
            return self.settled
        return max(self.recorded, self.settled)


def seen(lines: list[Line], as_of: int) -> list[Line]:
    """The invoices as they were known strictly before as-of. `out` then says that this was known."""
    return [_seen(line, as_of) for line in lines]


def _seen(line: Line, as_of: int) -> Line:
    for each in line.episodes:
        if each.known < as_of <= each.until:
            return replace(line, settled=each.settled, recorded=each.known, out=each.settled == NEVER)
    if not line.out and line.known < as_of:
        return line
    return replace(line, settled=NEVER, recorded=None, out=False)


def _clip(days: int) -> int:
    return max(-365, min(365, days))


def _days(line: Line) -> int:
    return _clip(line.settled - line.due)


def _weight(as_of: int, line: Line) -> float:
    return 2 ** (-(as_of - line.known) / 90)


@dataclass(frozen=True)
class Portfolio:
    """m, p, q, d and the recency-weighted mean of what had settled anywhere before a day."""

    days: float
    late: float
    very: float
    disputed: float
    recent: float


def _known_before(lines: list[Line], row: int, as_of: int) -> list[Line]:
    return [line for i, line in enumerate(lines) if i != row and line.known < as_of]


def _others(lines: list[Line], row: int) -> list[Line]:
    me = lines[row]
    return [x for i, x in enumerate(lines) if i != row and (x.entity, x.customer) == (me.entity, me.customer)]


def _is_late(line: Line, late_after: int) -> bool:
    return line.settled - line.due > late_after


def _is_very(line: Line, very_late_after: int) -> bool:
    return very_late_after > 0 and line.settled - line.due >= very_late_after


def of_all(lines: list[Line], row: int, as_of: int, late_after: int, very_late_after: int) -> Portfolio:
    """What was known of all customers before `as_of`."""
    lines = seen(lines, as_of)
    known = _known_before(lines, row, as_of)
    told = [x for x in known if x.disputed is not None]
    weights = [_weight(as_of, x) for x in known]
    return Portfolio(
        days=sum(map(_days, known)) / (len(known) + 10),
        late=(sum(_is_late(x, late_after) for x in known) + 10 * 0.25) / (len(known) + 10),
        very=(sum(_is_very(x, very_late_after) for x in known) + 10 * 0.05) / (len(known) + 10),
        disputed=(sum(bool(x.disputed) for x in told) + 10 * 0.1) / (len(told) + 10),
        recent=sum(w * _days(x) for w, x in zip(weights, known, strict=True)) / (sum(weights) + 10),
    )


def portfolio(lines: list[Line], row: int, as_of: int, late_after: int, very_late_after: int) -> dict[str, float]:
    """Every feature of the group portfolio for `lines[row]` at day `as_of`."""
    found = of_all(lines, row, as_of, late_after, very_late_after)
    return {
        "portfolio_days_late": found.days,
        "portfolio_days_late_recent": found.recent,
        "portfolio_late_share": found.late,
        "portfolio_very_late_share": found.very,
    }


def unusual_terms(lines: list[Line], row: int, as_of: int) -> float:
    """The row's terms less the mean of the customer's other terms, of invoices dated before as-of."""
    usual = [_clip(x.due - x.invoiced) for x in _others(lines, row) if x.invoiced < as_of]
    return _clip(lines[row].due - lines[row].invoiced) - mean(usual) if usual else 0.0


def history(lines: list[Line], row: int, as_of: int, late_after: int, very_late_after: int) -> dict[str, float]:
    """Every feature of customer-history for `lines[row]` at day `as_of`."""
    others = _others(seen(lines, as_of), row)
    settled = [x for x in others if x.known < as_of]
    every = of_all(lines, row, as_of, late_after, very_late_after)
    n = len(settled)
    weights = [_weight(as_of, x) for x in settled]
    last = max(settled, key=lambda x: (x.known, _days(x)), default=None)
    still = [x for x in others if x.known >= as_of and not x.out]
    overdue = [x for x in still if x.invoiced < as_of and as_of > x.due + late_after]
    owed = sum(x.amount for x in overdue)
    before = [x.invoiced for x in others if x.invoiced <= as_of]
    late = sum(_is_late(x, late_after) for x in settled)
    told = [x for x in settled if x.disputed is not None]
    return {
        "history_settled": n,
        "history_days_late": (sum(map(_days, settled)) + 3 * every.days) / (n + 3),
        "history_days_late_recent": (sum(w * _days(x) for w, x in zip(weights, settled, strict=True)) + 3 * every.days)
        / (sum(weights) + 3),
        "history_last_days_late": _days(last) if last else every.days,
        "history_late_share": (late + 3 * every.late) / (n + 3),
        "history_very_late_share": (sum(_is_very(x, very_late_after) for x in settled) + 3 * every.very) / (n + 3),
        "history_known_late_share": (late + len(overdue) + 3 * every.late) / (n + len(overdue) + 3),
        "history_disputed_share": (sum(bool(x.disputed) for x in told) + 3 * every.disputed) / (len(told) + 3),
        "overdue_count": len(overdue),
        "overdue_amount_log": math.log1p(max(owed, 0.0)),
        "overdue_age_days": sum(as_of - x.due for x in overdue) / len(overdue) if overdue else 0.0,
        "tenure_days": as_of - min(before) if before else 0,
    }
