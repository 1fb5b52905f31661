"""CSV files: copied once, by us, to where DuckDB may read; it never sees a path that somebody wrote.

A file in which a line is a record is read by DuckDB at once. Any other, and any in which DuckDB finds something odd, is
read record by record (`csv_records`), which tells every oddity by its line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from reconciler.adapters.sources.allow import open_all
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.columns import positions
from reconciler.adapters.sources.readers.csv_lines import Layout, insert_whole, lines_of
from reconciler.adapters.sources.readers.csv_records import Dialect, Records
from reconciler.adapters.sources.readers.plain import plain_relation, write_plain
from reconciler.domain.inputs import CsvSource, Source
from reconciler.tools.duck import told

_BLOCK = 1 << 20


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, CsvSource)  # noqa: S101  `kind_of` chose

    def read(wanted: Wanted, work: Work) -> Raw:
        rows = _Rows(source, wanted, work)
        with open_all(source.path, access.root, access.allowed.folders, ".csv") as files:
            for name, stream in files:
                rows.add(name, stream)
        kinds = ["VARCHAR"] * len(wanted.names)
        return Raw(rows.table, kinds, f"csv {source.path}", rows.refused, pieces=rows.pieces, rows=rows.lines)

    yield read


@dataclass
class _Rows:
    """The rows of the files so far, in a table of the work's database. `lines`: how many all these files have."""

    source: CsvSource
    wanted: Wanted
    work: Work
    lines: int = 0
    refused: dict[str, list[int]] = field(default_factory=dict)
    pieces: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        cells = "".join(f", NULL::VARCHAR AS c{i}" for i in range(len(self.wanted.names)))
        self.work.database.execute(f"CREATE TEMP TABLE {self.table} AS SELECT 0::BIGINT AS line{cells} LIMIT 0")

    @property
    def table(self) -> str:
        return f"raw_{self.wanted.table}"

    def add(self, name: str, stream: BinaryIO) -> None:
        """Add a file's rows. Raises AuthorMustFix as `Records` and `positions`."""
        copy = self.work.folder / f"{self.wanted.table}.csv"
        layout = self._copied(stream, copy)
        with copy.open("rb") as text:
            records = Records(text, name, Dialect(self.source.encoding, self.source.delimiter))
            places = positions(self.wanted.names, records.header, name)
            if not self._at_once(copy, layout, records, places):
                self._record_by_record(records, places, layout)
        copy.unlink()
        self.pieces.append((self.lines, name))
        self.lines += layout.lines + 1

    def _copied(self, stream: BinaryIO, copy: Path) -> Layout:
        """Copy a file and look at the bytes that decide how it can be read."""
        size, layout = os.fstat(stream.fileno()).st_size, Layout()
        with copy.open("wb") as out:
            while block := stream.read(_BLOCK):
                out.write(block)
                layout.see(block)
                self.work.progress(f"reading {self.wanted.table} (kB)", layout.size >> 10, size >> 10)
        return layout

    def _at_once(self, copy: Path, layout: Layout, records: Records, places: Mapping[str, int]) -> bool:
        lines = lines_of(copy, layout, records, places) if self.source.encoding == "utf-8" else None
        if lines is None:
            return False
        with told(self.work.database, self.work.progress, f"loading {self.wanted.table} (rows)", layout.lines):
            return insert_whole(self.work.database, self._insert(lines), layout.lines - 1)

    def _insert(self, rows: str) -> str:
        """The statement that adds a file's rows; lines are counted on through all files."""
        return f"INSERT INTO {self.table} SELECT * REPLACE (line + {self.lines} AS line) FROM {rows}"  # noqa: S608

    def _record_by_record(self, records: Records, places: Mapping[str, int], layout: Layout) -> None:
        label = f"reading {self.wanted.table} record by record (kB)"
        file = self.work.folder / f"{self.wanted.table}-plain.csv"
        plain = write_plain(
            records, places, file, lambda done: self.work.progress(label, done >> 10, layout.size >> 10)
        )
        rows = plain_relation(file, ["VARCHAR"] * len(places))
        self.work.database.execute(self._insert(rows))
        file.unlink()
        for cause, lines in plain.refused.items():
            self.refused.setdefault(cause, []).extend(line + self.lines for line in lines)


KIND = Kind(session=id, open=_open)
