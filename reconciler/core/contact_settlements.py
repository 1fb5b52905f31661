"""First contact with settlements: which invoice each is of, of what kind, how much, when paid and when recorded.

The invoices were looked at before. Pure, as `first_contact`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from reconciler.core.guess_kinds import Kinds, find_kinds, kind_of
from reconciler.core.guess_links import Invoices, Link, find_entity, find_link, found_share, places_of, shape_of
from reconciler.core.guess_names import CURRENCIES, named
from reconciler.core.guess_settled import Dated, Linked, Paid, find_amount, find_days
from reconciler.core.proposed import (
    MOVED,
    FieldChoice,
    Mapped,
    Refused,
    Seen,
    nulls_of,
    number_doubts,
    number_options,
)

_NEEDED = ("legal_entity", "invoice", "paid_on", "amount")
_ORDER = (
    "legal_entity", "invoice", "source_id", "instalment", "offset_id", "amount", "kind", "paid_on", "recorded_on",
)  # fmt: skip


@dataclass(frozen=True)
class Settling(Mapped):
    """What is proposed for settlements. `strangers`: how both sides write what should be the same, where no settlement
    is of any invoice; `link`: how they name invoices, None where they do not."""

    strangers: str = ""
    link: Link | None = None


@dataclass(frozen=True)
class _Found:
    """What each field comes from; `rest` are columns that no field has yet."""

    seen: Seen
    invoices: Invoices
    link: Link
    kinds: Kinds | None
    days: dict[str, Dated]
    refused: Sequence[Refused]
    amount: Paid | None


def propose_settlements(seen: Seen, invoices: Invoices) -> Settling:
    """Look at the columns of settlements beside the invoices that they should be of."""
    link = find_link(seen.columns, invoices)
    if link is None:
        return Settling((), (), tuple(c.name for c in seen.columns), (), ("invoice",), (), _unlike(invoices))
    linked = Linked(invoices, places_of(link))
    rest = [column for column in seen.columns if column.name != link.column.name]
    kinds = find_kinds([c for c in rest if not named("currency", c.name) and not named("legal_entity", c.name)])
    rest = [column for column in rest if kinds is None or column.name != kinds.column.name]
    days, refused = find_days(rest, linked)
    rest = [column for column in rest if not column.dates]
    words = _kind_of_each_row(kinds, seen.rows)
    return _settling(_Found(seen, invoices, link, kinds, days, refused, find_amount(rest, linked, words)))


def _kind_of_each_row(kinds: Kinds | None, rows: int) -> list[str]:
    if kinds is None:
        return ["payment"] * rows
    return [kinds.words.get(value, "payment") for value in kinds.column.values]


def _settling(found: _Found) -> Settling:
    fields = sorted(_fields(found), key=lambda choice: _ORDER.index(choice.field))
    mapped = {choice.field for choice in fields}
    if "source_id" in mapped:
        mapped.add("invoice")
    columns = {choice.column for choice in fields}
    said = {*columns, *(each.column for each in found.refused)}
    missing = [name for name in (*_NEEDED, *_wanted(found)) if name not in mapped]
    return Settling(
        tuple(fields),
        tuple(found.refused),
        tuple(c.name for c in found.seen.columns if c.name not in said),
        tuple(_doubts(found, mapped, columns)),
        tuple(missing),
        nulls_of(found.seen.columns, columns),
        _strangers(found.link) if found.link.share == 0 and found.invoices.is_whole and found.seen.share >= 1 else "",
        found.link,
    )


def _strangers(link: Link) -> str:
    own, to = link.column, link.to
    return f"{own.name} is written like {shape_of(own)}, and {to.name} of the invoices like {shape_of(to)}"


def _unlike(invoices: Invoices) -> str:
    number = invoices.columns.get("invoice")
    return f"no column holds what {number.name} of the invoices does, as {shape_of(number)}" if number else ""


def _wanted(found: _Found) -> list[str]:
    """The instalment, where the invoice's number alone names several."""
    numbers, parts = found.invoices.columns.get("invoice"), found.invoices.columns.get("instalment")
    several = numbers is not None and parts is not None and parts.distinct > 1 and numbers.distinct < numbers.filled
    return ["instalment"] if several and found.link.field == "invoice" else []


