"""Tables of SQLite, through SQLAlchemy. SQLite has neither decimals nor dates: they are texts there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sources.rigs.table import Cell, FileRig, Rig, Table

_TYPES = {"text": "TEXT", "number": "TEXT", "whole": "INTEGER", "date": "TEXT", "moment": "TEXT", "flag": "BOOLEAN"}


class _Sqlite(FileRig):
    def put(self, name: str, table: Table) -> dict[str, Any]:
        columns = ", ".join(f"{_quoted(column)} {_TYPES[kind]}" for column, kind in table.columns.items())
        marks = ", ".join("?" * len(table.columns))
        with closing(sqlite3.connect(self.root / "erp.db", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")  # readers keep what they see while others write
            database.execute("BEGIN IMMEDIATE")
            database.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
            database.execute(f"DELETE FROM {name}")  # noqa: S608
            rows = [[_cell(cell) for cell in row] for row in table.rows]
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608
            database.execute("COMMIT")
        return {"kind": "sql", "url": "sqlite:///erp.db", "table": name}

    def drop(self, name: str) -> None:
        with closing(sqlite3.connect(self.root / "erp.db", isolation_level=None)) as database:
            database.execute(f"DROP TABLE {name}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cell(cell: Cell) -> Any:
    match cell:
        case datetime():
            return cell.strftime("%Y-%m-%dT%H:%M:%S%z")
        case None | bool() | int():
            return cell
        case _:
            return str(cell)


@contextmanager
def sqlite_rig(folder: Path) -> Iterator[Rig]:
    yield _Sqlite(folder)
