"""DuckDB, shut in: the folders that it is given, no extension, no network, settings locked; and the SQL that its users
share. Loads the library at the first connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.domain.errors import RetryLater

if TYPE_CHECKING:
    import duckdb

#: From how many rows on work is told: fewer take no two seconds.
MANY = 100_000
#: A field's type → that of its column, in extracts and in snapshots.
TYPES: Mapping[str, str] = {
    "text": "VARCHAR",
    "number": "DECIMAL(18,4)",
    "whole": "INTEGER",
    "date": "DATE",
    "flag": "BOOLEAN",
}


def connect(*folders: Path, memory: str = "1GB", spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database that can read and write below these folders and nowhere else; beyond `memory` it writes
    to `spill`, a folder among them, and fails where there is none."""
    import duckdb

    connection = duckdb.connect(":memory:")
    places = ", ".join(literal(str(folder.resolve())) for folder in folders)
    for setting in (
        "threads = 2",
        "TimeZone = 'UTC'",
        f"memory_limit = {literal(memory)}",
        f"temp_directory = {literal(str(spill.resolve()) if spill is not None else '')}",
        f"allowed_directories = [{places}]",
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
def value_free(doing: str, place: Path) -> Iterator[None]:
    """DuckDB's messages may quote the data, so only their kind is told: RetryLater for what it cannot do, and for what
    the disk of the temporary folder `place` refuses."""
    import duckdb

    try:
        yield
    except OSError as error:
        raise RetryLater(
            f"the temporary folder {place.parent} refused: {error.strerror}", next_step="free space, or set TMPDIR"
        ) from error
    except duckdb.Error as error:
        raise RetryLater(
            f"DuckDB could not {doing} the rows: {type(error).__name__}", next_step="free memory and disk"
        ) from None


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


@dataclass
class Counted:
    """Tells rows as they are done, piece by piece; of few rows nothing."""

    progress: Callable[[str, int, int], None]
    label: str
    total: int
    done: int = 0

    def __call__(self, rows: int) -> None:
        self.done += rows
        if self.total >= MANY:
            self.progress(self.label, self.done, max(self.total, self.done))


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
