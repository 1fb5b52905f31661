"""`Look`: what a source that nobody has described yet looks like, of whatever kind.

Of CSV it decides from the bytes how it is written (`look_written`); every other kind is read by the reader that a
refresh will use (`look_typed`). What a person named on the command line is allowed, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.sources.allow import Allowed, open_all
from reconciler.adapters.sources.look_typed import look_typed
from reconciler.adapters.sources.look_written import Written, one_way, written
from reconciler.adapters.sources.named import Named, named
from reconciler.adapters.sources.readers.csv_records import Dialect, Records
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import CsvSource
from reconciler.ports import Progress, Sample
from reconciler.ports.work import Asked

_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


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


def look_csv(named: Named, most: int) -> Sample:
    """Look at a file, or at all files of a folder or pattern, which have to be written in one way."""
    source = named.source
    assert isinstance(source, CsvSource)  # noqa: S101  the caller looked
    with open_all(source.path, Path("/"), Allowed.of(Path("/"), named.allow).folders, ".csv") as files:
        ways = [written(name, stream) for name, stream in files]
        way = one_way(source.path, ways)
        thinned = _Thinned(most)
        for name, stream in files:
            thinned.read(Records(stream, name, Dialect(way.encoding, way.delimiter, way.header_line)))
    thinned.must_fit(source.path)
    if not thinned.count:
        raise AuthorMustFix(f"{source.path} has a header and no rows", next_step=f"export it again with its {named.of}")
    delimiter = way.delimiter if way.delimiter != "," else None
    return Sample(
        source.model_copy(update={"encoding": way.encoding, "delimiter": delimiter, "header_line": way.header_line}),
        _in_words(way, len(ways), len(thinned.header)),
        tuple(thinned.header),
        thinned.columns(),
        thinned.count,
        (None,) * len(thinned.header),
        named.allow,
        way.delimiter,
    )


def _in_words(way: Written, files: int, width: int) -> str:
    mark = " with a byte order mark" if way.marked else ""
    many = f", {files} files" if files > 1 else ""
    names = f"the first line of {width} names, as many as most lines have cells"
    header = f", header on line {way.header_line} ({names})" if way.header_line > 1 else ""
    return f"{_MARKS.get(way.delimiter, way.delimiter)}, {way.encoding}{mark}{many}{header}"


class _Thinned:
    """An even sample of the rows of one or more files with the columns of the first."""

    def __init__(self, most: int) -> None:
        self.header: list[str] = []
        self.count = 0
        self._widths: Counter[int] = Counter()
        self._first: dict[int, int] = {}
        self._header_line = 1
        self._most, self._stride = most, 1
        self._rows: list[Sequence[str]] = []

    def read(self, records: Records) -> None:
        """Add a file's rows."""
        self.header, self._header_line = self.header or records.header, records.header_line
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
            f"{path}: line {self._header_line} has {_cells(len(self.header))}, and most others have {_cells(usual)}",
            next_step="no line looks like the header of these rows: delete what stands above it "
            f"(line {self._first[usual]} is the first with {_cells(usual)}), or export without a title",
        )

    def _even(self, records: Records) -> Iterator[Sequence[str]]:
        for line, cells in records:
            self._widths[len(cells)] += 1
            self._first.setdefault(len(cells), line)
            if self.count % self._stride == 0 and len(cells) == len(records.header):
                yield cells
            self.count += 1

    def _places(self, header: Sequence[str]) -> list[int]:
        return [header.index(name) if name in header else len(header) for name in self.header]


def _cells(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
