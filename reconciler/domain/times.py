"""The one form of a time in what machines read: UTC, marked `Z`, as receipts have it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def machine_time(value: datetime) -> str:
    """ISO 8601 in UTC with `Z`; microseconds only where there are any. The time has a zone."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
