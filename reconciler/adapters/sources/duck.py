"""DuckDB, shut in: one folder of this process, no extension, no network, settings locked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

#: From how many rows on work is told: fewer take no two seconds.
MANY = 100_000


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
        "enable_progress_bar = true",
        "enable_progress_bar_print = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


@contextmanager
def told(database: Any, progress: Callable[[str, int, int], None], label: str, rows: int) -> Iterator[None]:
    """Tell, twice a second, how far DuckDB is with what it is doing, as rows of so many; of few rows nothing."""
    if rows < MANY:
        yield
        return
    progress(label, 0, rows)
    over = threading.Event()

    def tell() -> None:
        with suppress(OSError):  # nobody listens any more
            while not over.wait(0.5):
                share = database.query_progress()
                if 0 <= share <= 100:
                    progress(label, int(rows * share / 100), rows)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
