"""DuckDB, shut in: the folders that the store works with, no extension, no network, settings locked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def connect(*folders: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that can read and write below these folders and nowhere else."""
    import duckdb

    connection = duckdb.connect(":memory:")
    places = ", ".join(literal(str(folder.resolve())) for folder in folders)
    for setting in (
        "threads = 2",
        "memory_limit = '1GB'",
        f"allowed_directories = [{places}]",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
