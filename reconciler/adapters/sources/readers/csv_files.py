"""CSV files: opened once, by us, and copied into a plain form that DuckDB reads; DuckDB never sees a written path."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.adapters.sources.allow import open_allowed
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.columns import positions
from reconciler.adapters.sources.readers.csv_plain import write_plain
from reconciler.adapters.sources.readers.csv_records import Dialect, Records
from reconciler.adapters.sources.typed_sql import literal
from reconciler.domain.inputs import CsvSource, Source
from reconciler.ports import Progress


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, CsvSource)  # noqa: S101  `kind_of` chose

    def read(wanted: Wanted, work: Work) -> Raw:
        with open_allowed(source.path, access.root, access.allowed.folders) as stream:
            records = Records(stream, source.path, Dialect(source.encoding, source.delimiter))
            places = positions(wanted.names, records.header, source.path)
            told = _told(work.progress, wanted.table, stream)
            plain = write_plain(records, places, work.folder / f"{wanted.table}.csv", told)
        shape = ", ".join(["'line': 'BIGINT'", *(f"'c{i}': 'VARCHAR'" for i in range(plain.width))])
        relation = (
            f"read_csv({literal(str(plain.path))}, columns={{{shape}}}, header=false, auto_detect=false, delim=',', "
            "quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, max_line_size=4194304)"
        )
        return Raw(relation, ["VARCHAR"] * plain.width, f"file {source.path}", plain.refused)

    yield read


def _told(progress: Progress, table: str, stream: Any) -> Callable[[int], None]:
    size = os.fstat(stream.fileno()).st_size
    return lambda done: progress(f"reading {table} (kB)", done // 1024, size // 1024)


KIND = Kind(session=id, open=_open)
