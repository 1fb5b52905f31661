"""`Look`: what a source that nobody has described yet looks like, of whatever kind.

Of CSV it decides encoding and delimiter from the bytes; every other kind is read by the reader that a refresh will use
(`look_typed`). What a person named on the command line is allowed, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from reconciler.adapters.sources.allow import Allowed, open_all
from reconciler.adapters.sources.look_typed import look_typed
from reconciler.adapters.sources.named import Named, named
from reconciler.adapters.sources.readers.csv_records import (
    DELIMITERS,
    Dialect,
    Records,
    byte_order_mark,
    sniff_delimiter,
)
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import CsvSource
from reconciler.ports import Progress, Sample
from reconciler.ports.work import Asked

_HEAD = 1 << 16
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
Encoding = Literal["utf-8", "utf-16", "latin-1"]


@dataclass(frozen=True)
class Look:
    """`TableLook` for every kind of source. `secret` gives the runner's credentials by name."""

    secret: Callable[[str], str]

    def look(self, asked: Asked, most: int, progress: Progress) -> Sample:
        """See `ports.TableLook`. Of CSV at most about `most` rows are kept in memory: beyond them every second row,
        then every fourth, and so on."""
        found = named(asked)
        if isinstance(found.source, CsvSource):
            return look_csv(found, most)
        return look_typed(found, self.secret, most, progress)


@dataclass(frozen=True)
class _Written:
    """How one file is written."""

    encoding: Encoding
    marked: bool
    delimiter: str


def look_csv(named: Named, most: int) -> Sample:
    """Look at a file, or at all files of a folder or pattern, which have to be written in one way."""
    source = named.source
    assert isinstance(source, CsvSource)  # noqa: S101  the caller looked
    with open_all(source.path, Path("/"), Allowed.of(Path("/"), named.allow).folders, ".csv") as files:
        ways = [_written(name, stream) for name, stream in files]
        way = _one_way(source.path, ways)
        thinned = _Thinned(most)
        for name, stream in files:
            thinned.read(Records(stream, name, Dialect(way.encoding, way.delimiter)))
    thinned.must_fit(source.path)
    if not thinned.count:
        raise AuthorMustFix(f"{source.path} has a header and no rows", next_step=f"export it again with its {named.of}")
    delimiter = way.delimiter if way.delimiter != "," else None
    mark = " with a byte order mark" if way.marked else ""
    many = f", {len(ways)} files" if len(ways) > 1 else ""
    return Sample(
        source.model_copy(update={"encoding": way.encoding, "delimiter": delimiter}),
        f"{_MARKS.get(way.delimiter, way.delimiter)}, {way.encoding}{mark}{many}",
        tuple(thinned.header),
        thinned.columns(),
        thinned.count,
        (None,) * len(thinned.header),
        named.allow,
        way.delimiter,
    )


def _written(name: str, stream: BinaryIO) -> _Written:
    head = stream.read(_HEAD)
    stream.seek(0)
    marked = byte_order_mark(head)
    if marked is None and head.count(0) > len(head) // 4:
        raise AuthorMustFix(f"{name} holds binary data, not lines of text", next_step="export it as CSV or Parquet")
    encoding = _encoding(stream, marked)
    return _Written(encoding, marked is not None, _delimiter(head, encoding))


def _one_way(path: str, ways: Sequence[_Written]) -> _Written:
    """The way that all are written in: what fits UTF-8 by having no letter beyond ASCII fits Latin-1 too."""
    odd = {way.delimiter for way in ways}, {way.encoding for way in ways} - {"utf-8"}
    if len(odd[0]) > 1 or len(odd[1]) > 1 or ("utf-16" in odd[1] and any(w.encoding != "utf-16" for w in ways)):
        raise AuthorMustFix(
            f"the files of {path} are not written in one way (encoding, delimiter)",
            next_step="export them alike, or name those that are with a pattern",
        )
    return next((way for way in ways if way.encoding != "utf-8"), ways[0])


def _encoding(stream: BinaryIO, marked: str | None) -> Encoding:
    """UTF-16 by its mark; UTF-8 where every byte of the file fits it; else Latin-1, which every byte fits."""
    if marked == "utf-16":
        return "utf-16"
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := stream.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if marked:
            raise AuthorMustFix("the file begins as UTF-8 and is not", next_step="export it again") from None
        return "latin-1"
    finally:
        stream.seek(0)
    return "utf-8"


def _delimiter(head: bytes, encoding: str) -> str:
    """The mark that splits the header into most cells, among those that split the first rows into as many."""
    text = head.decode({"utf-8": "utf-8-sig"}.get(encoding, encoding), errors="ignore")
    lines = [line for line in text.splitlines()[:20] if line.strip()][:10]
    if not lines:
        return ","
    import csv

    counts = {mark: [len(cells) for cells in csv.reader(lines, delimiter=mark)] for mark in DELIMITERS}
    even = [
        mark
        for mark in DELIMITERS
        if counts[mark][0] > 1 and set(counts[mark][:-1] or counts[mark]) == {counts[mark][0]}
    ]
    return max(even, key=lambda mark: counts[mark][0]) if even else sniff_delimiter(lines[0])


class _Thinned:
    """An even sample of the rows of one or more files with the columns of the first."""

    def __init__(self, most: int) -> None:
        self.header: list[str] = []
        self.count = 0
        self._widths: Counter[int] = Counter()
        self._first: dict[int, int] = {}
        self._most, self._stride = most, 1
        self._rows: list[Sequence[str]] = []

    def read(self, records: Records) -> None:
        """Add a file's rows."""
        self.header = self.header or records.header
        places = None if records.header == self.header else self._places(records.header)
        for cells in self._even(records):
            self._rows.append(cells if places is None else [_cell(cells, place) for place in places])
            if len(self._rows) > self._most:
                self._rows, self._stride = self._rows[::2], self._stride * 2

    def columns(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(_cell(row, i) for row in self._rows) for i in range(len(self.header)))

    def must_fit(self, path: str) -> None:
        """Raise AuthorMustFix where the first line is no header of most others: a title, or what some program says."""
        usual = max(self._widths, key=lambda width: self._widths[width], default=0)
        if usual == len(self.header) or self._widths[len(self.header)] > self.count // 2 or not self.count:
            return
        raise AuthorMustFix(
            f"{path}: the first line has {_cells(len(self.header))}, and most others have {_cells(usual)}",
            next_step="the first line has to be the header: delete what stands above it "
            f"(line {self._first[usual]} is the first with {_cells(usual)}), or export without a title",
        )

    def _even(self, records: Records) -> Iterator[Sequence[str]]:
        for line, cells in records:
            self._widths[len(cells)] += 1
            self._first.setdefault(len(cells), line)
            if self.count % self._stride == 0:
                yield cells
            self.count += 1

    def _places(self, header: Sequence[str]) -> list[int]:
        return [header.index(name) if name in header else len(header) for name in self.header]


def _cells(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
