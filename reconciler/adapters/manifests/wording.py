"""Pydantic's errors in the words of this project: what is wrong, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.domain.gaps import Absent
from reconciler.domain.names import DIGEST_PATTERN, NAME_PATTERN, VERSION_PATTERN
from reconciler.domain.problems import Unfit, close_to

_SUBJECT = re.compile(r"^(Input|String|List|Dictionary|Value) should")
_PATTERNS = {
    NAME_PATTERN: ("is not a name", "names are lower-case letters, figures and dashes, letter first, at most 63"),
    VERSION_PATTERN: ("is not a version", "versions are three numbers, as 1.2.0 or 1.2.0-rc.1, without +build"),
    DIGEST_PATTERN: ("is not a digest", "digests are sha256: and 64 figures 0-9 a-f"),
}
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "date_type": "a date",
    "date_parsing": "a date",
    "date_from_datetime_parsing": "a date",
}
_BOUNDS = (
    ("greater_than", "gt", "more than"),
    ("greater_than_equal", "ge", "at least"),
    ("less_than", "lt", "less than"),
    ("less_than_equal", "le", "at most"),
)
_UNION = (
    ("Condition", "a condition (field, op, value), or all, any or not"),
    ("MappedColumn", "a column's name, {column: …} or {constant: …}"),
    ("Rounded", "keep, drop, hash, pseudonym, {round: 10} (a multiple of 0.0001, above 0) or {coarsen: month}"),
    ("literal['latest']", "latest, or sha256: and 64 figures 0-9 a-f"),
    ("list[", "text, a number, a date, true or false, or a list of these"),
)


def shown(value: Any) -> str:
    """A value as it is named in a message: short, and never more than one line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    text = " ".join(str(value).split()) or "''"
    return text if len(text) <= 60 else f"{text[:57]}…"


def worded(error: Any, value: Any) -> tuple[str, str]:
    """(summary, fix) of one pydantic error about `value`; unknown and missing keys are worded elsewhere."""
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "literal_error":
        choices = _choices(context.get("expected", ""))
        return f"{shown(value)} is not one of the values here", close_to(str(value), choices, say="write one of")
    if kind == "union_tag_invalid":
        tags = _choices(context.get("expected_tags", ""))
        return f"{shown(context.get('tag'))} is not a known kind", close_to(str(context.get("tag")), tags)
    if kind == "string_pattern_mismatch" and context.get("pattern") in _PATTERNS:
        summary, fix = _PATTERNS[context["pattern"]]
        return f"{shown(value)} {summary}", fix
    if kind in _TYPES:
        return _type(_TYPES[kind], value)
    return _limit(kind, context, value) or _raised(error, value)


def worded_union(tags: Sequence[str], value: Any) -> tuple[str, str]:
    """(summary, fix) where `value` fits no member of a union whose members pydantic calls `tags`."""
    for member, wanted in _UNION:
        if any(tag.startswith(member) for tag in tags):
            return f"should be {wanted}; this is {shown(value)}", f"write {wanted}"
    wanted = "text, a number, true or false"
    return f"should be {wanted}; this is {shown(value)}", f"write {wanted}"


def _limit(kind: str, context: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    """(summary, fix) of a value or a length outside its limits; None for another error."""
    for name, key, words in _BOUNDS:
        if kind == name:
            limit = f"{words} {context[key]:g}"
            return f"should be {limit}; this is {shown(value)}", f"write a value of {limit}"
    for end, key, words in (("too_short", "min_length", "at least"), ("too_long", "max_length", "at most")):
        if kind.endswith(end):
            what = "characters" if kind.startswith("string") else "entries"
            return f"should have {words} {context[key]} {what}", f"write {words} {context[key]} {what}"
    return None


def _raised(error: Any, value: Any) -> tuple[str, str]:
    """(summary, fix) of what a model of ours raised, and of what there are no words for yet."""
    raised = (error.get("ctx") or {}).get("error")
    text = _SUBJECT.sub("should", str(error["msg"]).removeprefix("Value error, "))
    summary = f"{shown(value)}: {text}" if text.startswith("should") else text
    if isinstance(raised, Unfit):
        return summary, raised.next_step
    if isinstance(raised, Absent):
        return summary, f"add {' or '.join(raised.keys)}"
    return summary, "reconciler schema prints what may stand here"


def _type(wanted: str, value: Any) -> tuple[str, str]:
    if wanted == "a date":
        return f"{shown(value)} is not a date", "dates are written 2024-01-31"
    fix = f"write {wanted}"
    if wanted == "text" and isinstance(value, (int, float)) and not isinstance(value, bool):
        fix = f'write "{shown(value)}"'
    if wanted == "a list" and isinstance(value, str):
        fix = f"write [{shown(value)}]"
    if wanted in ("a whole number", "a number") and isinstance(value, str) and _is_number(value):
        fix = "take the quotes out"
    return f"should be {wanted}; this is {shown(value)}", fix


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdecimal() and text.isascii()


def _choices(expected: str) -> list[str]:
    return expected.split("'")[1::2]
