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
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Uncounted, Wanted, Work
from reconciler.adapters.sources.columns import positions
from reconciler.adapters.sources.counting import fill
from reconciler.adapters.sources.readers.csv_lines import Layout, lines_of
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
            if len(files) == 1 and not wanted.input.where and wanted.input.changes is None:
                return rows.only(*files[0])
            for name, stream in files:
                rows.add(name, stream)
        return rows.raw()

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

    def raw(self) -> Raw:
        """What was added."""
        kinds = ["VARCHAR"] * len(self.wanted.names)
        return Raw(self.table, kinds, self.asked, self.refused, pieces=self.pieces, rows=self.lines)

    @property
    def asked(self) -> str:
        return f"csv {self.source.path}"

    def only(self, name: str, stream: BinaryIO) -> Raw:
        """The rows of a file that is the only one, straight from the file where a line may be a record. Raises as
        `add`."""
        copy, layout = self._copied(stream)
        lines = self._lines(name, copy, layout)
        if lines is None:
            self._record_by_record(name, copy, layout)
            return self.raw()

        def otherwise() -> Raw:
            self._record_by_record(name, copy, layout)
            return self.raw()

        kinds = ["VARCHAR"] * len(self.wanted.names)
        header = self.source.header_line
        uncounted = Uncounted(header + 1, layout.lines - header, otherwise)
        return Raw(lines, kinds, self.asked, rows=layout.lines, uncounted=uncounted)

    def add(self, name: str, stream: BinaryIO) -> None:
        """Add a file's rows. Raises AuthorMustFix as `Records` and `positions`."""
        copy, layout = self._copied(stream)
        lines = self._lines(name, copy, layout)
        if lines is None or not self._at_once(lines, layout):
            self._record_by_record(name, copy, layout)
        self.pieces.append((self.lines, name))
        self.lines += layout.lines + 1

    def _copied(self, stream: BinaryIO) -> tuple[Path, Layout]:
        """Copy a file and look at the bytes that decide how it can be read."""
        size, layout, copy = os.fstat(stream.fileno()).st_size, Layout(), self.work.folder / f"{self.wanted.table}.csv"
        with copy.open("wb") as out:
            while block := stream.read(_BLOCK):
                out.write(block)
                layout.see(block)
                self.work.progress(f"reading {self.wanted.table} (kB)", layout.size >> 10, size >> 10)
        return copy, layout

    def _lines(self, name: str, copy: Path, layout: Layout) -> str | None:
        """`lines_of`, after a look at the header."""
        with copy.open("rb") as text:
            records, places = self._records(name, text)
            return lines_of(copy, layout, records, places) if self.source.encoding == "utf-8" else None

    def _records(self, name: str, text: BinaryIO) -> tuple[Records, Mapping[str, int]]:
        header = self.source.header_line
        records = Records(text, name, Dialect(self.source.encoding, self.source.delimiter, header))
        return records, positions(self.wanted.names, records.header, name if header == 1 else f"{name}:{header}")

    def _at_once(self, lines: str, layout: Layout) -> bool:
        database = self.work.database
        with told(database, self.work.progress, f"loading {self.wanted.table} (rows)", layout.lines):
            return fill(
                database,
                self.table,
                lambda: database.execute(f"INSERT INTO {self.table} SELECT * FROM {lines}"),  # noqa: S608
                first=self.lines + self.source.header_line + 1,
                rows=layout.lines - self.source.header_line,
            )

    def _record_by_record(self, name: str, copy: Path, layout: Layout) -> None:
        label = f"reading {self.wanted.table} record by record (kB)"
        file = self.work.folder / f"{self.wanted.table}-plain.csv"
        with copy.open("rb") as text:
            records, places = self._records(name, text)
            plain = write_plain(
                records, places, file, lambda done: self.work.progress(label, done >> 10, layout.size >> 10)
            )
        rows = plain_relation(file, ["VARCHAR"] * len(places))
        self.work.database.execute(
            f"INSERT INTO {self.table} SELECT * REPLACE (line + {self.lines} AS line) FROM {rows}"  # noqa: S608
        )
        file.unlink()
        for cause, lines in plain.refused.items():
            self.refused.setdefault(cause, []).extend(line + self.lines for line in lines)


KIND = Kind(session=id, open=_open)
