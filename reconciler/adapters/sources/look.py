"""`CsvLook`: what a file that nobody has described yet looks like. Decides encoding and delimiter from the bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from reconciler.adapters.sources.allow import open_allowed
from reconciler.adapters.sources.readers.csv_records import (
    DELIMITERS,
    Dialect,
    Records,
    byte_order_mark,
    sniff_delimiter,
)
from reconciler.domain.errors import AuthorMustFix
from reconciler.ports import Sample

_HEAD = 1 << 16


@dataclass(frozen=True)
class CsvLook:
    """`TableLook` for CSV files. A person named the file on the command line: its own folder is allowed."""

    def look(self, path: Path, most: int = 50_000) -> Sample:
        """See `ports.TableLook`. Keeps at most about `most` rows in memory: beyond them every second row, then
        every fourth, and so on."""
        if not path.exists():
            web = re.match(r"[a-z][a-z0-9+.-]*:/", str(path))  # a Path folds :// to :/
            raise AuthorMustFix(
                f"{path} is not there" + (" (a URL cannot be read)" if web else ""),
                next_step="name a CSV file on this machine",
            )
        place = path.absolute()
        with open_allowed(place.name, place.parent, (place.resolve().parent,)) as stream:
            head = stream.read(_HEAD)
            stream.seek(0)
            marked = byte_order_mark(head)
            if marked is None and head.count(0) > len(head) // 4:
                raise AuthorMustFix(f"{path} holds binary data, not lines of text", next_step="export it as CSV")
            encoding = _encoding(stream, marked)
            records = Records(stream, str(path), Dialect(encoding, _delimiter(head, encoding)))
            rows, count = _thinned(records, most)
        if not count:
            raise AuthorMustFix(f"{path} has a header and no rows", next_step="export it again with its invoices")
        width = len(records.header)
        columns = tuple(tuple(row[i] if i < len(row) else "" for row in rows) for i in range(width))
        return Sample(
            str(place), encoding, marked is not None, records.delimiter, tuple(records.header), columns, count
        )


def _encoding(stream: BinaryIO, marked: str | None) -> Literal["utf-8", "utf-16", "latin-1"]:
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


def _thinned(records: Records, most: int) -> tuple[list[list[str]], int]:
    rows: list[list[str]] = []
    count, stride = 0, 1
    for _, cells in records:
        if count % stride == 0:
            rows.append(cells)
            if len(rows) > most:
                rows, stride = rows[::2], stride * 2
        count += 1
    return rows, count
