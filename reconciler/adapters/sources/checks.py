"""Checking in DuckDB, across the rows of a table: which are good, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.columns import Column
from reconciler.adapters.sources.typed_sql import literal, quoted
from reconciler.ports import BadRow

_EXAMPLES = 20
INVOICE_KEY = ("legal_entity", "invoice", "instalment")
CUSTOMER_KEY = ("legal_entity", "customer")


@dataclass(frozen=True)
class Checked:
    """A table after its checks: how many rows there were, how many are good, and the others by (cause, field)."""

    table: str
    rows: int
    good: int
    causes: Mapping[tuple[str, str], int]
    examples: Sequence[BadRow]
    columns: Sequence[Column]
    newest: date | None = None
    entities: Mapping[str, int] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        return sum(self.causes.values())

    def write(self, database: Any, folder: Path) -> None:
        """Write the good rows as `TABLE.parquet` in the folder, in no order that anybody may lean on."""
        names = ", ".join(quoted(column.name) for column in self.columns)
        path = literal(str(folder / f"{self.table}.parquet"))
        database.execute(
            f"COPY (SELECT {names} FROM {self.table} WHERE cause IS NULL) TO {path} "  # noqa: S608
            "(FORMAT parquet, COMPRESSION lz4_raw)"
        )


def check_invoices(database: Any, columns: Sequence[Column], as_of: date | None, today: date) -> Checked:
    """Take the rows back to `as_of`, set doubled keys aside, and count."""
    names = {column.name for column in columns}
    if as_of is None:
        _mark(database, "invoices", f"invoice_date > DATE '{today}'", "in the future|invoice_date")
        if "settled_date" in names:
            _mark(database, "invoices", f"settled_date > DATE '{today}'", "in the future|settled_date")
    else:
        _go_back(database, names, as_of)
    _mark(database, "invoices", _shared_key("invoices", columns, "invoice IS NOT NULL"), "doubled key|invoice")
    latest = "greatest(invoice_date, settled_date)" if "settled_date" in names else "invoice_date"
    newest = database.execute(f"SELECT max({latest}) FROM invoices WHERE cause IS NULL").fetchone()[0]  # noqa: S608
    entities = database.execute(
        "SELECT legal_entity, count(*) FROM invoices WHERE cause IS NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return replace(_count(database, "invoices", columns), newest=newest, entities=dict(entities))


def check_customers(database: Any, columns: Sequence[Column]) -> Checked:
    """Fold identical rows into one, set customers aside that have rows which differ, and count."""
    values = ", ".join(quoted(column.name) for column in columns)
    database.execute(
        f"DELETE FROM customers WHERE cause IS NULL AND line NOT IN "  # noqa: S608
        f"(SELECT min(line) FROM customers WHERE cause IS NULL GROUP BY {values})"
    )
    shared = _shared_key("customers", columns, "cause IS NULL")
    _mark(database, "customers", shared, "rows of one customer differ|customer")
    return _count(database, "customers", columns)


def _go_back(database: Any, names: set[str], as_of: date) -> None:
    """The table as it was at a date: later invoices are not there yet, later settlements are open, and what is
    open of those is not known."""
    database.execute(f"DELETE FROM invoices WHERE invoice_date > DATE '{as_of}'")  # noqa: S608
    if "settled_date" not in names:
        return
    unknown = ", open_amount = NULL" if "open_amount" in names else ""
    database.execute(f"UPDATE invoices SET settled_date = NULL{unknown} WHERE settled_date > DATE '{as_of}'")  # noqa: S608


def _mark(database: Any, table: str, test: str, cause: str) -> None:
    database.execute(f"UPDATE {table} SET cause = ? WHERE cause IS NULL AND {test}", [cause])  # noqa: S608


def _shared_key(table: str, columns: Sequence[Column], among: str) -> str:
    key = ", ".join(_key(table, columns))
    shared = f"SELECT {key} FROM {table} WHERE {among} GROUP BY ALL HAVING count(*) > 1"  # noqa: S608
    same = " AND ".join(f"{table}.{name} IS NOT DISTINCT FROM shared.{name}" for name in _key(table, columns))
    return f"{among} AND EXISTS (SELECT 1 FROM ({shared}) AS shared WHERE {same})"  # noqa: S608


def _key(table: str, columns: Sequence[Column]) -> list[str]:
    names = {column.name for column in columns}
    return [quoted(name) for name in (INVOICE_KEY if table == "invoices" else CUSTOMER_KEY) if name in names]


def _count(database: Any, table: str, columns: Sequence[Column]) -> Checked:
    rows, good = database.execute(f"SELECT count(*), count(*) FILTER (cause IS NULL) FROM {table}").fetchone()  # noqa: S608
    causes = database.execute(
        f"SELECT cause, count(*) FROM {table} WHERE cause IS NOT NULL GROUP BY cause ORDER BY count(*) DESC, cause"  # noqa: S608
    ).fetchall()
    examples = database.execute(
        f"SELECT cause, line FROM {table} WHERE cause IS NOT NULL ORDER BY line LIMIT {_EXAMPLES}"  # noqa: S608
    ).fetchall()
    return Checked(
        table,
        rows,
        good,
        {tuple(cause.split("|")): n for cause, n in causes},
        tuple(BadRow(cause.split("|")[0], line, cause.split("|")[1]) for cause, line in examples),
        columns,
    )
