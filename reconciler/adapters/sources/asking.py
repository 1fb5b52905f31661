"""What a reader is asked for, what it may use, and what it gives: the seam between kinds of source and the checks.

A new kind of source is a file in `readers/`, a case in `readers/__init__.py`, and a line in the contract suite.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from reconciler.adapters.sources.allow import Allowed
from reconciler.adapters.sources.columns import Column, Table, positions
from reconciler.adapters.sources.where_sql import columns_asked
from reconciler.domain.inputs import Input, Source
from reconciler.ports import Progress


@dataclass(frozen=True)
class Wanted:
    """One table to read: its input, and the columns that are mapped. `look`: no mapping yet; every column that can be
    read, and about so many rows, evenly."""

    table: Table
    input: Input
    columns: Sequence[Column]
    look: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The source's columns that are needed, each once: mapped ones, then what `where` and `changes` look at."""
        names = [column.source for column in self.columns if column.source is not None]
        names += columns_asked(self.input.where)
        if (changes := self.input.changes) is not None:
            names += [*changes.key, changes.version, *filter(None, [changes.deleted])]
        return tuple(dict.fromkeys(names))

    def found(self, header: Sequence[str], name: str) -> tuple[str, ...]:
        """What is read of a table that has these columns: `names`, or at a look all. Raises AuthorMustFix for a wanted
        one that is absent or there twice."""
        if self.look:
            return tuple(column for column in header if header.count(column) == 1)
        positions(self.names, header, name)
        return self.names

    def every(self, rows: int) -> int:
        """Of a table with so many rows, the first of each so many is read."""
        return max(1, -(-rows // self.look)) if self.look else 1


@dataclass(frozen=True)
class Work:
    """What a reader may write to: a temporary folder of this process, and a database that is locked to it."""

    folder: Path
    database: Any
    progress: Progress


@dataclass(frozen=True)
class Access:
    """What the runner lets readers have: the repository's root, folders and hosts, and its credentials by name."""

    root: Path
    allowed: Allowed
    secret: Callable[[str], str]


@dataclass(frozen=True)
class Uncounted:
    """A relation whose `line` is NULL: its rows come in the order of the source, the first at line `first`. Where there
    are not exactly `rows` of them (None: any), or DuckDB finds one that is none, `otherwise` reads in another way."""

    first: int = 1
    rows: int | None = None
    otherwise: Callable[[], Raw] | None = None


@dataclass(frozen=True)
class Raw:
    """What a reader found, in the work's database.

    `relation` is SQL to stand after FROM, with the columns `line` (BIGINT, which row it is in the source, from 1, or
    a file's line), `c0`, `c1`, … in the order of `Wanted.names`; `types` are their DuckDB types: VARCHAR for text as
    it is written, else what the source says. `refused` are rows that cannot be rows: cause → lines. `asked` says
    what was read in words that hold no credential; `filtered` is True where the source has applied `where` itself.
    `pieces`: where the table is several files, the line before which each begins, and its name. At a look `names` are
    the columns, and `rows` is how many the whole table has, where that is known. `uncounted` where the lines are not
    counted yet: rows that are loaded first and counted after are loaded by several threads.
    """

    relation: str
    types: Sequence[str]
    asked: str
    refused: Mapping[str, list[int]] = field(default_factory=dict)
    filtered: bool = False
    pieces: Sequence[tuple[int, str]] = ()
    names: Sequence[str] = ()
    rows: int = 0
    uncounted: Uncounted | None = None

    def place(self, line: int) -> tuple[str, int]:
        """The file (empty where there is only one) and its line, of a row."""
        if len(self.pieces) < 2:
            return "", line
        before, name = self.pieces[bisect_left(self.pieces, (line, "")) - 1]
        return name, line - before


class Reader(Protocol):
    def __call__(self, wanted: Wanted, work: Work) -> Raw:
        """Read one table. Raises AuthorMustFix for what the mapping names and the source has not, RetryLater where
        the source or the disk fails; a read that ends half-way never counts as a table."""


@dataclass(frozen=True)
class Kind:
    """A kind of source. Inputs whose `session` is equal are read through one reader, so that they are of one moment
    where the source can do that."""

    session: Callable[[Source], Hashable]
    open: Callable[[Source, Access], AbstractContextManager[Reader]]
