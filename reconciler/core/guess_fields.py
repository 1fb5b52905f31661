"""Which column is the invoice's number, the customer, the amount and so on: by its name and by what it holds.

Each role has a judge that answers a score and a reason; the highest scores are served first and a column is given
once. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.guess_names import COUNTRIES, CURRENCIES, DELIVERIES, named
from reconciler.core.guess_values import Column, is_label, is_running

_LEAST = 1.0
_UNIQUE = 0.97
_NAME = "by its name"


@dataclass(frozen=True)
class Given:
    """A column that was given a role, and the reason to tell."""

    column: Column
    why: str
    score: float


@dataclass(frozen=True)
class Context:
    """What the judges may know beside the column: the columns without a role, and which rows are settled."""

    columns: Sequence[Column]
    settled: Sequence[bool]


def find_fields(context: Context) -> dict[str, Given]:
    """Role → column, for the roles that are no dates. A column without a value has none."""
    context = Context([column for column in context.columns if column.filled], context.settled)
    offers = []
    for role, judge in _JUDGES.items():
        for column in context.columns:
            score, why = judge(column, context)
            if score >= _LEAST:
                words = why if why == _NAME or not named(role, column.name) else f"{_NAME}; {why}"
                offers.append((score, role, Given(column, words, score)))
    offers.sort(key=lambda offer: (-offer[0], list(_JUDGES).index(offer[1])))
    out: dict[str, Given] = {}
    used: set[str] = set()
    for _, role, given in offers:
        if role not in out and given.column.name not in used:
            out[role] = given
            used.add(given.column.name)
    if "amount" not in out and "accounting_amount" in out:  # what was billed is not there, what it was worth is
        found = out["accounting_amount"]
        out["amount"] = Given(found.column, "in the company's currency: the only amount that there is", found.score)
    return {role: out[role] for role in _JUDGES if role in out}


def _different(column: Column) -> str:
    return "the same on every row" if column.distinct == 1 else f"{column.distinct} different values"


def _unique(column: Column) -> float:
    return column.distinct / column.filled


def _complete(column: Column) -> float:
    return column.filled / len(column.values)


def _invoice(column: Column, _: Context) -> tuple[float, str]:
    if not is_label(column) or _complete(column) < 0.95:
        return 0.0, ""
    name, unique = named("invoice", column.name), _unique(column)
    score = 2.5 * name + (1.0 if unique >= _UNIQUE else -0.5) - 2 * named("customer", column.name)
    score += 0.2 if unique >= _UNIQUE and not is_running(column) else 0.0
    long = sum(len(value) >= 3 for value in column.counts) >= 0.8 * column.distinct
    return score - (0.0 if long else 0.5), f"{unique:.1%} of its values occur once" if unique >= _UNIQUE else _NAME


def _customer(column: Column, context: Context) -> tuple[float, str]:
    unique = _unique(column)
    if not is_label(column) or column.flag or _complete(column) < 0.9 or column.distinct < 3:
        return 0.0, ""
    name = named("customer", column.name)
    repeats = unique <= 0.7
    score = 2.5 * name + (0.6 if repeats else -1.0) - 2 * named("invoice", column.name)
    if repeats and not any(named(role, column.name) for role in ("country", "currency", "legal_entity", "delivery")):
        rivals = [c.distinct for c in context.columns if is_label(c) and _unique(c) <= 0.7 and not c.flag]
        score += 0.5 if column.distinct == max(rivals, default=0) else 0.0
    return score, f"{column.distinct:,} different values, each on {column.filled / column.distinct:.0f} rows"


def _amount(column: Column, context: Context) -> tuple[float, str]:
    if not column.number or column.dates or _complete(column) < 0.9:
        return 0.0, ""
    name = named("amount", column.name)
    shape = 0.8 if column.number.fractions or column.number.currency else 0.0
    shape += 0.3 if _unique(column) > 0.3 else 0.0
    other = max(named(role, column.name) for role in ("open_amount", "accounting_amount", "customer", "invoice"))
    zero = _zero_when_settled(column, context)
    return 2.5 * name + shape - 1.5 * max(0.0, other - name) - (1.0 if zero else 0.0), "numbers with the most variety"


def _accounting(column: Column, _: Context) -> tuple[float, str]:
    name = named("accounting_amount", column.name)
    return (2.5, _NAME) if name == 1.0 and column.number else (0.0, "")


def _open(column: Column, context: Context) -> tuple[float, str]:
    if not column.number or column.dates:
        return 0.0, ""
    name, zero = named("open_amount", column.name), _zero_when_settled(column, context)
    if _stays_when_settled(column, context):
        return 0.0, ""
    return (2.5 * name + (1.2 if zero else -0.5)), "0 on paid rows" if zero else _NAME


def _zero_when_settled(column: Column, context: Context) -> bool:
    if not column.number or not any(context.settled) or all(context.settled):
        return False
    numbers = column.read_numbers(column.number.decimal)
    paid = [number == 0 for number, settled in zip(numbers, context.settled, strict=True) if settled]
    still = [number not in (0, None) for number, settled in zip(numbers, context.settled, strict=True) if not settled]
    return sum(paid) > 0.9 * len(paid) and sum(still) > 0.9 * len(still)


def _stays_when_settled(column: Column, context: Context) -> bool:
    """True for what was to be paid, whatever its name: it is there on paid rows as well."""
    if not column.number or not any(context.settled):
        return False
    numbers = column.read_numbers(column.number.decimal)
    paid = [number not in (0, None) for number, settled in zip(numbers, context.settled, strict=True) if settled]
    return sum(paid) > 0.9 * len(paid)


def _among(role: str, known: frozenset[str], fold: Callable[[str], str]) -> Callable[..., tuple[float, str]]:
    def judge(column: Column, _: Context) -> tuple[float, str]:
        inside = sum(n for value, n in column.counts.items() if fold(value) in known) / column.filled
        few = column.distinct <= 60
        name = named(role, column.name)
        score = 2.0 * name + (1.2 * inside if inside > 0.9 else 0.0) - (0.0 if few else 3.0)
        return score, _different(column) + (", all known codes" if inside == 1 else "")

    return judge


def among_countries(column: Column) -> float:
    """How much a column looks like countries, by its name and its codes; from 1 on it may be them."""
    return _JUDGES["country"](column, Context((), ()))[0] if column.filled else 0.0


def _few(role: str, most: int) -> Callable[..., tuple[float, str]]:
    def judge(column: Column, _: Context) -> tuple[float, str]:
        fits = column.distinct <= most and not column.dates
        return (2.0 * named(role, column.name) if fits else 0.0), _different(column)

    return judge


def _delivery(column: Column, _: Context) -> tuple[float, str]:
    words = {value.casefold() for value in column.counts}
    inside = len(words & DELIVERIES) / len(words)
    score = 1.2 * named("delivery", column.name) + (1.5 if inside == 1 else 0.6 * inside)
    return (score if column.distinct <= 12 and not column.number else 0.0), "how the bill was sent"


def _disputed(column: Column, _: Context) -> tuple[float, str]:
    return (2.0 * named("disputed", column.name) if column.flag else 0.0), "yes or no"


def _instalment(column: Column, _: Context) -> tuple[float, str]:
    small = bool(column.number) and not (column.number and column.number.fractions) and column.distinct <= 60
    exact = named("instalment", column.name) == 1.0
    whole = all(value.isdigit() and len(value) <= 3 for value in column.counts)
    return (2.0 if exact and small and whole and _complete(column) == 1 else 0.0), "small whole numbers"


_JUDGES: Mapping[str, Callable[[Column, Context], tuple[float, str]]] = {
    "legal_entity": _few("legal_entity", 50),
    "invoice": _invoice,
    "instalment": _instalment,
    "customer": _customer,
    "amount": _amount,
    "currency": _among("currency", CURRENCIES, str.upper),
    "accounting_amount": _accounting,
    "open_amount": _open,
    "delivery": _delivery,
    "disputed": _disputed,
    "country": _among("country", COUNTRIES, str.upper),
}
