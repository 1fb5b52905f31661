"""From when on a payment is very late, so that each outcome has rows enough to be learnt and judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

USUAL = 30
_CANDIDATES = (30, 21, 15, 10, 7, 5)
_SHARE, _EXAM_ROWS, _FEWEST = 0.05, 30, 10
_LATEST = 0.2


@dataclass(frozen=True)
class Limits:
    """`very_late_after_days`, why it is that, and how many rows of each outcome the exam's window has at least
    (`exam_rows`: what a gate can ask for)."""

    very_late_after_days: int
    why: str
    exam_rows: int


def choose_limits(
    invoice: Sequence[date | None], due: Sequence[date | None], settled: Sequence[date | None], as_of: str | None
) -> Limits:
    """30 days unless the very late are then under 5 % of the mature rows or under 10 in the newest fifth; then the
    next shorter period that gives both; the usual one where none does."""
    rows = _rows(invoice, due, settled, date.fromisoformat(as_of) if as_of else None)
    if not rows:
        return Limits(USUAL, "the usual period: nothing is settled yet", _FEWEST)
    data_date = max(day for row in rows for day in (row[0], row[2]) if day is not None)
    tried = ""
    for days in _CANDIDATES:
        counts, exam = _counts(rows, days, date.fromisoformat(as_of) if as_of else data_date)
        share = counts[2] / max(1, sum(counts))
        if share >= _SHARE and min(exam) >= _FEWEST:
            why = "the usual period" if days == USUAL else f"{tried}; from {days} days it is {counts[2]:,}"
            return Limits(days, why, _EXAM_ROWS if min(exam) >= _EXAM_ROWS else _FEWEST)
        tried = tried or f"from {days} days only {counts[2]:,} of {sum(counts):,} rows are very late"
    return Limits(USUAL, f"{tried}; no shorter period gives each outcome 10 of the newest rows", _FEWEST)


def _rows(
    invoice: Sequence[date | None], due: Sequence[date | None], settled: Sequence[date | None], as_of: date | None
) -> list[tuple[date, date, date | None]]:
    if not (invoice and due and settled):
        return []
    out = []
    for day, limit, paid in zip(invoice, due, settled, strict=True):
        if day is not None and limit is not None and day <= limit and (as_of is None or day <= as_of):
            out.append((day, limit, paid if paid is None or as_of is None or paid <= as_of else None))
    return out


def _counts(
    rows: Sequence[tuple[date, date, date | None]], very_late: int, data_date: date
) -> tuple[list[int], list[int]]:
    """Rows of each outcome: all mature ones, and those of the newest fifth of dates."""
    mature = sorted(
        (day, limit, paid or date.max) for day, limit, paid in rows if limit + timedelta(days=very_late) <= data_date
    )
    if not mature:
        return [0, 0, 0], [0, 0, 0]
    cut = mature[min(len(mature) - 1, int((1 - _LATEST) * len(mature)))][0]
    counts, exam = [0, 0, 0], [0, 0, 0]
    for day, limit, paid in mature:
        late = (paid - limit).days
        outcome = 0 if late <= 0 else 1 if late < very_late else 2
        counts[outcome] += 1
        exam[outcome] += day >= cut
    return counts, exam
