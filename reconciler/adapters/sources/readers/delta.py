"""Delta tables: the rows that the table's log says there are, at one version, by the library that knows the format.

The folder and every file that the log names have to lie where the runner allows reading; the log is as hostile as
any other file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from reconciler.adapters.sources.allow import allowed_folder
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.readers.delta_vectors import strays
from reconciler.domain.errors import AuthorMustFix, RetryLater
from reconciler.domain.inputs import DeltaSource, Source
from reconciler.tools.duck import quoted

if TYPE_CHECKING:
    from deltalake import DeltaTable


_UNKNOWN = re.compile(
    r"Unsupported table features required: \[([A-Za-z0-9, ]{1,200})\]|Feature '([A-Za-z0-9-]{1,100})' is not supported"
)
_VECTOR = re.compile("deletion.vector", re.IGNORECASE)


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, DeltaSource)  # noqa: S101  `kind_of` chose

    def read(wanted: Wanted, work: Work) -> Raw:
        folder = allowed_folder(source.path, access.root, access.allowed.folders)
        table = _table(source, folder)
        if strays(folder, table.version(), work, _inside):
            raise _reaches_out(source)
        names = wanted.found([field.name for field in table.schema().fields], source.path)
        types, rows = _load(table, wanted, names, work)
        kinds = [types[f"c{i}"] for i in range(len(names))]
        return Raw(f"raw_{wanted.table}", kinds, _asked(source, table), names=names, rows=rows)

    yield read


def _asked(source: DeltaSource, table: DeltaTable) -> str:
    return f"delta table {source.path} at version {table.version()}"


def _table(source: DeltaSource, folder: Path) -> DeltaTable:
    """The table at its version. Raises AuthorMustFix for a folder that is none, a version that is gone, a format that
    is newer than the library, and a log that names files outside of the folder."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    log = folder / "_delta_log"
    if not log.is_dir():
        raise AuthorMustFix(f"{source.path} is no Delta table: its _delta_log is not there", next_step="check the path")
    if not all(_is_ours(entry, folder) for entry in log.iterdir()):
        raise _reaches_out(source)
    try:
        table = DeltaTable(folder, version=source.version)
        files = table.file_uris()
    except (TableNotFoundError, DeltaError, OSError, ValueError) as error:
        _refuse_unknown(source.path, error)
        at = "" if source.version is None else f" at version {source.version}"
        raise AuthorMustFix(
            f"the Delta table {source.path} cannot be read{at} ({type(error).__name__})",
            next_step="check its log, and that the version is kept; a newer format needs a newer reconciler",
        ) from None
    if not all(_inside(file, folder) for file in files):
        raise _reaches_out(source)
    return table


def _reaches_out(source: DeltaSource) -> AuthorMustFix:
    return AuthorMustFix(
        f"the log of {source.path} names a file outside of the table's folder",
        next_step="copy the table whole, then name the copy",
    )


def _inside(file: str, folder: Path) -> bool:
    parts = urlsplit(file)
    if parts.scheme not in ("", "file") or parts.netloc:
        return False
    places = {Path(parts.path), Path(unquote(parts.path))}
    return all(place.resolve().is_relative_to(folder) for place in places if place.exists()) and any(
        place.exists() for place in places
    )


def _is_ours(entry: Path, folder: Path) -> bool:
    """A file or folder, and no pipe or device, whose real place is in the folder."""
    return (entry.is_file() or entry.is_dir()) and entry.resolve().is_relative_to(folder)


def _load(table: DeltaTable, wanted: Wanted, names: Sequence[str], work: Work) -> tuple[Mapping[str, str], int]:
    """Make `raw_TABLE` from the table's rows; column → DuckDB type, and how many rows there are."""
    cells = ", ".join(f"{quoted(name)} AS c{i}" for i, name in enumerate(names)) or "1 AS c0"
    place, made, done = f"raw_{wanted.table}", False, 0
    whole = sum(batch.num_rows for batch in _batches(table, "1 AS c0")) if wanted.look else table.count()
    thinned = f" QUALIFY line % {every} = 1" if (every := wanted.every(whole)) > 1 else ""
    for batch in _batches(table, cells):
        work.database.register("batch_", batch)
        rows = f"SELECT {done} + row_number() OVER () AS line, * FROM batch_{thinned}"  # noqa: S608
        work.database.execute(f"INSERT INTO {place} {rows}" if made else f"CREATE TEMP TABLE {place} AS {rows}")
        work.database.unregister("batch_")
        made, done = True, done + batch.num_rows
        work.progress(f"reading {wanted.table} (rows)", done, max(whole, done))
    if not made:
        empty = ", ".join(f"NULL::VARCHAR AS c{i}" for i in range(len(names) or 1))
        work.database.execute(f"CREATE TEMP TABLE {place} AS SELECT 0::BIGINT AS line, {empty} LIMIT 0")
    return {row[0]: row[1] for row in work.database.execute(f"DESCRIBE {place}").fetchall()}, done


def _batches(table: DeltaTable, cells: str) -> Iterator[Any]:
    """The rows, in pieces. The library raises bare exceptions whose texts hold paths: only that it failed is told."""
    from deltalake import QueryBuilder

    batches = None
    while True:
        try:
            batches = batches or iter(QueryBuilder().register("t", table).execute(f"SELECT {cells} FROM t"))  # noqa: S608
            batch = next(batches, None)
        except Exception as error:
            _refuse_unknown(Path(table.table_uri).name, error)
            raise _unread(Path(table.table_uri).name, error) from None
        if batch is None:
            return
        yield batch


def _unread(name: str, error: Exception) -> RetryLater:
    if _VECTOR.search(str(error)):
        return RetryLater(
            f"a deletion vector of the Delta table {name} cannot be read: which rows are deleted is not known",
            next_step="if the table was vacuumed meanwhile, run again; else type REORG TABLE … APPLY (PURGE) where it "
            "is written",
        )
    return RetryLater(
        f"a file of the Delta table {name} cannot be read",
        next_step="if the table was vacuumed meanwhile, run again; else mend the file",
    )


def _refuse_unknown(name: str, error: Exception) -> None:
    """Raise AuthorMustFix where the library says which features of the table it does not know."""
    if match := _UNKNOWN.search(str(error)):
        raise AuthorMustFix(
            f"the Delta table {name} uses what is not known here: {match[1] or match[2]}",
            next_step="drop it where the table is written (ALTER TABLE … DROP FEATURE …), or use a newer reconciler",
        ) from None


KIND = Kind(session=id, open=_open)
