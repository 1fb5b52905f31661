"""What a snapshot's rows look like, in plain JSON values: counts, shares, ranges. Never an account or a number
that identifies a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.domain.jobs import SnapshotColumn, SnapshotManifest, SnapshotTable
from reconciler.tools.duck import MANY, quoted

_IDENTIFIERS = frozenset({"invoice", "customer"})
_FEW = 25
_TOP = 5


def profile_of(
    database: Any,
    manifest: SnapshotManifest,
    relations: Mapping[str, str],
    outcomes: tuple[int, int],
    progress: Callable[[str, int, int], None],
) -> dict[str, object]:
    """The profile of a snapshot: outcomes are counted where they are known for certain (mature rows: due date + very
    late period ≤ data date; still open then is very late). `outcomes` are (late after, very late after) in days
    after the due date."""
    tables = {
        name: {
            "rows": sum(part.rows for part in table.parts),
            "columns": list(_columns(database, relations[name], (name, table), progress)),
        }
        for name, table in sorted(manifest.tables.items())
    }
    return {
        "digest": manifest.digest,
        "data_date": manifest.data_date,
        "late_after_days": outcomes[0],
        "very_late_after_days": outcomes[1],
        "tables": tables,
        **_invoices(database, manifest, relations["invoices"], outcomes),
    }


def _columns(
    database: Any, relation: str, named: tuple[str, SnapshotTable], progress: Callable[[str, int, int], None]
) -> Iterator[dict[str, object]]:
    """What each column is like; as many rows count as done with each as it is of the columns."""
    name, table = named
    rows = sum(part.rows for part in table.parts)
    for number, column in enumerate(table.columns):
        if rows >= MANY:
            progress(f"profiling {name} (rows)", rows * number // len(table.columns), rows)
        yield _column(database, relation, column)


def _invoices(
    database: Any, manifest: SnapshotManifest, rows: str, outcomes: tuple[int, int]
) -> dict[str, object]:  # fmt: skip
    names = {column.name for column in manifest.tables["invoices"].columns}
    settled = "settled_date" if "settled_date" in names else "NULL::DATE"
    late, very_late = outcomes
    # very late from 0 days folds the two: then everything late is `late`, and known for certain the day after
    period, limit = very_late or late + 1, very_late or 1 << 20
    at = f"DATE '{manifest.data_date}'"
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS SELECT strftime(invoice_date, '%Y-%m') AS month, "  # noqa: S608
        f"{settled} IS NULL AS open, due_date, CASE WHEN due_date + {period} > {at} THEN 'not_mature' "
        f"WHEN {settled} - due_date <= {late} THEN 'on_time' WHEN {settled} - due_date < {limit} THEN 'late' "
        f"ELSE '{'very_late' if very_late else 'late'}' END AS outcome FROM {rows}"
    )
    heads = ("month", "on_time", "late", "very_late", "not_mature")
    counts = ", ".join(f"count(*) FILTER (outcome = '{head}')" for head in heads[1:])
    months = database.execute(f"SELECT month, {counts} FROM judged GROUP BY month ORDER BY month").fetchall()  # noqa: S608
    unpaid, overdue = database.execute(
        f"SELECT count(*) FILTER (open), count(*) FILTER (open AND due_date < {at}) FROM judged"  # noqa: S608
    ).fetchone()
    return {
        "outcomes": {name: sum(month[i] for month in months) for i, name in enumerate(heads) if i},
        "months": [dict(zip(heads, month, strict=True)) for month in months],
        "open": unpaid,
        "overdue": overdue,
        "newest": _newest(database, rows, names),
    }


def _newest(database: Any, rows: str, names: set[str]) -> dict[str, str | None]:
    dates = [name for name in ("invoice_date", "due_date", "settled_date") if name in names]
    found = database.execute(f"SELECT {', '.join(f'max({name})' for name in dates)} FROM {rows}").fetchone()  # noqa: S608
    return {name: str(value) if value is not None else None for name, value in zip(dates, found, strict=True)}


def _column(database: Any, rows: str, column: SnapshotColumn) -> dict[str, object]:
    name = quoted(column.name)
    missing, distinct = database.execute(
        f"SELECT count(*) FILTER ({name} IS NULL), count(DISTINCT {name}) FROM {rows}"  # noqa: S608
    ).fetchone()
    out: dict[str, object] = {
        "name": column.name,
        "type": column.type,
        "known_at": column.known_at,
        "missing": missing,
        "distinct": distinct,
    }
    if column.type in ("number", "whole", "date") and column.name not in _IDENTIFIERS:
        low, high = database.execute(f"SELECT min({name}), max({name}) FROM {rows}").fetchone()  # noqa: S608
        out |= {"lowest": _plain(low), "highest": _plain(high)}
    elif column.name not in _IDENTIFIERS and distinct <= _FEW:
        top = database.execute(
            f"SELECT CAST({name} AS VARCHAR), count(*) FROM {rows} WHERE {name} IS NOT NULL "  # noqa: S608
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
        ).fetchall()
        out["top"] = [{"value": value, "rows": count} for value, count in top]
    return out


def _plain(value: object) -> object:
    return None if value is None else str(value)
