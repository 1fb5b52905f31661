"""The quick way to read a CSV file: by DuckDB, all of it at once, where a line is provably a record.

What decides is counted: as many records as there are lines after the header, one kind of line end, no NUL. In every
other case nothing is loaded, and the caller reads record by record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.sources.readers.csv_records import LINE_LIMIT, Records
from reconciler.tools.duck import literal


@dataclass
class Layout:
    """Counts of the bytes that give a file its lines."""

    size: int = 0
    feeds: int = 0
    returns: int = 0
    pairs: int = 0
    nuls: int = 0
    last: bytes = b""

    def see(self, block: bytes) -> None:
        """Count one more block."""
        self.size += len(block)
        self.feeds += block.count(b"\n")
        self.nuls += block.count(b"\0")
        found = block.count(b"\r")
        self.returns += found
        if found or self.last == b"\r":
            self.pairs += block.count(b"\r\n") + (self.last == b"\r" and block[:1] == b"\n")
        self.last = block[-1:]

    @property
    def lines(self) -> int:
        """How many lines there are, the header with them."""
        return self.feeds + (self.last not in (b"\n", b""))

    @property
    def line_end(self) -> str | None:
        """The one line end that the file has, as an option of DuckDB's; None where that cannot be said. Told of CRLF
        it finds no row at all, and untold every one."""
        if self.returns == 0:
            return "new_line='\\n', "
        return "" if self.returns == self.pairs == self.feeds else None


def lines_of(file: Path, layout: Layout, records: Records, places: Mapping[str, int]) -> str | None:
    """The file's rows as SQL to stand after FROM: `line`, which nobody has counted yet (NULL), c0, c1, …; None where a
    line may not be a record."""
    if layout.nuls or layout.line_end is None:
        return None
    shape = ", ".join(f"'h{i}': 'VARCHAR'" for i in range(len(records.header)))
    cells = "".join(f", h{place} AS c{i}" for i, place in enumerate(places.values()))
    return (
        f"(SELECT NULL::BIGINT AS line{cells} FROM read_csv({literal(str(file))}, columns={{{shape}}}, "  # noqa: S608
        f"header=false, skip={records.header_line}, auto_detect=false, delim={literal(records.delimiter)}, "
        f"quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, strict_mode=true, null_padding=false, "
        f"{layout.line_end}max_line_size={LINE_LIMIT}))"
    )
