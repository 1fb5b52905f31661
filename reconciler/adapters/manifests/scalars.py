"""Plain scalars by the core schema of YAML 1.2, minus everything that two readers could take differently.

`yes`, `no`, `on`, `off` (booleans in YAML 1.1), numbers with leading zeros (octal there), `.inf` and `.nan` (not
in JSON) and whole numbers that JSON readers round are refused, each with what to write instead.
"""

from __future__ import annotations

import math
import re

Plain = str | int | float | bool | None

_KEYWORDS: dict[str, bool | None] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TWO_WAYS = re.compile(r"yes|no|on|off", re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LARGEST = 2**53 - 1


class Ambiguous(Exception):
    """A scalar that is refused: what is wrong with it, and what to write."""

    def __init__(self, summary: str, fix: str) -> None:
        super().__init__(summary)
        self.summary = summary
        self.fix = fix


def resolve(text: str) -> Plain:
    """The value of a plain (unquoted) scalar. Raises Ambiguous for what is refused. Dates stay text."""
    if text in _KEYWORDS:
        return _KEYWORDS[text]
    if text[0].isalpha() and text[0] not in "yYnNoO":
        return text
    if _TWO_WAYS.fullmatch(text):
        word = "true" if text.lower() in ("yes", "on") else "false"
        raise Ambiguous(f"{text} is a boolean to some readers and text to others", f'write "{text}" or {word}')
    if _WHOLE.fullmatch(text):
        return _whole(text)
    if _NUMBER.fullmatch(text):
        return _number(text)
    if _OTHER_BASE.fullmatch(text):
        raise Ambiguous(f"{_short(text)} is not a decimal number", "write it in decimals, or quote it if it is text")
    if _NO_NUMBER.fullmatch(text):
        raise Ambiguous(f"{text} is not a finite number", "write a number, or quote it if it is text")
    return text


def _whole(text: str) -> int:
    figures = text.lstrip("+-")
    if len(figures) > 1 and figures.startswith("0"):
        plain = figures.lstrip("0")[:20] or "0"
        raise Ambiguous(f"{_short(text)} starts with a zero", f'write "{_short(text)}" if it is text, else {plain}')
    if len(figures) > 16 or int(figures) > _LARGEST:
        raise Ambiguous(f"{_short(text)} is larger than numbers go here", f'write "{_short(text)}" if it is text')
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Ambiguous(f"{_short(text)} is larger than numbers go here", "write a smaller number")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
