"""Values of an OData service as texts that DuckDB casts without fail: each checked against the type it should have.

Numbers are never floats on the way: the JSON's own digits are what is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Check = Callable[[str], str]

_NUMBER = re.compile(r"[-+]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][-+]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_FLOATS = {"INF": "inf", "-INF": "-inf", "NaN": "nan"}
_BREAKS = str.maketrans({"\r": " ", "\n": " "})
_BEFORE_POINT = Decimal(10) ** 20


class NotSo(ValueError):
    """A value that is not what the service says it is."""


def text_of(value: Any) -> str:
    """A JSON value, read with its numbers as texts, as one text; a line break becomes a space."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise NotSo
    text: str = value
    if "\n" in text or "\r" in text:
        text = text.translate(_BREAKS)
    if "\0" in text or not (text.isascii() or _is_unicode(text)):
        raise NotSo
    return text


def _is_unicode(text: str) -> bool:
    """False for half of a pair, which no file can hold."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _decimal(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise NotSo
    if len(text) <= 20 and "e" not in text.lower():
        return text
    number = Decimal(text)
    if abs(number) >= _BEFORE_POINT:
        raise NotSo
    return f"{number:f}"


def _whole(text: str) -> str:
    if not _WHOLE.fullmatch(text) or not -(1 << 63) <= int(text) < 1 << 63:
        raise NotSo
    return text


def _float(text: str) -> str:
    if text in _FLOATS:
        return _FLOATS[text]
    if not _NUMBER.fullmatch(text):
        raise NotSo
    return str(float(text))


def _boolean(text: str) -> str:
    if text not in ("true", "false"):
        raise NotSo
    return text


def _date(text: str) -> str:
    if len(text) != 10 or text[4] != "-":
        raise NotSo
    return date.fromisoformat(text).isoformat()


def _moment(text: str) -> str:
    if len(text) < 17 or text[10] not in "Tt ":
        raise NotSo
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise NotSo
    return moment.isoformat()


def _same(text: str) -> str:
    return text


#: Edm type → DuckDB's type, and the check of a value.
KINDS: dict[str, tuple[str, Check]] = {
    "Edm.Decimal": ("DECIMAL(38,18)", _decimal),
    "Edm.Boolean": ("BOOLEAN", _boolean),
    "Edm.Date": ("DATE", _date),
    "Edm.DateTimeOffset": ("TIMESTAMP WITH TIME ZONE", _moment),
    **{f"Edm.{name}": ("BIGINT", _whole) for name in ("Int64", "Int32", "Int16", "Byte", "SByte")},
    **{f"Edm.{name}": ("DOUBLE", _float) for name in ("Double", "Single")},
    **dict.fromkeys(("Edm.String", "Edm.Guid", "Edm.TimeOfDay", "Edm.Duration", "enum"), ("VARCHAR", _same)),
}
