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


def outcome(amount: int, settlements: Sequence[Settled], as_of: int | None = None) -> Outcome:
    """What is known of an invoice of `amount` cents at the end of day `as_of`."""
    counted = [each for each in settlements if as_of is None or each.known <= as_of]
    credited = sum(each.cents for each in counted if each.kind == "credit-note")
    written = sum(each.cents for each in counted if each.kind == "write-off")
    cents = min(Fraction(5), Fraction(amount, 100))
    to_pay = amount - credited - written - cents
    if _paid(counted, None) < to_pay:
        return Outcome(None, None, None)
    left_out = None
    if Fraction(credited + written) > Fraction(amount, 10):
        left_out = "written-off" if written >= credited else "credited"
    days = sorted({each.paid for each in counted if _pays(each)})
    for day in days:
        if all(_paid(counted, later) >= to_pay for later in days if later >= day):
            return Outcome(day, _known(amount - cents, counted, day), left_out)
    return Outcome(None, None, left_out)


def _known(in_full: Fraction, counted: Sequence[Settled], day: int) -> int:
    """What was paid by then has to be recorded; where that is not all of it, the credit notes and write-offs too."""
    needed = [each.known for each in counted if _pays(each) and each.paid <= day]
    if _paid(counted, day) < in_full:
        needed += [each.known for each in counted if not _pays(each)]
    return max(needed)


def _pays(each: Settled) -> bool:
    return each.kind in ("payment", "discount", "reversal")


def _paid(counted: Sequence[Settled], until: int | None) -> int:
    total = 0
    for each in counted:
        if _pays(each) and (until is None or each.paid <= until):
            total += -abs(each.cents) if each.kind == "reversal" else each.cents
    return total
