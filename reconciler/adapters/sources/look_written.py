"""How a CSV file that nobody has described is written: its encoding, its delimiter, and the line of its header.

Decided from bytes alone, nothing is read of what they mean. What cannot be decided is as the usual file has it: a
comma, and a header on the first line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from reconciler.adapters.sources.readers.csv_records import (
    CODECS,
    DELIMITERS,
    byte_order_mark,
    separator,
    sniff_delimiter,
)
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import CsvEncoding

_HEAD = 1 << 16
_RECORDS = 100
_FILLED = 0.6  # of a header's cells; a title that a spreadsheet wrote has one, and as many empty ones as the table
_FIGURES = re.compile(r"[-+(]?[\d.,'’ \u00a0/:-]*\d[\d.,'’ \u00a0/:)-]*")
_Numbered = tuple[int, list[str]]


@dataclass(frozen=True)
class Written:
    """How one file is written. `header_line`: which of its lines is the header."""

    encoding: CsvEncoding
    marked: bool
    delimiter: str
    header_line: int = 1


def written(name: str, stream: BinaryIO) -> Written:
    """Look at a file, which is then at its beginning again. Raises AuthorMustFix for what is no text."""
    head = stream.read(_HEAD)
    stream.seek(0)
    marked = byte_order_mark(head)
    if marked is None and head.count(0) > len(head) // 4:
        raise AuthorMustFix(f"{name} holds binary data, not lines of text", next_step="export it as CSV or Parquet")
    encoding = _encoding(stream, marked)
    lines = _lines(head, encoding)
    delimiter = separator(lines[0] if lines else "") or _delimiter(lines)
    return Written(encoding, marked is not None, delimiter, _header_line(lines, delimiter))


def one_way(path: str, ways: Sequence[Written]) -> Written:
    """The way that all are written in: what fits UTF-8 by having no letter beyond ASCII fits any other, and what is
    Latin-1 by having no sign of Windows's fits that. Raises AuthorMustFix where there is none."""
    encodings = {way.encoding for way in ways} - {"utf-8"}
    if encodings == {"latin-1", "windows-1252"}:
        encodings = {"windows-1252"}
    several = len({(way.delimiter, way.header_line) for way in ways}) > 1 or len(encodings) > 1
    if several or ("utf-16" in encodings and any(way.encoding != "utf-16" for way in ways)):
        raise AuthorMustFix(
            f"the files of {path} are not written in one way (encoding, delimiter, line of the header)",
            next_step="export them alike, or name those that are with a pattern",
        )
    return next((way for way in ways if way.encoding in encodings), ways[0])


def _encoding(stream: BinaryIO, marked: str | None) -> CsvEncoding:
    """UTF-16 by its mark; UTF-8 where every byte of the file fits it; else Windows-1252 where it has signs that only
    this has, as € and “, and no byte that it has not; else Latin-1, which every byte fits."""
    if marked == "utf-16":
        return "utf-16"
    if _fits(stream, "utf-8"):
        return "utf-8"
    if marked:
        raise AuthorMustFix("the file begins as UTF-8 and is not", next_step="export it again")
    return "windows-1252" if _has_signs(stream) and _fits(stream, "windows-1252") else "latin-1"


def _fits(stream: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(CODECS[encoding])()
    try:
        for block in _blocks(stream):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        stream.seek(0)
    return True


def _has_signs(stream: BinaryIO) -> bool:
    """Whether there is a byte of 0x80 to 0x9f: a sign in Windows-1252, and nothing that is written in Latin-1."""
    signs = re.compile(rb"[\x80-\x9f]")
    found = any(signs.search(block) for block in _blocks(stream))
    stream.seek(0)
    return found


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while block := stream.read(1 << 20):
        yield block


def _lines(head: bytes, encoding: str) -> list[str]:
    """The first lines with their ends; without the last one where it may have been cut."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", head.decode(CODECS[encoding], errors="ignore"))
    return lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines


def _records(lines: Sequence[str], delimiter: str) -> list[_Numbered]:
    """The first records that have a cell, each with the line on which it begins."""
    reader = csv.reader(lines, delimiter=delimiter)
    out: list[_Numbered] = []
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                out.append((begins, cells))
            begins = reader.line_num + 1
            if len(out) == _RECORDS:
                break
    except csv.Error:  # a quote that does not end: what was found so far is all there is
        pass
    return out


def _delimiter(lines: Sequence[str]) -> str:
    """The mark that splits the header into most cells, among those that split the first rows into as many; under a
    title the one that splits most rows into as many."""
    first = [line for line in lines[:20] if line.strip()][:10]
    if not first:
        return ","
    counts = {mark: [len(cells) for cells in csv.reader(first, delimiter=mark)] for mark in DELIMITERS}
    even = [
        mark
        for mark in DELIMITERS
        if counts[mark][0] > 1 and set(counts[mark][:-1] or counts[mark]) == {counts[mark][0]}
    ]
    if even:
        return max(even, key=lambda mark: counts[mark][0])
    usual = {mark: _usual(_records(lines, mark)) for mark in DELIMITERS}
    best = max(DELIMITERS, key=lambda mark: usual[mark][0] * usual[mark][1] if usual[mark][0] > 1 else 0)
    return best if usual[best][0] > 1 else sniff_delimiter(first[0])


def _usual(records: Sequence[_Numbered]) -> tuple[int, int]:
    """How many cells most records have, and how many these are."""
    counts = Counter(len(cells) for _, cells in records)
    return max(counts.items(), key=lambda each: each[1], default=(0, 0))


def _header_line(lines: Sequence[str], delimiter: str) -> int:
    """The line of the first record that has as many cells as most, most of them filled, and neither a figure nor a
    name twice: what names columns. The first line where there is no such record above the first that is a row."""
    records = _records(lines, delimiter)
    width, _ = _usual(records)
    for begins, cells in records:
        filled = [cell.strip() for cell in cells if cell.strip()]
        if width < 2 or len(cells) != width or len(filled) < max(2, _FILLED * width):
            continue
        is_header = len(set(filled)) == len(filled) and not any(_FIGURES.fullmatch(cell) for cell in filled)
        return begins if is_header else 1
    return 1
