"""JSON on stdout: stable, with a `format_version`, keys in snake_case, unknown values null, times in UTC with Z."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from typing import Any

import click
from pydantic import BaseModel

from reconciler.domain.times import machine_time


def emit(document: dict[str, Any]) -> None:
    """Print one document; ASCII escapes keep control characters from a terminal."""
    click.echo(json.dumps(document, indent=2, default=plain))


def plain(value: Any) -> Any:
    """A value of ours as JSON values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return machine_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")
