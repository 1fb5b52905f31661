"""What is different between two snapshots, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.cli.views.copies import masked
from reconciler.core.copies import same_masks
from reconciler.domain.names import short_digest
from reconciler.domain.snapshots import Snapshot
from reconciler.usecases.data import Compared

_BAR = 30
_MARKS = {"added": "+", "removed": "-", "changed": "~"}
_MONTHS = 24


def compared_lines(compared: Compared, now: Snapshot) -> Iterator[str]:
    """The lines of a comparison, not yet escaped."""
    then = compared.snapshot
    yield f"Against {short_digest(then.digest)} of {then.copy_of}, taken {then.taken_at:%Y-%m-%d %H:%M} UTC, data until {then.data_date}"  # noqa: E501
    if not same_masks(now, then):
        yield f"  masked otherwise: {masked(now)}; was {masked(then)}"
    tables: Mapping[str, Any] = compared.rows.get("tables", {})  # type: ignore[assignment]
    for name, table in tables.items():
        yield f"  {name}: {table['rows']:,} rows, was {table['was']:,}" + _counts(table)
        yield from _columns(table)
        yield from _parts(table["parts"])
    yield from _shares(compared.profile)


def _counts(table: Mapping[str, Any]) -> str:
    told = [f"{table[what]:,} {what}" for what in _MARKS if table[what]]
    return f": {', '.join(told)}" if told else ": the same rows"


def _columns(table: Mapping[str, Any]) -> Iterator[str]:
    for what, names in (("added", table["columns_added"]), ("gone", table["columns_gone"])):
        if names:
            yield f"    columns {what}: {', '.join(names)}"
    if table["by_column"]:
        yield "    changed in: " + ", ".join(f"{name} {rows:,}" for name, rows in table["by_column"].items())


def _parts(parts: list[Mapping[str, Any]]) -> Iterator[str]:
    """A bar for each month that differs; one part alone says what the table's line says."""
    if len(parts) < 2:
        return
    most = max(sum(part[what] for what in _MARKS) for part in parts)
    if len(parts) > _MONTHS:
        yield f"    the newest {_MONTHS} of {len(parts)} months that differ"
    for part in parts[-_MONTHS:]:
        bar = "".join(mark * round(_BAR * part[what] / max(1, most)) for what, mark in _MARKS.items())
        told = ", ".join(f"{part[what]:,} {what}" for what in _MARKS if part[what])
        yield f"    {part['name']}  {bar:<{_BAR}}  {told}"


def _shares(profile: Mapping[str, Any]) -> Iterator[str]:
    told = [
        f"{name.replace('_', ' ')} {found['share']:.1%} (was {found['was']:.1%})"
        for name, found in profile["outcomes"].items()
    ]
    if told:
        yield f"  outcomes: {', '.join(told)}"
    for each in profile["missing"]:
        yield f"  {each['table']}.{each['column']}: {each['missing']:.1%} missing, was {each['was']:.1%}"
    for each in profile["top"]:
        values = ", ".join(f"{' '.join(item['value'].split())} {item['rows']:,}" for item in each["values"])
        yield f"  {each['table']}.{each['column']}: newly among the commonest: {values}"
