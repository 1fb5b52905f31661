"""First contact with a receivables file: from its columns to a proposed mapping, with a reason for every choice.

Pure: the columns were read by somebody else. Nothing is decided silently: each field has its reason, each column
left out has one, what could be read both ways is said, and what is missing is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.core.guess_dates import ROLES, Dates, find_dates, gaps_by_row
from reconciler.core.guess_fields import Context, Given, find_fields
from reconciler.core.guess_kinds import INVOICE, Kinds, find_row_kinds
from reconciler.core.guess_links import Invoices
from reconciler.core.guess_names import named
from reconciler.core.guess_outcomes import Limits, choose_limits
from reconciler.core.guess_values import Column
from reconciler.core.proposed import (
    ENTITY,
    MOVED,
    FieldChoice,
    Mapped,
    Refused,
    Seen,
    nulls_of,
    number_doubts,
    number_options,
)

_NEEDED = ("invoice", "customer", "invoice_date", "due_date", "settled_date", "amount")
_ORDER = (
    "legal_entity", "source_id", "kind", "invoice", "instalment", "customer", "invoice_date", "due_date",
    "settled_date", "amount", "currency", "accounting_amount", "open_amount", "delivery", "disputed", "country",
)  # fmt: skip
_KNOWN_THEN = {
    "delivery": "how a bill is sent is known when it is made",
    "country": "where a customer is is known when the invoice is made",
}
_SETTLED_ELSEWHERE = "the settlements say when: one truth, so it is not read"


@dataclass(frozen=True)
class Proposal(Mapped):
    """What first contact proposes for invoices; `known` is what other tables are linked by."""

    limits: Limits
    known: Invoices = field(repr=False, compare=False)


def propose(seen: Seen, as_of: str | None = None, *, settlements: bool = False) -> Proposal:
    """Look at the columns of invoices. `as_of`: an ISO date that later settlements are not known at. `settlements`:
    there is a table of them, so that the invoices need not say when they were settled, and may have rows of payments
    among them."""
    kinds = find_row_kinds(seen.columns) if settlements else None
    if kinds is not None:
        seen = seen.only([kinds.words.get(value) == INVOICE for value in kinds.column.values])
    columns = [c for c in seen.columns if kinds is None or c.name != kinds.column.name]
    dates = find_dates(columns, day_first_hint=seen.comma)
    if settlements:
        dates = _without_guess(dates)
    taken = dates.taken
    answers = _answers(columns, dates)
    settled = [day is not None for day in dates.days("settled_date")] or [False] * seen.rows
    rest = [c for c in columns if c.name not in taken and c.name not in answers and c.name not in dates.others]
    given = find_fields(Context(rest, settled))
    refused = [*(Refused(name, why) for name, why in answers.items()), *_later(dates, given, settlements=settlements)]
    fields = _fields(dates, given, comma=seen.comma)
    if settlements:
        fields = [choice for choice in fields if choice.field != "settled_date"]
    fields += [_kind(kinds)] if kinds is not None else []
    needed = [each for each in _NEEDED if each != "settled_date" or not settlements]
    said = {*taken, *answers, *(c.column for c in fields), *(r.column for r in refused)}
    return Proposal(
        tuple(sorted(fields, key=lambda choice: _ORDER.index(choice.field))),
        tuple(refused),
        tuple(c.name for c in columns if c.name not in said),
        tuple(_doubts(dates, given, comma=seen.comma)),
        tuple(each for each in needed if not dates.has(each) and each not in given),
        nulls_of(columns, {choice.column for choice in fields}),
        choose_limits(dates.days("invoice_date"), dates.days("due_date"), dates.days("settled_date"), as_of),
        replace(_known(seen, dates, given), has_others=kinds is not None),
    )


def with_number_of_row(proposal: Proposal, column: Column) -> Proposal:
    """The proposal with the source's own number of each row, which the settlements name."""
    choice = FieldChoice("source_id", "the number by which the settlements name an invoice", column.name)
    fields = sorted((*proposal.fields, choice), key=lambda choice: _ORDER.index(choice.field))
    return replace(proposal, fields=tuple(fields), unused=tuple(n for n in proposal.unused if n != column.name))


def without_instalment(proposal: Proposal) -> Proposal:
    """The proposal for settlements that know of no instalments: where the invoice's number is enough without."""
    part = proposal.column_of("instalment")
    if part is None:
        return proposal
    fields = tuple(choice for choice in proposal.fields if choice.field != "instalment")
    return replace(proposal, fields=fields, unused=(*proposal.unused, part))


def _without_guess(dates: Dates) -> Dates:
    """Without a settlement date that only its place among the others speaks for."""
    found = dates.roles.get("settled_date")
    if found is None or named("settled_date", found.column.name):
        return dates
    roles = {role: each for role, each in dates.roles.items() if role != "settled_date"}
    return Dates(roles, {**dates.others, found.column.name: found.column})


