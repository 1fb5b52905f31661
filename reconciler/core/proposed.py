"""What first contact looks at, and what it proposes for a table: fields with reasons, doubts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress

from reconciler.core.guess_values import Column, Native, column

ENTITY = "main"
MOVED = "holds moments, and their days are those in UTC: set timeZone where that is not yours"


@dataclass(frozen=True)
class FieldChoice:
    """One field: the column it comes from (or one value for all rows), what to write beside it, and why. `words`: what
    each text of the column is taken for, to be shown."""

    field: str
    why: str
    column: str | None = None
    constant: str | None = None
    options: Mapping[str, object] | None = None
    words: tuple[tuple[str, str], ...] = ()

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
class Mapped:
    """What is proposed for a table. `missing` are fields that no column was found for: nothing can be made without."""

    fields: tuple[FieldChoice, ...]
    refused: tuple[Refused, ...]
    unused: tuple[str, ...]
    doubts: tuple[str, ...]
    missing: tuple[str, ...]
    null_values: tuple[str, ...]

    def mapping(self) -> dict[str, object]:
        """Field → what the environment's file says of it."""
        return {choice.field: choice.written() for choice in self.fields}

    def column_of(self, field: str) -> str | None:
        """The column that a field comes from."""
        return next((choice.column for choice in self.fields if choice.field == field), None)


@dataclass(frozen=True)
class Seen:
    """A table as it was looked at: `texts[i]` below `header[i]`, how they are parted, what they are by the source's own
    types (none of a text file), and which share of its rows they are."""

    header: Sequence[str]
    texts: Sequence[Sequence[str]]
    delimiter: str = ","
    natives: Sequence[Native | None] = ()
    share: float = 1.0

    @cached_property
    def columns(self) -> list[Column]:
        """The columns whose name is no other's."""
        types = self.natives or [None] * len(self.header)
        found = [column(name, values, kind) for name, values, kind in zip(self.header, self.texts, types, strict=True)]
        return [each for each in found if each.name and self.header.count(each.name) == 1]

    @cached_property
    def decimal_comma(self) -> bool:
        """Whether some column's numbers can only be read with a decimal comma."""
        return any(c.number and c.number.decimal == "," and not c.number.undecided for c in self.columns)

    @property
    def comma(self) -> bool:
        """Whether numbers that can be read both ways have a decimal comma."""
        return self.decimal_comma or self.delimiter == ";"

    @property
    def rows(self) -> int:
        return len(self.texts[0]) if self.texts else 0

    def only(self, rows: Sequence[bool]) -> Seen:
        """Only these rows of it."""
        return replace(self, texts=[tuple(compress(values, rows)) for values in self.texts])


def number_options(found: Column, *, comma: bool) -> dict[str, object]:
    """How a column of numbers is written, where it is not as usual."""
    number = found.number
    if number is None:
        return {}
    mark = "," if number.undecided and comma else number.decimal
    options: dict[str, object] = {"decimal": ","} if mark == "," else {}
    return options | ({"currencyMark": number.currency} if number.currency else {})


def number_doubts(found: Column, *, comma: bool) -> list[str]:
    """What to check of how a column of numbers is read."""
    number = found.number
    if not (number and number.undecided and found.name and number.fractions):
        return []
    mark = "a comma" if comma else "a point"
    return [f"{found.name} can be read both ways; {mark} was taken as the decimal mark, check it"]


def nulls_of(columns: Sequence[Column], mapped: set[str | None]) -> tuple[str, ...]:
    """The texts that mean no value in the columns that are mapped."""
    return tuple(sorted({text for c in columns if c.name in mapped for text in c.nulls}))
