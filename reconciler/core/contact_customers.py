"""First contact with customers: which column is the account, and what else of it is known.

Customers' fields hold today's value, so none of them is proposed as known at the invoice date; the day on which an
account was opened is a date itself. Pure, as `first_contact`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.guess_fields import among_countries
from reconciler.core.guess_links import Invoices, find_entity, shape_of
from reconciler.core.guess_names import named
from reconciler.core.guess_values import Column
from reconciler.core.proposed import FieldChoice, Mapped, Refused, Seen, nulls_of

_LEAST = 1.0
_SAME = 0.99
_FEW = 0.5
_TODAY = "today's value, of old invoices too; if it never changes, its mapping may say knownAt: invoice-date"


@dataclass(frozen=True)
class People(Mapped):
    """What is proposed for customers. `strangers`: how both sides write an account, where none of the invoices' is
    there."""

    strangers: str = ""


def propose_customers(seen: Seen, invoices: Invoices) -> People:
    """Look at the columns of customers beside the invoices that they should be of."""
    theirs = invoices.columns.get("customer")
    account = _account(seen.columns, theirs)
    if account is None:
        return People((), (), tuple(c.name for c in seen.columns), (), ("customer",), ())
    share = _share(account, theirs, seen.share)
    rest = [column for column in seen.columns if column.name != account.name]
    fields, refused = [FieldChoice("customer", _why(account, share), account.name)], list[Refused]()
    entity = find_entity(rest, invoices) if invoices.entities else None
    if entity is not None and entity.column is not None:
        fields.insert(0, entity)
        rest = [column for column in rest if column.name != entity.column]
    key = list(zip(account.values, _of(seen, entity.column if entity else None), strict=True))
    for choice, why in _others(rest, key, invoices):
        if choice is not None:
            fields.append(choice)
        if why is not None:
            refused.append(why)
    columns = {choice.column for choice in fields}
    said = {*columns, *(each.column for each in refused)}
    is_whole = seen.share >= 1 and invoices.is_whole
    return People(
        tuple(fields),
        tuple(refused),
        tuple(c.name for c in seen.columns if c.name not in said),
        tuple(_doubts(fields, share)),
        (),
        nulls_of(seen.columns, columns),
        _strangers(account, theirs) if share == 0 and is_whole else "",
    )


def _strangers(account: Column, theirs: Column | None) -> str:
    ours = f"{account.name} is written like {shape_of(account)}"
    return f"{ours}, and {theirs.name} of the invoices like {shape_of(theirs)}" if theirs is not None else ""


def _account(columns: Sequence[Column], theirs: Column | None) -> Column | None:
    offers = []
    for column in columns:
        if column.filled < 0.95 * len(column.values) or (column.number and column.number.fractions):
            continue
        shared = len(theirs.counts.keys() & column.counts.keys()) / max(1, theirs.distinct) if theirs else 0.0
        unique = column.distinct / max(1, column.filled)
        offers.append((2 * shared + 1.2 * named("customer", column.name) + 0.4 * (unique > _SAME), column))
    score, best = max(offers, key=lambda offer: offer[0], default=(0.0, None))
    return best if score >= _LEAST else None


def _share(account: Column, theirs: Column | None, looked_at: float) -> float:
    """Of the invoices' customers, the share that is there; as if all rows had been looked at."""
    if theirs is None:
        return 0.0
    there = len(theirs.counts.keys() & account.counts.keys()) / max(1, theirs.distinct)
    return min(1.0, there / looked_at)


def _why(account: Column, share: float) -> str:
    how = "by its name; " if named("customer", account.name) else ""
    return f"{how}{share:.0%} of the invoices' customers are there"


def _of(seen: Seen, name: str | None) -> Sequence[str]:
    found = next((column for column in seen.columns if column.name == name), None)
    return found.values if found else [""] * seen.rows


_Key = Sequence[tuple[str, str]]


def _others(
    columns: Sequence[Column], key: _Key, invoices: Invoices
) -> Iterator[tuple[FieldChoice | None, Refused | None]]:  # fmt: skip
    used: set[str] = set()
    for field, judge in _JUDGES.items():
        offers = [(score, column) for column in columns if column.name not in used and (score := judge(column)) >= 1]
        score, best = max(offers, key=lambda offer: offer[0], default=(0.0, None))
        if best is None:
            continue
        used.add(best.name)
        if not _is_one(best, key):
            yield None, Refused(best.name, f"rows of one customer differ in it: no {field} can be told")
        elif field == "country" and field in invoices.columns:
            theirs = invoices.columns[field].name
            yield None, Refused(best.name, f"today's value: {theirs} of the invoices is that of the invoice date")
        elif field == "customer_since":
            yield _since(best, invoices.order), None
        else:
            yield (
                FieldChoice(field, "by its name" if named(field, best.name) else "all known codes", best.name),
                Refused(best.name, _TODAY),
            )


def _is_one(column: Column, key: _Key) -> bool:
    """Whether the rows of each customer agree; a few that do not are bad rows."""
    first: dict[tuple[str, str], str] = {}
    alike = sum(first.setdefault(who, value) == value for who, value in zip(key, column.values, strict=True))
    return alike >= _SAME * len(column.values)


def _since(column: Column, order: str) -> FieldChoice:
    reading = next((each for each in column.dates if each.order == order), column.dates[0])
    plain = reading.format == "%Y-%m-%d"
    how = "a date in the source" if column.native else reading.order
    how += ", as in the invoices: it can be read both ways" if len(column.dates) > 1 else ""
    return FieldChoice(
        "customer_since",
        f"by its name; {how}; a day, known from then on",
        column.name,
        options=None if plain else {"dateFormat": reading.format},
    )


def _doubts(fields: Sequence[FieldChoice], share: float) -> Iterator[str]:
    if share < _FEW:
        yield f"{share:.0%} of the invoices' customers are among the customers: are these the same companies' accounts?"
    if all(choice.field in ("legal_entity", "customer") for choice in fields):
        yield "nothing but the account was recognised, and of that no model learns anything"


def _country(column: Column) -> float:
    return among_countries(column)


def _group(column: Column) -> float:
    few = column.distinct <= max(20, column.filled // 5) and not column.dates
    return 1.2 * named("customer_group", column.name) if few else 0.0


def _opened(column: Column) -> float:
    return 1.2 * named("customer_since", column.name) if column.dates else 0.0


_JUDGES: Mapping[str, Callable[[Column], float]] = {
    "country": _country,
    "customer_group": _group,
    "customer_since": _opened,
}