def _known(seen: Seen, dates: Dates, given: Mapping[str, Given]) -> Invoices:
    columns = {role: found.column for role, found in dates.roles.items()}
    columns |= {role: found.column for role, found in given.items()}
    orders = [found.reading.order for found in dates.roles.values()]
    days = {role: dates.days(role) for role in ROLES if dates.has(role)}
    return Invoices(columns, days, seen.columns, seen.share, orders[0] if orders else "")


def _kind(kinds: Kinds) -> FieldChoice:
    of = sum(kinds.column.counts[text] for text, word in kinds.words.items() if word == INVOICE)
    return kinds.choice(f"says which rows are invoices: {of:,} of {kinds.column.filled:,}", None)


def _fields(dates: Dates, given: Mapping[str, Given], *, comma: bool) -> list[FieldChoice]:
    out = []
    for role, found in dates.roles.items():
        plain = found.reading.format == "%Y-%m-%d"
        options: Mapping[str, object] | None = None if plain else {"dateFormat": found.reading.format}
        out.append(FieldChoice(role, found.why, found.column.name, options=options))
    out += [dates.terms.choice()] if dates.terms else []
    for role, choice in given.items():
        options = _options(role, choice.column, comma=comma)
        out.append(FieldChoice(role, choice.why, choice.column.name, options=options))
    if "legal_entity" not in given:
        out.append(FieldChoice("legal_entity", "no column names a company", constant=ENTITY))
    return out


def _options(role: str, found: Column, *, comma: bool) -> Mapping[str, object] | None:
    if role in _KNOWN_THEN:
        return {"knownAt": "invoice-date"}
    if role in ("amount", "accounting_amount", "open_amount"):
        return number_options(found, comma=comma) or None
    return None


def _answers(columns: Sequence[Column], dates: Dates) -> dict[str, str]:
    """Columns of numbers that are computed from the settlement date: they are the answer."""
    settled = dates.days("settled_date")
    if not settled:
        return {}
    out: dict[str, str] = {}
    for role, words in (("invoice_date", "settled − invoice date"), ("due_date", "settled − due date")):
        days = dates.days(role)
        gaps = gaps_by_row(days, settled) if days else []
        for found in columns:
            if found.number and not found.number.fractions and _is_gap(gaps, found):
                out.setdefault(found.name, f"computed from the settlement date ({words}): it is the answer")
    return out


def _is_gap(gaps: Sequence[int | None], found: Column) -> bool:
    numbers = found.read_numbers(".")
    pairs = [(gap, n) for gap, n in zip(gaps, numbers, strict=False) if gap is not None and n is not None]
    alike = sum(number in (gap, max(gap, 0), abs(gap)) for gap, number in pairs)
    return len(pairs) >= 10 and len({gap for gap, _ in pairs}) > 2 and alike >= 0.97 * len(pairs)


def _later(dates: Dates, given: Mapping[str, Given], *, settlements: bool) -> list[Refused]:
    """Columns that are known only after the invoice date; those that are mapped are kept out of every feature."""
    out = []
    if "settled_date" in dates.roles:
        why = _SETTLED_ELSEWHERE if settlements else "the label: it says when, never a feature"
        out.append(Refused(dates.roles["settled_date"].column.name, why))
    for role, why in (("disputed", "known only after the invoice date"), ("open_amount", "changes with every payment")):
        if role in given:
            out.append(Refused(given[role].column.name, f"{why}: mapped as later, never a feature"))
    invoice = dates.days("invoice_date")
    for name, found in dates.others.items():
        gaps = gaps_by_row(invoice, found.read_dates(found.dates[0])) if invoice else []
        after = sum(gap is not None and gap > 0 for gap in gaps)
        if after:
            out.append(Refused(name, f"lies after the invoice date on {after:,} of {len(gaps):,} rows"))
    return out


_SEVERAL = (
    "has several currencies, and no column has the amount in the company's own: where one legal entity has several, "
    "map accounting_amount, or keep one by where, else data refresh refuses them"
)


def _doubts(dates: Dates, given: Mapping[str, Given], *, comma: bool) -> list[str]:
    out = [found.doubt for found in dates.roles.values() if found.doubt]
    out += [dates.terms.doubt] if dates.terms and dates.terms.doubt else []
    for found in dates.roles.values():
        if found.column.moves(found.reading):
            out.append(f"{found.column.name} {MOVED}")
    if "customer" in given and _are_names(given["customer"].column):
        name = given["customer"].column.name
        out.append(f"{name} holds names, which would be in every copy: data.masks makes them pseudonyms")
    if "currency" in given and "accounting_amount" not in given and given["currency"].column.distinct > 1:
        out.append(f"{given['currency'].column.name} {_SEVERAL}")
    for choice in given.values():
        out += number_doubts(choice.column, comma=comma)
    return out


def _are_names(found: Column) -> bool:
    """Whether most of a column's values are words with spaces between them, as names of people and companies are."""
    several = sum(" " in value and any(map(str.isalpha, value)) for value in found.counts)
    return several > found.distinct / 2
