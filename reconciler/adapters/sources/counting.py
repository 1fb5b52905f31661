"""Lines of rows that several threads read: counted after, by the order in which DuckDB stored them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def fill(database: Any, table: str, add: Callable[[], object], *, first: int, rows: int | None) -> bool:
    """Let `add` put rows into a table, or make it, and give those whose `line` is NULL their lines, the first of them
    `first`: DuckDB stores rows in the order of their source. False, and nothing is there, where they are not exactly
    `rows` (None: any), or where DuckDB finds one that is none."""
    import duckdb

    database.execute("BEGIN")
    try:
        add()
        stored = (
            f"SELECT count(*), coalesce(min(rowid), 0), coalesce(max(rowid) + 1, 0) FROM {table} WHERE line IS NULL"  # noqa: S608
        )
        found, begin, end = database.execute(stored).fetchone()
        whole = end - begin == found and rows in (None, found)
        database.execute(f"UPDATE {table} SET line = rowid - {begin} + {first} WHERE line IS NULL")  # noqa: S608
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        whole = False
    database.execute("COMMIT" if whole else "ROLLBACK")
    return whole
