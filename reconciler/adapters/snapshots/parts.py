"""The parts of a table that was sorted: digested, and written into the pool, two at a time.

Each works on a connection of its own to the same database: connections are not for several threads.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from reconciler.adapters.snapshots.canonical import part_digest, rows_of
from reconciler.adapters.snapshots.files import file_digest, force, link_or_copy
from reconciler.domain.jobs import SnapshotColumn, SnapshotPart
from reconciler.tools.duck import literal, quoted

T = TypeVar("T")
R = TypeVar("R")
Shape = tuple[str, Sequence[SnapshotColumn]]
Part = tuple[str, int]
_WORKERS = 2  # as many as DuckDB has threads


def digests(database: Any, shape: Shape, parts: Sequence[Part], counted: Callable[[int], None]) -> dict[str, str]:
    """Part → digest, of parts that `sort_parts` found in a table. `shape`: the table's name and columns; `counted` is
    told of the rows of each."""
    found: dict[str, str] = {}
    for (name, rows), digest in zip(parts, _at_once(partial(_digested, database, shape), parts), strict=True):
        found[name] = digest
        counted(rows)
    return found


def written(
    database: Any, shape: Shape, parts: Sequence[Part], pool: Callable[[str], Path]
) -> Iterator[SnapshotPart]:  # fmt: skip
    """The same parts, each written into the pool unless it is there unharmed. `pool`: a part's digest → its file."""
    return _at_once(partial(_written, database, shape, pool), parts)


def _digested(database: Any, shape: Shape, part: Part) -> str:
    with database.cursor() as own:
        return part_digest(own, shape[0], part, shape[1])


def _written(database: Any, shape: Shape, pool: Callable[[str], Path], part: Part) -> SnapshotPart:
    digest = _digested(database, shape, part)
    place = pool(digest)
    found = _noted(place.with_suffix(".json"))
    if found is None or not place.is_file() or file_digest(place) != found:
        names = ", ".join(quoted(column.name) for column in shape[1])
        found = _write(database, f"SELECT {names} {rows_of(shape[0], part[0], shape[1])}", place)
    return SnapshotPart(
        name=part[0], file=f"{shape[0]}/{part[0]}.parquet", rows=part[1], digest=digest, file_digest=found
    )


def _at_once(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """What `work` makes of each item, in their order, two at a time; what has not begun when one fails never does."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        begun = [pool.submit(work, item) for item in items]
        try:
            for each in begun:
                yield each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def pooled(file: Path, place: Path) -> None:
    """Share a verified file with the pool, unless it has that part already."""
    if not place.is_file():
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=place.parent) as folder:
            fresh = Path(folder) / "part.parquet"
            link_or_copy(file, fresh)
            _placed(fresh, place)


def _write(database: Any, rows: str, place: Path) -> str:
    """Write rows (SQL) as a part of the pool, with the note beside it; the hash of the file."""
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=place.parent) as folder:
        fresh = Path(folder) / "part.parquet"
        with database.cursor() as own:
            own.execute(f"COPY ({rows}) TO {literal(str(fresh))} (FORMAT parquet, COMPRESSION zstd)")
        return _placed(fresh, place)


def _placed(fresh: Path, place: Path) -> str:
    """Put a file that was written into the pool, with the note beside it; its hash. The file alone is forced to the
    disk: a note that a crash tore says nothing, and a name that it lost is a part to be written again."""
    note = place.with_suffix(".json")
    force(fresh)
    found = file_digest(fresh)
    fresh_note = fresh.with_suffix(".json")
    fresh_note.write_text(json.dumps({"file_digest": found}))
    note.unlink(missing_ok=True)  # a note never stands beside a file that it is not of
    fresh.replace(place)
    fresh_note.replace(note)
    return found


def _noted(note: Path) -> str | None:
    try:
        return str(json.loads(note.read_bytes())["file_digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