def _fields(found: _Found) -> Iterator[FieldChoice]:
    link, columns = found.link, found.seen.columns
    rest = [c for c in columns if c.name != link.column.name]
    entity = find_entity(rest, found.invoices)
    if entity is not None:
        yield entity
    other = next((c for c in rest if named("offset_id", c.name) == 1.0), None) if link.field == "source_id" else None
    sides = "" if other is None else "; the rest may be the other sides of settlements"
    yield FieldChoice(link.field, link.why + sides, link.column.name)
    if other is not None:
        why = "by its name: the row that the invoice was settled with, whose kind is the settlement's"
        yield FieldChoice("offset_id", why, other.name)
    if _wanted(found):
        part = next((c for c in rest if named("instalment", c.name) == 1.0 and c.number), None)
        if part is not None:
            yield FieldChoice("instalment", "by its name", part.name)
    if found.amount is not None:
        options = number_options(found.amount.column, comma=found.seen.comma)
        options |= {"negate": True} if found.amount.negate else {}
        yield FieldChoice("amount", found.amount.why, found.amount.column.name, options=options or None)
    if found.kinds is not None:
        yield _kind(found.kinds)
    for role, day in found.days.items():
        plain = day.reading.format == "%Y-%m-%d"
        yield FieldChoice(
            role, day.why, day.column.name, options=None if plain else {"dateFormat": day.reading.format}
        )  # fmt: skip


def _kind(kinds: Kinds) -> FieldChoice:
    known = sum(kinds.column.counts[text] for text in kinds.words)
    why = f"{kinds.column.distinct} different words, known ones on {known:,} of {kinds.column.filled:,} rows"
    return kinds.choice(why, "payment")


def _doubts(found: _Found, mapped: Set[str], columns: Set[str | None]) -> Iterator[str]:
    kinds = found.kinds
    if kinds is None and not ("offset_id" in mapped and found.invoices.has_others):
        yield "no column says what kind each settlement is: all are taken for payments"
    for text in kinds.unknown if kinds else ():
        rows = kinds.column.counts[text] if kinds else 0
        yield f"{text!r} ({rows:,} rows) is no kind that is known here: taken for a payment, check it"
    for day in found.days.values():
        if day.doubt:
            yield day.doubt
        if day.column.moves(day.reading):
            yield f"{day.column.name} {MOVED}"
    for column in found.seen.columns:
        if column.number and column.distinct > 1 and column.name not in columns and kind_of(column.name) == "discount":
            yield (
                f"{column.name} holds amounts that are not read, and what was paid less a discount looks unpaid: give "
                "discounts rows of their own, by a view"
            )
    if found.amount is not None:
        yield from found.amount.doubts
        yield from number_doubts(found.amount.column, comma=found.seen.comma)
    yield from _other_currency(found)


def _other_currency(found: _Found) -> Iterator[str]:
    """Amounts count in the invoice's currency, whatever the payment's is."""
    theirs = found.invoices.columns.get("currency")
    ours = next((c for c in found.seen.columns if c.filled and found_share(c, CURRENCIES) == 1), None)
    if theirs is None or ours is None:
        return
    pairs = [
        (mine, theirs.values[place])
        for mine, place in zip(ours.values, places_of(found.link), strict=True)
        if place is not None
    ]
    other = sum(a != b for a, b in pairs if a and b)
    if other > 0.01 * len(pairs):
        share = f"{other:,} of {len(pairs):,} rows"
        yield f"{ours.name} is not the invoice's currency on {share}: amounts have to be in the invoice's"
