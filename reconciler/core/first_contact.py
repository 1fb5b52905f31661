"""First contact with a receivables file: from its columns to a proposed mapping, with a reason for every choice.

Pure: the columns were read by somebody else. Nothing is decided silently: each field has its reason, each column
left out has one, what could be read both ways is said, and what is missing is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.guess_dates import Dates, find_dates, gaps_by_row
from reconciler.core.guess_fields import Context, Given, find_fields
from reconciler.core.guess_outcomes import Limits, choose_limits
from reconciler.core.guess_values import Column, Native, column

_NEEDED = ("invoice", "customer", "invoice_date", "due_date", "settled_date", "amount")
_ORDER = (
    "legal_entity", "invoice", "instalment", "customer", "invoice_date", "due_date", "settled_date", "amount",
    "currency", "accounting_amount", "open_amount", "delivery", "disputed", "country",
)  # fmt: skip
_KNOWN_THEN = {
    "delivery": "how a bill is sent is known when it is made",
    "country": "where a customer is is known when the invoice is made",
}
_ENTITY = "main"


@dataclass(frozen=True)
class FieldChoice:
    """One field: the column it comes from (or one value for all rows), what to write beside it, and why."""

    field: str
    why: str
    column: str | None = None
    constant: str | None = None
    options: Mapping[str, str] | None = None

    def written(self) -> object:
        """As the mapping of an environment's file writes it."""
        if self.column is None:
            return {"constant": self.constant}
        return {"column": self.column, **self.options} if self.options else self.column


@dataclass(frozen=True)
class Refused:
    """A column that no model may use, or that is not needed, and why."""

    column: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """What first contact proposes. `missing` are fields that no column was found for: nothing can be made without."""

    fields: tuple[FieldChoice, ...]
    refused: tuple[Refused, ...]
    unused: tuple[str, ...]
    doubts: tuple[str, ...]
    missing: tuple[str, ...]
    null_values: tuple[str, ...]
    limits: Limits

    def mapping(self) -> dict[str, object]:
        """Field → what the environment's file says of it."""
        return {choice.field: choice.written() for choice in self.fields}


def propose(
    header: Sequence[str],
    texts: Sequence[Sequence[str]],
    delimiter: str,
    as_of: str | None = None,
    natives: Sequence[Native | None] = (),
) -> Proposal:
    """Look at the columns of invoices (`texts[i]` below `header[i]`). `as_of`: an ISO date that later settlements are
    not known at. `natives`: what columns are by the source's own types; none of a text file."""
    types = natives or [None] * len(header)
    columns = [column(name, values, native) for name, values, native in zip(header, texts, types, strict=True)]
    named = [c for c in columns if c.name and header.count(c.name) == 1]
    decimal_comma = any(c.number and c.number.decimal == "," and not c.number.undecided for c in named)
    dates = find_dates(named, day_first_hint=delimiter == ";" or decimal_comma)
    taken = frozenset(found.column.name for found in dates.roles.values())
    answers = _answers(named, dates)
    settled = [day is not None for day in dates.days("settled_date")] or [False] * len(texts[0])
    rest = [c for c in named if c.name not in taken and c.name not in answers and c.name not in dates.others]
    given = find_fields(Context(rest, settled))
    comma = decimal_comma or delimiter == ";"
    fields = _fields(dates, given, comma)
    refused = [*(Refused(name, why) for name, why in answers.items()), *_later(dates, given)]
    said = {*taken, *answers, *(g.column.name for g in given.values()), *(r.column for r in refused)}
    return Proposal(
        fields,
        tuple(refused),
        tuple(c.name for c in named if c.name not in said),
        tuple(_doubts(dates, given, comma)),
        tuple(name for name in _NEEDED if name not in dates.roles and name not in given),
        _nulls(named, {choice.column for choice in fields}),
        choose_limits(dates.days("invoice_date"), dates.days("due_date"), dates.days("settled_date"), as_of),
    )


def _fields(dates: Dates, given: Mapping[str, Given], comma: bool) -> tuple[FieldChoice, ...]:
    out = []
    for role, found in dates.roles.items():
        plain = found.reading.format == "%Y-%m-%d"
        options = None if plain else {"dateFormat": found.reading.format}
        out.append(FieldChoice(role, found.why, found.column.name, options=options))
    for role, choice in given.items():
        out.append(FieldChoice(role, choice.why, choice.column.name, options=_options(role, choice.column, comma)))
    if "legal_entity" not in given:
        out.append(FieldChoice("legal_entity", "no column names a company", constant=_ENTITY))
    return tuple(sorted(out, key=lambda choice: _ORDER.index(choice.field)))


def _options(role: str, found: Column, comma: bool) -> Mapping[str, str] | None:
    if role in _KNOWN_THEN:
        return {"knownAt": "invoice-date"}
    if role in ("amount", "accounting_amount", "open_amount") and found.number:
        mark = "," if found.number.undecided and comma else found.number.decimal
        written = {"decimal": ","} if mark == "," else {}
        return written | ({"currencyMark": found.number.currency} if found.number.currency else {}) or None
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


def _later(dates: Dates, given: Mapping[str, Given]) -> list[Refused]:
    """Columns that are known only after the invoice date; those that are mapped are kept out of every feature."""
    out = []
    if "settled_date" in dates.roles:
        out.append(Refused(dates.roles["settled_date"].column.name, "the label: it says when, never a feature"))
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


def _doubts(dates: Dates, given: Mapping[str, Given], comma: bool) -> list[str]:
    out = [found.doubt for found in dates.roles.values() if found.doubt]
    for choice in given.values():
        number = choice.column.number
        if number and number.undecided and choice.column.name and number.fractions:
            mark = "a comma" if comma else "a point"
            out.append(f"{choice.column.name} can be read both ways; {mark} was taken as the decimal mark, check it")
    return out


def _nulls(columns: Sequence[Column], mapped: set[str | None]) -> tuple[str, ...]:
    return tuple(sorted({text for c in columns if c.name in mapped for text in c.nulls}))
