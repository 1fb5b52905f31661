"""Which columns of settlements are the day of the payment, the day it was recorded, and the amount, and which sign it
has: by their names, and by the invoices that the rows are linked to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

from reconciler.core.guess_days import DateReading
from reconciler.core.guess_links import Invoices
from reconciler.core.guess_names import named
from reconciler.core.guess_values import Column
from reconciler.core.proposed import Refused

_ALIKE = 0.95
_MOST = 5
_Days = Sequence[date | None]


@dataclass(frozen=True)
class Linked:
    """Settlements beside the invoices: for each row which invoice it is of (its position), or None."""

    invoices: Invoices
    places: Sequence[int | None]

    def days(self, role: str) -> _Days:
        """The date of each row's invoice."""
        there = self.invoices.days.get(role, ())
        return [there[place] if place is not None and there else None for place in self.places]

    def amounts(self) -> list[float | None]:
        """What each invoice is of, by its position."""
        column = self.invoices.columns.get("amount")
        return column.read_numbers(column.number.decimal) if column is not None and column.number else []


# --- days ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dated:
    """A date column with its reading, and why."""

    column: Column
    reading: DateReading
    why: str
    doubt: str = ""


def find_days(columns: Sequence[Column], linked: Linked) -> tuple[dict[str, Dated], list[Refused]]:
    """`paid_on` and `recorded_on`, where there are such; and the columns that only repeat a date of the invoice."""
    dated = [column for column in columns if column.dates]
    refused = [Refused(c.name, why) for c in dated if (why := _of_the_invoice(c, linked))]
    gone = {each.column for each in refused}
    left = sorted((c for c in dated if c.name not in gone), key=lambda c: -_name(c))[:_MOST]
    best = max(_choices(left, linked), key=lambda choice: choice[0], default=None)
    if best is None:
        return {}, refused
    return {role: _told(role, column, reading, linked) for role, column, reading in best[1]}, refused


def _name(column: Column) -> float:
    return max(named("paid_on", column.name), named("recorded_on", column.name))


def _of_the_invoice(column: Column, linked: Linked) -> str:
    for role, words in (("due_date", "due date"), ("invoice_date", "date")):
        theirs = linked.days(role)
        for reading in column.dates:
            pairs = [(a, b) for a, b in zip(column.read_dates(reading), theirs, strict=True) if a and b]
            if len(pairs) >= 10 and sum(a == b for a, b in pairs) >= _ALIKE * len(pairs) and column.distinct > 1:
                return f"the invoice's own {words}"
    return ""


_Choice = tuple[float, list[tuple[str, Column, DateReading]]]


def _choices(dated: Sequence[Column], linked: Linked) -> Iterator[_Choice]:
    begun = linked.days("invoice_date")
    for paid, recorded in product(dated, (None, *dated)):
        if recorded is paid or (recorded is not None and not named("recorded_on", recorded.name)):
            continue
        for reading, other in product(paid.dates, recorded.dates if recorded else (None,)):
            found = [("paid_on", paid, reading)]
            days = paid.read_dates(reading)
            score = 3 * named("paid_on", paid.name) + _after(begun, days) + 0.3 * paid.filled / len(days)
            score += 0.05 * (reading.order == linked.invoices.order)
            if recorded is not None and other is not None:
                later = recorded.read_dates(other)
                score += 2 * named("recorded_on", recorded.name) + 2 * _after(days, later) - 1.5
                score += 0.05 * (other.order == linked.invoices.order)
                found.append(("recorded_on", recorded, other))
            yield score, found


def _after(first: _Days, second: _Days) -> float:
    """Which share of the second's days come on the first's day or after, within three years."""
    gaps = [(b - a).days for a, b in zip(first, second, strict=True) if a and b]
    return sum(0 <= gap <= 1100 for gap in gaps) / len(gaps) if gaps else 0.0


def _told(role: str, column: Column, reading: DateReading, linked: Linked) -> Dated:
    why = "by its name" if named(role, column.name) else "the day that fits the invoices best"
    if column.native:
        return Dated(column, reading, f"{why}; a date in the source")
    if len(column.dates) == 1:
        return Dated(column, reading, f"{why}; {reading.order}")
    if reading.order == linked.invoices.order:
        return Dated(column, reading, f"{why}; {reading.order}, as in the invoices")
    doubt = f"{column.name} can be read both ways; {reading.order} was chosen, check it"
    return Dated(column, reading, f"{why}; {reading.order}", doubt)


