"""What an extract's rows look like, as far as gates ask: one pass over columns, no value of any row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.domain.jobs import SnapshotColumn
from reconciler.domain.snapshots import LATEST_DAY, Facts
from reconciler.tools.duck import literal, quoted

_TABLES = ("invoices", "customers")
_ALWAYS_ONE = frozenset({"legal_entity", "instalment"})


def facts_of(database: Any, folder: Path, columns: Mapping[str, Sequence[SnapshotColumn]]) -> Facts | None:
    """The facts of the tables in a folder; None without an invoice."""
    invoices = _rows(folder, "invoices")
    names = {column.name for column in columns["invoices"]}
    settled = "settled_date" if "settled_date" in names else "NULL::DATE"
    first, last, paid = database.execute(
        f"SELECT min(invoice_date), max(invoice_date), count({settled}) FROM {invoices}"  # noqa: S608
    ).fetchone()
    if first is None:
        return None
    constant, missing = _columns(database, folder, columns)
    return Facts(
        settled=paid,
        first=str(first),
        last=str(last),
        late=_late(database, invoices, settled) if paid else [],
        constant=constant,
        missing=missing,
    )


def _late(database: Any, invoices: str, settled: str) -> list[int]:
    found = dict(
        database.execute(
            f"SELECT least(greatest({settled} - due_date, 0), {LATEST_DAY}) AS days, count(*) FROM {invoices} "  # noqa: S608
            f"WHERE {settled} IS NOT NULL GROUP BY 1"
        ).fetchall()
    )
    return [found.get(day, 0) for day in range(max(found) + 1)]


def _columns(
    database: Any, folder: Path, columns: Mapping[str, Sequence[SnapshotColumn]]
) -> tuple[list[str], dict[str, float]]:  # fmt: skip
    """Columns with one value and no other, and the shares of rows without one."""
    constant: list[str] = []
    missing: dict[str, float] = {}
    for table in (table for table in _TABLES if table in columns):
        names = [column.name for column in columns[table]]
        asked = ", ".join(f"count({quoted(n)}), min({quoted(n)}) = max({quoted(n)})" for n in names)
        rows, *found = database.execute(f"SELECT count(*), {asked} FROM {_rows(folder, table)}").fetchone()  # noqa: S608
        for name, there, same in zip(names, found[::2], found[1::2], strict=True):
            told = name if table == "invoices" else f"{table}.{name}"
            if same and there == rows and name not in _ALWAYS_ONE:
                constant.append(told)
            if there < rows:
                missing[told] = round(1 - there / rows, 4)
    return constant, missing


def _rows(folder: Path, table: str) -> str:
    return f"read_parquet({literal(str(folder / f'{table}.parquet'))})"
