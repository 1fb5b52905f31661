"""DuckDB, shut in: one folder of this process, no extension, no network, settings locked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that can read and write below `folder` and nowhere else."""
    import duckdb

    connection = duckdb.connect(":memory:")
    place = str(folder.resolve()).replace("'", "''")
    for setting in (
        "threads = 2",
        "TimeZone = 'UTC'",
        "memory_limit = '1GB'",
        f"temp_directory = '{place}/spill'",
        f"allowed_directories = ['{place}']",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection
