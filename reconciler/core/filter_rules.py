"""Filters against the fields of a task: the field is there, the operator fits its type, the value is of it.

Works on filters as plain values (mappings with `field`, `op`, `value`, or `all`, `any`, `not`) whose shape the
manifest's schema has already checked. Of a file with faults, parts may be missing, and items of lists None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from reconciler.domain.gaps import Gaps, Path
from reconciler.domain.problems import close_to
from reconciler.domain.task import FieldSpec

_ORDER = frozenset({"lt", "le", "gt", "ge"})
_LISTS = frozenset({"in", "not-in"})
_NULLS = frozenset({"is-null", "not-null"})
_SAME = frozenset({"eq", "ne"})
_OPERATORS = {
    "text": _SAME | _LISTS | _NULLS,
    "flag": _SAME | _NULLS,
    "number": _SAME | _ORDER | _LISTS | _NULLS,
    "whole": _SAME | _ORDER | _LISTS | _NULLS,
    "date": _SAME | _ORDER | _LISTS | _NULLS,
}
_WANTED = {
    "text": "text in quotes",
    "flag": "true or false",
    "number": "a number",
    "whole": "a whole number",
    "date": "a date, as 2024-01-31",
}


@dataclass(frozen=True)
class Flaw:
    """What is wrong at a path of one file, and the next step; the caller knows the file and what it touches.

    `needs` are further paths that it is concluded from: all of what stands there has to be known. `beside`: it is not
    concluded from what stands at its path, which is only where it is told."""

    path: Path
    summary: str
    fix: str = ""
    warning: bool = False
    needs: tuple[Path, ...] = ()
    beside: bool = False

    def stands(self, gaps: Gaps) -> bool:
        """Whether this is so, whatever stands in the gaps of the file."""
        return (self.beside or not gaps.hide(self.path)) and not any(map(gaps.touch, self.needs))


def check_filters(filters: Sequence[Any], fields: Mapping[str, FieldSpec], at: Path) -> Iterator[Flaw]:
    """Every flaw of the filters that stand at path `at`."""
    for position, item in enumerate(filters):
        if item is not None:
            yield from _filter(item, fields, (*at, position))


def _filter(item: Mapping[str, Any], fields: Mapping[str, FieldSpec], at: Path) -> Iterator[Flaw]:
    for group in ("all", "any"):
        if group in item:
            yield from check_filters(item[group], fields, (*at, group))
    if "not" in item:
        yield from _filter(item["not"], fields, (*at, "not"))
    if "field" in item:
        yield from _condition(item, fields, at)


def _condition(item: Mapping[str, Any], fields: Mapping[str, FieldSpec], at: Path) -> Iterator[Flaw]:
    name, op, value = item["field"], item.get("op"), item.get("value")
    spec = fields.get(name)
    if spec is None:
        yield Flaw((*at, "field"), f"there is no field {name}", close_to(name, fields))
        return
    fitting = _OPERATORS[spec.type]
    if op is None:
        return
    if op not in fitting:
        yield Flaw(
            (*at, "op"), f"{op} does not fit {name}, which is {_kind(spec)}", f"use {', '.join(sorted(fitting))}"
        )
    else:
        for flaw in _value(value, spec if spec.name == name else replace(spec, name=name), op, at):
            absent = ((*at, "value"),) if value is None else ()
            yield replace(flaw, needs=((*at, "op"), *absent))


def _value(value: Any, spec: FieldSpec, op: str, at: Path) -> Iterator[Flaw]:
    """Flaws of a value that is compared with a field, whose `name` is the one that was written."""
    if op in _NULLS:
        if value is not None:
            yield Flaw((*at, "value"), f"{op} takes no value", "take the value out")
    elif op in _LISTS:
        yield from _listed(value, spec, op, at)
    elif isinstance(value, list):
        yield Flaw((*at, "value"), f"{op} takes one value, this is a list", "use in or not-in")
    elif value is None:
        yield Flaw(at, f"{op} needs a value", f"add value: {_WANTED[spec.type]}")
    elif not _IS[spec.type](value):
        yield Flaw(
            (*at, "value"), f"{spec.name} is {_kind(spec)}, {_shown(value)} is not", f"write {_WANTED[spec.type]}"
        )


def _listed(value: Any, spec: FieldSpec, op: str, at: Path) -> Iterator[Flaw]:
    if not isinstance(value, list) or not value:
        yield Flaw(at if value is None else (*at, "value"), f"{op} takes a list of values", "write [FIRST, SECOND]")
        return
    for position, single in enumerate(value):
        if not _IS[spec.type](single):
            summary = f"{spec.name} is {_kind(spec)}, {_shown(single)} is not"
            yield Flaw((*at, "value", position), summary, f"write {_WANTED[spec.type]}")


def _kind(spec: FieldSpec) -> str:
    return {"flag": "true or false", "whole": "a whole number"}.get(spec.type, f"a {spec.type}").replace(
        "a text", "text"
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}…"


def _is_date(value: Any) -> bool:
    if isinstance(value, date):
        return True
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_IS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "flag": lambda value: isinstance(value, bool),
    "number": _is_number,
    "whole": lambda value: _is_number(value) and isinstance(value, int),
    "date": _is_date,
}
