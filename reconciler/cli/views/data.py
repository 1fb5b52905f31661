"""A snapshot as text with small bars, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.cli.views.begun import sentence
from reconciler.cli.views.compared import compared_lines
from reconciler.cli.views.copies import copy_lines
from reconciler.cli.views.escape import terminal
from reconciler.domain.snapshots import Snapshot
from reconciler.usecases.data import Compared, Shown

_BAR = 40
_MARKS = {"on_time": "█", "late": "▒", "very_late": "░", "not_mature": "·"}


def document(shown: Shown) -> dict[str, Any]:
    """The record of the snapshot and its profile."""
    return {
        "format_version": 1,
        "environment": shown.environment,
        "snapshot": shown.snapshot.model_dump(mode="json"),
        "profile": dict(shown.profile),
        "recorded": shown.recorded,
        "compared": _compared(shown.compared) if shown.compared else None,
    }


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "snapshot": compared.snapshot.model_dump(mode="json"),
        **compared.rows,
        **compared.profile,
    }


def as_text(shown: Shown) -> str:
    """Counts, months, columns, rows set aside."""
    profile: Mapping[str, Any] = shown.profile
    snapshot = shown.snapshot
    lines = [
        f"{snapshot.digest}",
        f"{shown.environment}'s copy of {snapshot.copy_of}, taken {snapshot.taken_at:%Y-%m-%d %H:%M} UTC"
        + (f" by {snapshot.by}" if snapshot.by else "")
        + f", data until {snapshot.data_date}; {shown.recorded} recorded",
        *copy_lines(snapshot),
        sentence(profile, sum(snapshot.set_aside.values())),
        *_read(snapshot),
        *(f"  {count:>6,}  {cause}" for cause, count in snapshot.set_aside.items()),
        *(f"  {count:>6,}  left out: {reason}" for reason, count in snapshot.excluded.items()),
        "",
        *([*compared_lines(shown.compared, snapshot), ""] if shown.compared else []),
        *_months(profile),
    ]
    for name, table in profile["tables"].items():
        lines += ["", f"{name}: {table['rows']:,} rows", *_table(table["columns"])]
    return terminal("\n".join(lines), lines=True)


def _read(snapshot: Snapshot) -> list[str]:
    """What the source had against what is in the copy, where that differs."""
    apart = {table: rows for table, rows in snapshot.read.items() if rows != snapshot.rows.get(table, 0)}
    return [
        f"  {rows:>6,}  rows of {table} were read, {snapshot.rows.get(table, 0):,} kept"
        for table, rows in apart.items()
    ]


def _months(profile: Mapping[str, Any]) -> list[str]:
    months: Sequence[Mapping[str, Any]] = profile["months"]
    most = max((sum(month[name] for name in _MARKS) for month in months), default=1)
    legend = "  ".join(f"{mark} {name.replace('_', ' ')}" for name, mark in _MARKS.items())
    late = profile["very_late_after_days"]
    lines = [f"By month of invoice ({legend}; very late from {late} days)"]
    for month in months:
        counts = [month[name] for name in _MARKS]
        lines.append(f"  {month['month']}  {bar(counts, most)}  {sum(counts):,}")
    return lines


def bar(counts: Sequence[int], most: int) -> str:
    """A bar as long as the sum of `counts` is of `most`, in the marks of the outcomes; parts add up to its length."""
    marks = list(_MARKS.values())
    edges = [round(_BAR * sum(counts[: i + 1]) / max(1, most)) for i in range(len(counts))]
    text = "".join(
        mark * (edge - (edges[i - 1] if i else 0)) for i, (mark, edge) in enumerate(zip(marks, edges, strict=True))
    )
    return f"{text:<{_BAR}}"


def _table(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for column in columns:
        missing = f"{column['missing']:,} missing" if column["missing"] else ""
        facts = [
            f"{column['distinct']:,} value{'s' * (column['distinct'] != 1)}",
            missing,
            _range(column),
            _top(column),
        ]
        known = "known at the invoice date" if column["known_at"] == "invoice-date" else "known later"
        lines.append(f"  {column['name']:<18} {column['type']:<7} {known:<26} {'; '.join(f for f in facts if f)}")
    return lines


def _range(column: Mapping[str, Any]) -> str:
    return f"{column['lowest']} to {column['highest']}" if column.get("lowest") is not None else ""


def _top(column: Mapping[str, Any]) -> str:
    return ", ".join(f"{' '.join(item['value'].split())} {item['rows']:,}" for item in column.get("top", []))
