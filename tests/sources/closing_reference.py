"""When an invoice was settled, said slowly: one invoice, one settlement and one day at a time, in whole cents.

Slow and obviously right. Written from docs/task-customer-payment.md, not from the SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Settled:
    """A settlement of one invoice; days are numbers, amounts cents."""

    kind: str
    cents: int
    paid: int
    recorded: int

    @property
    def known(self) -> int:
        """The day from which it counts: nothing is known before it is recorded, nor before it has happened."""
        return max(self.paid, self.recorded)


@dataclass(frozen=True)
class Outcome:
    """The day it was settled, the day that was known, and why it is left out: None where that is not so."""

    settled: int | None
    known: int | None
    left_out: str | None


@dataclass(frozen=True)
class Episode:
    """What was believed for a time: settled on a day, or left out where that is None; since when, and until when
    (None: it still is)."""

    settled: int | None
    known: int
    until: int | None


def outcome(amount: int, settlements: Sequence[Settled], as_of: int | None = None) -> Outcome:
    """What is known of an invoice of `amount` cents at the end of day `as_of`."""
    now = _believed(amount, settlements, as_of)
    days = [day for day in _days(settlements) if as_of is None or day <= as_of]
    if now.left_out is not None or now.settled is None:
        return now
    since = None
    for day in reversed(days):
        if _believed(amount, settlements, day) != now:
            break
        since = day
    return Outcome(now.settled, since, None)


def episodes(amount: int, settlements: Sequence[Settled], as_of: int | None = None) -> list[Episode]:
    """All that was ever believed of an invoice but that it is open, and but for what an invoice that is kept says
    itself, which is the last."""
    days = [day for day in _days(settlements) if as_of is None or day <= as_of]
    told: list[tuple[int, Outcome]] = []
    for day in days:
        now = _believed(amount, settlements, day)
        now = Outcome(None, None, "left out") if now.left_out is not None else now
        if not told or told[-1][1] != now:
            told.append((day, now))
    out = []
    for number, (day, now) in enumerate(told):
        until = told[number + 1][0] if number + 1 < len(told) else None
        is_last = until is None and told[-1][1].left_out is None
        if (now.settled is not None or now.left_out is not None) and not is_last:
            out.append(Episode(now.settled, day, until))
    return out


def _days(settlements: Sequence[Settled]) -> list[int]:
    return sorted({each.known for each in settlements})


def _believed(amount: int, settlements: Sequence[Settled], as_of: int | None) -> Outcome:
    """The outcome at the end of a day, without the day since which it is known."""
    counted = [each for each in settlements if as_of is None or each.known <= as_of]
    credited = sum(each.cents for each in counted if each.kind == "credit-note")
    written = sum(each.cents for each in counted if each.kind == "write-off")
    to_pay = amount - credited - written - min(Fraction(5), Fraction(amount, 100))
    if _paid(counted, None) < to_pay:
        return Outcome(None, None, None)
    left_out = None
    if Fraction(credited + written) > Fraction(amount, 10):
        left_out = "written-off" if written >= credited else "credited"
    days = sorted({each.paid for each in counted if _pays(each)})
    for day in days:
        if left_out is None and all(_paid(counted, later) >= to_pay for later in days if later >= day):
            return Outcome(day, None, None)
    return Outcome(None, None, left_out)


def _pays(each: Settled) -> bool:
    return each.kind in ("payment", "discount", "reversal")


def _paid(counted: Sequence[Settled], until: int | None) -> int:
    total = 0
    for each in counted:
        if _pays(each) and (until is None or each.paid <= until):
            total += -abs(each.cents) if each.kind == "reversal" else each.cents
    return total
