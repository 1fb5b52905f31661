"""Names, semantic versions, digests and durations: the small types that everything else is made of."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from reconciler.domain.patterns import DIGEST_PATTERN as DIGEST_PATTERN
from reconciler.domain.patterns import NAME_PATTERN as NAME_PATTERN
from reconciler.domain.patterns import VERSION_PATTERN as VERSION_PATTERN
from reconciler.domain.patterns import short_digest as short_digest
from reconciler.domain.problems import Unfit

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
Version = Annotated[str, Field(pattern=VERSION_PATTERN, max_length=64)]
Digest = Annotated[str, Field(pattern=DIGEST_PATTERN)]

_DURATION = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(value: Any) -> timedelta:
    """Read ``90s``, ``30m``, ``24h`` or ``400d``; a timedelta passes through. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit("a duration is a whole number and a unit", "write it as 90s, 30m, 24h or 400d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(value: timedelta) -> str:
    """Write a duration with its largest whole unit; the inverse of `parse_duration`."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}(s|m|h|d)$"}),
]

_SIZE = re.compile(r"(\d{1,6})(MiB|GiB)")


def parse_size(value: Any) -> int:
    """Read ``512MiB`` or ``4GiB`` as bytes; an int passes through. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit("a size is a whole number and a unit", "write it as 512MiB or 4GiB")
    return int(match[1]) * (1 << 20 if match[2] == "MiB" else 1 << 30)


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(lambda value: f"{value >> 20}MiB", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}(MiB|GiB)$"}),
]


def version_key(version: str) -> tuple[Any, ...]:
    """A sort key in the order of semver.org section 11: a pre-release comes before its release."""
    core, _, pre = version.partition("-")
    identifiers = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")) if pre else ()
    return (*(int(part) for part in core.split(".")), not pre, identifiers)
