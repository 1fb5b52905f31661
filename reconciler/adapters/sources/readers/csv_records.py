"""From bytes to records with line numbers, in bounded memory.

Decodes strictly, with or without a byte order mark; lines end with LF, CRLF or CR; quotes are doubled. A line
longer than `LINE_LIMIT`, a quote that does not end and an encoding that does not fit stop the reading.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from reconciler.domain.errors import AuthorMustFix

LINE_LIMIT = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "latin-1", "windows-1252": "cp1252"}
_KNOWN = "utf-8, utf-16, latin-1 or windows-1252"
_SEPARATOR = re.compile(r"\ufeff?sep=(.)", re.IGNORECASE)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Dialect:
    """How one file is written. `header_line`: which of its lines is the header."""

    encoding: str
    delimiter: str | None = None
    header_line: int = 1


class Records:
    """The header of a file and its records, read once: iterating gives (line number, cells).

    The line number is the one on which the record ends less its inner line breaks: where it begins. What stands above
    the header is not read, but for `sep=;` on the first line, as Excel writes it.
    """

    def __init__(self, stream: BinaryIO, name: str, dialect: Dialect) -> None:
        self.name = name
        self._stream = stream
        self._encoding = dialect.encoding
        self._lines = _Lines(stream, name, dialect.encoding)
        self.header_line = dialect.header_line
        above = [line for _ in range(self.header_line - 1) if (line := next(self._lines, None)) is not None]
        first = next(self._lines, None)
        if first is None or not first.strip("\r\n\ufeff \t"):
            raise self._no_header(len(above), first)
        self._lines.put_back(first)
        self.delimiter = dialect.delimiter or separator(above[0] if above else "") or sniff_delimiter(first)
        self._reader = csv.reader(self._lines, delimiter=self.delimiter, strict=False)
        self.header = [_name(cell) for cell in self._guarded()]

    def _no_header(self, above: int, first: str | None) -> AuthorMustFix:
        if self.header_line == 1:
            return AuthorMustFix(f"{self.name} is empty", next_step="export the rows again, with a header line")
        lines = f"{self.name} has {above} line{'s' * (above != 1)}, and its header should be on line {self.header_line}"
        return AuthorMustFix(
            lines if first is None else f"{self.name}:{self.header_line}: the line is blank, and should be the header",
            next_step="set `source.headerLine` to the line that names the columns",
        )

    @property
    def _line(self) -> int:
        """The line at which the next record begins."""
        return self._reader.line_num + self.header_line

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            begins = self._line
            try:
                cells = self._guarded()
            except StopIteration:
                return
            if cells:
                yield begins, cells

    def read_bytes(self) -> int:
        """How many bytes have been read so far."""
        return self._stream.tell()

    def _guarded(self) -> list[str]:
        begins = self._line
        try:
            return next(self._reader)
        except csv.Error as error:
            raise AuthorMustFix(
                f"{self.name}:{begins}: a field is longer than {csv.field_size_limit():,} characters, "
                "perhaps a quote that does not end",
                next_step="export the file again; quotes inside a field are doubled",
            ) from error


class _Lines:
    """The decoded lines of a stream; line breaks are kept, as the csv module wants them."""

    def __init__(self, stream: BinaryIO, name: str, encoding: str) -> None:
        _check_mark(stream, name, encoding)
        self._stream = stream
        self._text = io.TextIOWrapper(stream, encoding=CODECS[encoding], errors="strict", newline="")
        self._name, self._encoding = name, encoding
        self._number = 0
        self._held: str | None = None

    def put_back(self, line: str) -> None:
        self._held = line

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._held is not None:
            line, self._held = self._held, None
            return line
        self._number += 1
        try:
            line = self._text.readline(LINE_LIMIT + 1)
        except UnicodeError as error:
            raise self._wrong_encoding() from error
        if not line:
            raise StopIteration
        if len(line) > LINE_LIMIT:
            raise AuthorMustFix(
                f"{self._name}:{self._number}: the line is longer than {LINE_LIMIT >> 20} MiB",
                next_step="a CSV file has one record a line: export it again",
            )
        return line

    def _wrong_encoding(self) -> AuthorMustFix:
        return AuthorMustFix(
            f"{self._name}:{_first_wrong_line(self._stream, self._encoding)}: the bytes are not {self._encoding}",
            next_step=f"set `source.encoding` to {_KNOWN}, as the file was exported",
        )


def _first_wrong_line(stream: BinaryIO, encoding: str) -> int:
    """The number of the first line whose bytes do not fit the encoding; the reading of the stream ends here."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(CODECS[encoding])()
    number, before = 1, ""
    while True:
        block = stream.read(1 << 16)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            text = error.object[: error.start].decode(CODECS[encoding], "ignore")
            return number + _breaks(before + text)
        number, before = number + _breaks(before + text), text[-1:] if text.endswith("\r") else ""
        if before:
            number -= 1  # it may be the first half of CRLF
        if not block:
            return number


def _breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _name(cell: str) -> str:
    """A column's name: white space and what cannot be printed becomes one space, as a mapping could not write it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in cell).split())


def byte_order_mark(head: bytes) -> str | None:
    """The encoding that the first bytes of a file announce."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def separator(line: str) -> str | None:
    """The delimiter that the first line of a file names, as `sep=;`, or None."""
    found = _SEPARATOR.fullmatch(line.rstrip("\r\n"))
    return found[1] if found else None


def sniff_delimiter(line: str) -> str:
    """The delimiter that splits a header line into most cells; a comma where none does."""
    counts = {mark: len(next(csv.reader([line], delimiter=mark), [])) for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: counts[mark])


def _check_mark(stream: BinaryIO, name: str, encoding: str) -> None:
    head = stream.read(4)
    stream.seek(0)
    marked = byte_order_mark(head)
    if (marked or encoding) != encoding or (encoding == "utf-16" and head and not marked):
        raise AuthorMustFix(
            f"{name} is not {encoding}: " + (f"it begins as {marked}" if marked else "it has no byte order mark"),
            next_step=f"set `source.encoding` to {_KNOWN}, as the file was exported",
        )
