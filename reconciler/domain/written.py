"""What everything that people write has in common: the base model, and filters, which are data and never code.

Pure pydantic; knows no kind of file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Written(BaseModel):
    """The base of everything that people write: frozen, camelCase, unknown keys refused.

    A default that is itself such a model is written `Kind.model_construct()`: all its values are defaults, and
    `Kind()` would have every command build the validator while it starts."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


# --- filters -----------------------------------------------------------------------------------------------

Scalar = bool | int | float | date | str
Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not-in", "is-null", "not-null"]


class Condition(Written):
    """One comparison of a field with a value; `in` and `not-in` take a list, `is-null` and `not-null` none."""

    field: str = Field(min_length=1, max_length=63)
    op: Operator
    value: Scalar | list[Scalar] | None = None


class AllOf(Written):
    """True where every filter below is."""

    all: list[Filter] = Field(min_length=1, max_length=100)


class AnyOf(Written):
    """True where at least one filter below is."""

    any: list[Filter] = Field(min_length=1, max_length=100)


class Not(Written):
    """True where the filter below is not."""

    not_: Filter = Field(alias="not")


Filter = Condition | AllOf | AnyOf | Not


def conditions(each: Filter) -> Iterator[Condition]:
    """Every single comparison of a filter."""
    match each:
        case Condition():
            yield each
        case AllOf(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from conditions(part)
        case Not():
            yield from conditions(each.not_)


def in_words(filters: Sequence[Filter]) -> str:
    """Filters that all have to hold, on one line: `amount gt 10 and not (currency in EUR, USD)`."""
    return " and ".join(map(_in_words, filters))


def _in_words(each: Filter) -> str:
    match each:
        case Condition(value=None):
            return f"{each.field} {each.op}"
        case Condition(value=list() as values):
            return f"{each.field} {each.op} {', '.join(map(str, values))}"
        case Condition():
            return f"{each.field} {each.op} {each.value}"
        case AllOf():
            return f"({in_words(each.all)})"
        case AnyOf():
            return f"({' or '.join(map(_in_words, each.any))})"
        case Not(not_=Condition() as only):
            return f"not ({_in_words(only)})"
        case Not():
            return f"not {_in_words(each.not_)}"
