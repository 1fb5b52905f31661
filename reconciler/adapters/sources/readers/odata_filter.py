"""The part of `where` that an OData service can be asked to apply: never fewer rows than `where` itself lets pass.

Services differ: in whether case counts, in how texts are ordered, in what a comparison with no value is. So only
what no service can read more narrowly is sent, and `where` is applied to what comes. (One thing is given up: a
text that begins or ends with spaces there is not found by the text without.) Names are the service's own, checked
before; values are literals of the column's type.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import quote

from reconciler.adapters.sources.readers.odata_cells import KINDS
from reconciler.adapters.sources.readers.odata_metadata import Property
from reconciler.domain.written import AllOf, AnyOf, Condition, Filter, Not, Scalar

#: Some servers refuse addresses of more than 2,048 characters.
_LONGEST = 1400
_DAY = timedelta(days=1)
#: Names that a query would not read as a column's.
_WORDS = frozenset({"null", "true", "false", "not", "inf", "nan"})
_YEARS = range(1, 9998)


def pushed(filters: Sequence[Filter], properties: Mapping[str, Property]) -> str:
    """The text of `$filter`, not yet encoded; empty where nothing can be sent."""
    whole = ""
    for part in filter(None, (_sent(each, properties) for each in filters)):
        longer = f"{whole} and {part}" if whole else part
        if len(quote(longer)) <= _LONGEST:
            whole = longer
    return whole


def _sent(each: Filter, properties: Mapping[str, Property]) -> str | None:
    match each:
        case AllOf(all=parts):
            return _joined(" and ", [text for part in parts if (text := _sent(part, properties))])
        case AnyOf(any=parts):
            texts = [_sent(part, properties) for part in parts]
            return None if None in texts else _joined(" or ", [text for text in texts if text])
        case Not():
            return None  # what is missing passes `not`, and services do not agree on that
        case Condition():
            return None if each.field.lower() in _WORDS else _condition(each, properties[each.field])


def _joined(word: str, parts: Sequence[str]) -> str | None:
    return f"({word.join(parts)})" if parts else None


def _condition(condition: Condition, column: Property) -> str | None:
    name, op = condition.field, str(condition.op)
    if op == "not-null":
        return f"{name} ne null"
    if op == "is-null":
        # an empty text counts as none here, and there it does not
        return None if KINDS.get(column.edm, ("VARCHAR",))[0] == "VARCHAR" else f"{name} eq null"
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    op, word = {"in": ("eq", " or "), "not-in": ("ne", " and ")}.get(op, (op, " or "))
    parts = [None if value is None else _comparison(name, op, value, column) for value in values]
    return None if None in parts else _joined(word, [part for part in parts if part])


def _comparison(name: str, op: str, value: Scalar, column: Property) -> str | None:
    match value, KINDS.get(column.edm, ("",))[0]:
        case bool(), "BOOLEAN" if op in ("eq", "ne"):
            return f"{name} {op} {str(value).lower()}"
        case bool(), _:
            return None
        case ((int() | float()), "BIGINT" | "DECIMAL(38,18)"):
            return _number(name, op, value)
        case ((int() | float()), "DOUBLE") if op in ("lt", "gt"):
            return _number(name, op, value)
        case date(), "DATE":
            return f"{name} {op} {value.isoformat()}"
        case date(), "TIMESTAMP WITH TIME ZONE":
            return _moment(name, op, value)
        case str(), "VARCHAR" if op == "eq":
            return _text(name, value, column)
        case _:
            return None


def _number(name: str, op: str, value: float) -> str | None:
    number = Decimal(str(value))
    return f"{name} {op} {number:f}" if number.is_finite() and number == round(number, 9) else None


def _moment(name: str, op: str, day: date) -> str | None:
    """The days around are asked for too: which day a moment falls on depends on the time zone."""
    if day.year not in _YEARS or day - date.min < _DAY:
        return None
    from_here, to_here = f"{day - _DAY}T00:00:00Z", f"{day + 2 * _DAY}T00:00:00Z"
    match op:
        case "eq":
            return f"({name} ge {from_here} and {name} lt {to_here})"
        case "gt" | "ge":
            return f"{name} ge {from_here}"
        case "lt" | "le":
            return f"{name} lt {to_here}"
        case _:
            return None


def _text(name: str, value: str, column: Property) -> str | None:
    if column.members is not None:
        return f"{name} eq {column.type}'{value}'" if value in column.members and value.isidentifier() else None
    if column.edm == "Edm.Guid":
        try:
            return f"{name} eq {uuid.UUID(value)}"
        except ValueError:
            return None
    if column.edm != "Edm.String" or value != value.strip() or not value:
        return None
    return f"{name} eq '{value.replace(chr(39), chr(39) * 2)}'"
