"""Checking in DuckDB, across the rows of a table: which are good, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.columns import UNTIL, Column
from reconciler.adapters.sources.findings import KEPT, without_rate
from reconciler.ports import BadRow
from reconciler.tools.duck import literal, quoted

_DOUBLED = "doubled key|invoice"
_SEVERAL = "several due dates, and no instalment tells them apart|due_date"
_EXAMPLES = 20
INVOICE_KEY = ("legal_entity", "invoice", "instalment")
CUSTOMER_KEY = ("legal_entity", "customer")


@dataclass(frozen=True)
class Checked:
    """A table after its checks: how many rows there were, how many are kept, the bad ones by (cause, field), and how
    many good ones are left out, by the reason."""

    table: str
    rows: int
    good: int
    causes: Mapping[tuple[str, str], int]
    examples: Sequence[BadRow]
    columns: Sequence[Column]
    newest: date | None = None
    entities: Mapping[str, int] = field(default_factory=dict)
    excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        return sum(self.causes.values())

    def write(self, database: Any, folder: Path) -> None:
        """Write the rows that are kept as `TABLE.parquet` in the folder, in no order that anybody may lean on; of
        invoices the line too, which the copy does not have."""
        names = ", ".join(quoted(column.name) for column in self.columns)
        if self.table == "invoices":
            names += ", line"
        path = literal(str(folder / f"{self.table}.parquet"))
        database.execute(
            f"COPY (SELECT {names} FROM {self.table} WHERE {_kept(self.table)}) TO {path} "  # noqa: S608
            "(FORMAT parquet, COMPRESSION lz4_raw)"
        )


def check_invoices(database: Any, columns: Sequence[Column], as_of: date | None, today: date) -> Checked:
    """Take the rows back to `as_of`, leave out what is no invoice to be paid, set doubled keys aside, and count.
    `columns` are those that are kept; columns that only link tables are looked at where they are there."""
    there = {row[0] for row in database.execute("DESCRIBE invoices").fetchall()}
    dates = [name for name in ("invoice_date", "settled_date", "known_date") if name in there]
    if as_of is None:
        refuse_future(database, "invoices", dates, today)
    else:
        _go_back(database, there, as_of)
    _leave_out(database, there)
    numbered = "invoice IS NOT NULL AND excluded IS NULL"
    _mark(database, "invoices", _shared_key("invoices", columns, numbered), _DOUBLED)
    several = _shared_key("invoices", columns, f"cause = '{_DOUBLED}'", having="min(due_date) <> max(due_date)")
    database.execute(f"UPDATE invoices SET cause = ? WHERE {several}", [_SEVERAL])  # noqa: S608
    if "source_id" in there:
        twice = "SELECT legal_entity, source_id FROM invoices GROUP BY ALL HAVING count(*) > 1"
        _mark(database, "invoices", f"(legal_entity, source_id) IN ({twice})", "doubled key|source_id")
    if (test := without_rate(there)) is not None:
        _mark(database, "invoices", test, "no amount in the company's currency|accounting_amount")
    newest = database.execute(
        f"SELECT max(greatest({', '.join(dates)})) FROM invoices WHERE {_kept('invoices')}"  # noqa: S608
    ).fetchone()[0]
    return replace(
        _count(database, "invoices", columns),
        newest=newest,
        entities=_counted(database, "legal_entity", _kept("invoices")),
        excluded=_counted(database, "excluded", "cause IS NULL AND excluded IS NOT NULL"),
    )


def check_settlements(database: Any, columns: Sequence[Column]) -> Checked:
    """Count the settlements of the invoices that are kept; `settle` and `check_invoices` come before."""
    latest = "SELECT max(greatest(paid_on, recorded_on)) FROM settlements WHERE cause IS NULL"
    newest = database.execute(latest).fetchone()[0]
    return replace(_count(database, "settlements", columns), newest=newest)


def count_episodes(database: Any, columns: Sequence[Column]) -> Checked:
    """Count what was once believed of invoices; `columns` are those of the copy's invoices. `find_episodes` comes
    before."""
    (rows,) = database.execute("SELECT count(*) FROM episodes").fetchone()
    return Checked("episodes", rows, rows, {}, (), [*columns, Column(UNTIL)])


def refuse_future(database: Any, table: str, dates: Sequence[str], today: date) -> None:
    """Mark the rows of which one of these dates lies after today."""
    for name in dates:
        _mark(database, table, f"{name} > DATE '{today}'", f"in the future|{name}")


def _leave_out(database: Any, there: set[str]) -> None:
    """A negative amount is a credit note, and one of zero is never paid: both are no invoices to learn from, so that
    what else may be wrong with the row (a credit note has no due date) does not matter."""
    if "excluded" not in there:
        database.execute("ALTER TABLE invoices ADD COLUMN excluded VARCHAR")
    for test, reason in (("amount < 0", "negative-amount"), ("amount = 0", "zero-amount")):
        database.execute(f"UPDATE invoices SET excluded = '{reason}', cause = NULL WHERE {test}")  # noqa: S608


def _counted(database: Any, column: str, test: str) -> dict[str, int]:
    """How many invoices have each value of a column."""
    rows = f"SELECT {column}, count(*) FROM invoices WHERE {test} GROUP BY 1 ORDER BY 1"  # noqa: S608
    return dict(database.execute(rows).fetchall())


def _kept(table: str) -> str:
    return KEPT if table == "invoices" else "cause IS NULL"


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
    known = "greatest(settled_date, known_date)" if "known_date" in names else "settled_date"
    unknown += ", known_date = NULL" if "known_date" in names else ""
    later = f"settled_date IS NOT NULL AND {known} > DATE '{as_of}'"
    database.execute(f"UPDATE invoices SET settled_date = NULL{unknown} WHERE {later}")  # noqa: S608


def _mark(database: Any, table: str, test: str, cause: str) -> None:
    database.execute(f"UPDATE {table} SET cause = ? WHERE cause IS NULL AND {test}", [cause])  # noqa: S608


def _shared_key(table: str, columns: Sequence[Column], among: str, *, having: str = "count(*) > 1") -> str:
    key = ", ".join(_key(table, columns))
    shared = f"SELECT {key} FROM {table} WHERE {among} GROUP BY ALL HAVING {having}"  # noqa: S608
    same = " AND ".join(f"{table}.{name} IS NOT DISTINCT FROM shared.{name}" for name in _key(table, columns))
    return f"{among} AND EXISTS (SELECT 1 FROM ({shared}) AS shared WHERE {same})"  # noqa: S608


def _key(table: str, columns: Sequence[Column]) -> list[str]:
    names = {column.name for column in columns}
    return [quoted(name) for name in (INVOICE_KEY if table == "invoices" else CUSTOMER_KEY) if name in names]


def _count(database: Any, table: str, columns: Sequence[Column]) -> Checked:
    rows, good = database.execute(
        f"SELECT count(*), count(*) FILTER ({_kept(table)}) FROM {table}"  # noqa: S608
    ).fetchone()
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
