"""CSV files: copied once, by us, to where DuckDB may read; it never sees a path that somebody wrote.

A file in which a line is a record is read by DuckDB at once. Any other, and any in which DuckDB finds something odd, is
read record by record (`csv_records`), which tells every oddity by its line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reconciler.adapters.sources.allow import open_all
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.columns import positions
from reconciler.adapters.sources.readers.csv_lines import Layout, load_lines
from reconciler.adapters.sources.readers.csv_plain import write_plain
from reconciler.adapters.sources.readers.csv_records import Dialect, Records
from reconciler.domain.inputs import CsvSource, Source
from reconciler.tools.duck import literal, told

_BLOCK = 1 << 20


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, CsvSource)  # noqa: S101  `kind_of` chose

    def read(wanted: Wanted, work: Work) -> Raw:
        cells = "".join(f", NULL::VARCHAR AS c{i}" for i in range(len(wanted.names)))
        work.database.execute(f"CREATE TEMP TABLE raw_{wanted.table} AS SELECT 0::BIGINT AS line{cells} LIMIT 0")
        refused: dict[str, list[int]] = {}
        pieces: list[tuple[int, str]] = []
        with open_all(source.path, access.root, access.allowed.folders, ".csv") as files:
            before = 0
            for name, stream in files:
                pieces.append((before, name))
                before += _one(source, (name, stream), (wanted, before, refused), work)
        kinds = ["VARCHAR"] * len(wanted.names)
        return Raw(f"raw_{wanted.table}", kinds, f"csv {source.path}", refused, pieces=pieces, rows=before)

    yield read


def _one(
    source: CsvSource, file: tuple[str, BinaryIO], into: tuple[Wanted, int, dict[str, list[int]]], work: Work
) -> int:  # fmt: skip
    """Add a file's rows to the table; returns how many lines it has."""
    (name, stream), (wanted, before, refused) = file, into
    copy = work.folder / f"{wanted.table}.csv"
    size = os.fstat(stream.fileno()).st_size
    layout = _copied(stream, copy, lambda done: work.progress(f"reading {wanted.table} (kB)", done >> 10, size >> 10))
    with copy.open("rb") as text:
        records = Records(text, name, Dialect(source.encoding, source.delimiter))
        places = positions(wanted.names, records.header, name)
        with told(work.database, work.progress, f"loading {wanted.table} (rows)", layout.lines):
            quick = source.encoding == "utf-8" and load_lines(
                work.database, copy, layout, (wanted.table, records, places, before)
            )
        if not quick:
            label = f"reading {wanted.table} record by record (kB)"
            plain = write_plain(
                records,
                places,
                work.folder / f"{wanted.table}-plain.csv",
                lambda done: work.progress(label, done >> 10, size >> 10),
            )
            _load_plain(work, plain.path, (wanted.table, plain.width, before))
            for cause, lines in plain.refused.items():
                refused.setdefault(cause, []).extend(line + before for line in lines)
    copy.unlink()
    return layout.lines + 1


def _copied(stream: BinaryIO, copy: Path, told: Callable[[int], None]) -> Layout:
    """Copy a file and look at the bytes that decide how it can be read."""
    layout = Layout()
    with copy.open("wb") as out:
        while block := stream.read(_BLOCK):
            out.write(block)
            layout.see(block)
            told(layout.size)
    return layout


def _load_plain(work: Work, file: Path, into: tuple[str, int, int]) -> None:
    table, width, before = into
    shape = ", ".join(["'line': 'BIGINT'", *(f"'c{i}': 'VARCHAR'" for i in range(width))])
    work.database.execute(
        f"INSERT INTO raw_{table} SELECT line + {before}, * EXCLUDE (line) FROM read_csv({literal(str(file))}, "  # noqa: S608
        f"columns={{{shape}}}, header=false, auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='', "
        "allow_quoted_nulls=false, max_line_size=4194304)"
    )
    file.unlink()


KIND = Kind(session=id, open=_open)
