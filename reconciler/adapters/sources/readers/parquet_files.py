"""Parquet files: opened once, by us, and copied to where DuckDB may read; it never sees a path that somebody wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.allow import open_all
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import ParquetSource, Source
from reconciler.tools.duck import literal, quoted, told

_BLOCK = 1 << 20


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, ParquetSource)  # noqa: S101  `kind_of` chose

    def read(wanted: Wanted, work: Work) -> Raw:
        copies = []
        with open_all(source.path, access.root, access.allowed.folders, ".parquet") as files:
            size, done = sum(os.fstat(stream.fileno()).st_size for _, stream in files), 0
            for number, (_, stream) in enumerate(files):
                copies.append(work.folder / f"{wanted.table}-{number}.parquet")
                with copies[-1].open("wb") as out:
                    while block := stream.read(_BLOCK):
                        out.write(block)
                        done += len(block)
                        work.progress(f"reading {wanted.table} (kB)", done >> 10, max(size, done) >> 10)
        return parquet_raw(copies, wanted, work, source.path)

    yield read


def parquet_raw(files: Sequence[Path], wanted: Wanted, work: Work, name: str) -> Raw:
    """Files in the work's folder as one table. Raises AuthorMustFix for files that are no Parquet, or whose columns
    are not those that are wanted."""
    relation = f"read_parquet([{', '.join(literal(str(file)) for file in files)}], union_by_name=true)"
    header = _described(work.database, relation, name)
    names = wanted.found(list(header), name)
    cells = ", ".join(f"{quoted(column)} AS c{i}" for i, column in enumerate(names))
    table = f"raw_{wanted.table}"
    rows = work.database.execute(f"SELECT count(*) FROM {relation}").fetchone()[0]  # noqa: S608
    thinned = f" QUALIFY line % {every} = 1" if (every := wanted.every(rows)) > 1 else ""
    with told(work.database, work.progress, f"loading {wanted.table} (rows)", rows):
        work.database.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS "  # noqa: S608
            f"SELECT row_number() OVER () AS line{', ' if cells else ''}{cells} FROM {relation}{thinned}"
        )
    return Raw(table, [header[column] for column in names], f"file {name}", names=names, rows=rows)


def _described(database: Any, relation: str, name: str) -> dict[str, str]:
    """Column → DuckDB type."""
    import duckdb

    try:
        return {row[0]: row[1] for row in database.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}  # noqa: S608
    except duckdb.Error:
        raise AuthorMustFix(
            f"{name} is not Parquet, or its files do not fit each other", next_step="export it again"
        ) from None


KIND = Kind(session=id, open=_open)