# --- amounts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paid:
    """The column of amounts, why it is that, and whether it is written negative where it lowers a debt."""

    column: Column
    why: str
    negate: bool
    doubts: tuple[str, ...] = ()


def find_amount(columns: Sequence[Column], linked: Linked, kinds: Sequence[str]) -> Paid | None:
    """`kinds`: the kind of each row. None where no column holds amounts."""
    offers = [(*_judged(column, linked, kinds), column) for column in columns if _may_be_amount(column)]
    score, adds_up, column = max(offers, key=lambda offer: offer[0], default=(0.0, 0.0, None))
    if column is None or score < 1:
        return None
    reasons = ["by its name"] if named("settled_amount", column.name) or named("amount", column.name) else []
    reasons += [f"adds up to the invoice on {adds_up:.0%} of those that it names"] if adds_up else []
    negate, words, doubts = _sign(column, linked, kinds)
    return Paid(column, "; ".join([*(reasons or ["numbers with the most variety"]), *words]), negate, tuple(doubts))


def _may_be_amount(column: Column) -> bool:
    return column.number is not None and not column.dates and column.filled >= 0.9 * len(column.values)


def _judged(column: Column, linked: Linked, kinds: Sequence[str]) -> tuple[float, float]:
    assert column.number is not None  # noqa: S101  `_may_be_amount` looked
    name = max(named("settled_amount", column.name), 0.8 * named("amount", column.name))
    other = max(named(role, column.name) for role in ("open_amount", "accounting_amount", "invoice", "customer"))
    adds_up = _adds_up(column, linked, kinds) if linked.invoices.is_whole else 0.0
    shape = 0.6 if column.number.fractions else 0.0
    return 2 * name + shape + 2 * adds_up - 1.5 * max(0.0, other - name), adds_up


def _adds_up(column: Column, linked: Linked, kinds: Sequence[str]) -> float:
    """On which share of the invoices that are named the amounts add up to the invoice's own. A reversal takes back,
    whatever its sign."""
    theirs, sums = linked.amounts(), dict[int, float]()
    if not theirs:
        return 0.0
    rows = list(zip(linked.places, numbers_of(column), kinds, strict=True))
    negative = sum(number < 0 for _, number, kind in rows if number and kind == "payment")
    side = -1 if 2 * negative > sum(bool(number) and kind == "payment" for _, number, kind in rows) else 1
    for place, number, kind in rows:
        if place is not None and number is not None:
            sums[place] = sums.get(place, 0.0) + (-abs(number) if kind == "reversal" else side * number)
    pairs = [(abs(paid), abs(of)) for place, paid in sums.items() if (of := theirs[place])]
    return sum(abs(paid - of) <= 0.01 * of for paid, of in pairs) / len(pairs) if pairs else 0.0


def numbers_of(column: Column) -> list[float | None]:
    """The column as numbers, by the mark that reads most."""
    return column.read_numbers(column.number.decimal) if column.number else [None] * len(column.values)


def _sign(column: Column, linked: Linked, kinds: Sequence[str]) -> tuple[bool, list[str], list[str]]:
    """(whether to turn the sign, what to say of it, what to check). Only rows of invoices count: a table may hold both
    sides of each settlement."""
    shares = _negative(column, linked, kinds)
    plain = shares.get("payment", shares.get("discount"))
    if plain is None:
        return False, [], []
    negate = plain > 0.5
    doubts = []
    if 0.1 < plain < 0.9:
        share = min(plain, 1 - plain)
        doubts.append(f"{share:.0%} of the payments in {column.name} have the other sign: they count as taken back")
    for kind in ("discount", "credit-note", "write-off"):
        if kind in shares and (shares[kind] > 0.5) != negate:
            doubts.append(f"{column.name} of each {kind} has the other sign than payments: it counts as taken back")
    return negate, ["negative where it lowers the debt: the sign is turned"] if negate else [], doubts


def _negative(column: Column, linked: Linked, kinds: Sequence[str]) -> Mapping[str, float]:
    """Kind → which share of its rows that are of an invoice is negative."""
    found: dict[str, list[bool]] = {}
    is_linked: Callable[[int | None], bool] = (
        (lambda place: place is not None) if any(place is not None for place in linked.places) else (lambda _: True)
    )
    for kind, place, number in zip(kinds, linked.places, numbers_of(column), strict=True):
        if number and is_linked(place):
            found.setdefault(kind, []).append(number < 0)
    return {kind: sum(signs) / len(signs) for kind, signs in found.items()}
