"""The plain file that DuckDB reads, whatever the source: UTF-8, commas, one line a record, doubled quotes, no header;
how one is made of a CSV file's records, and the one way in which it is read.
"""

from __future__ import annotations

import csv
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.adapters.sources.readers.csv_records import LINE_LIMIT, Records
from reconciler.tools.duck import literal

_TOLD_EVERY = 50_000
_LONGEST = 64 << 20  # of a line: as much as one page of a service may be
_BREAKS = str.maketrans({"\r": " ", "\n": " "})


def plain_relation(
    file: Path, kinds: Sequence[str], *, also: int = 0, numbered: bool = True, breaks: bool | None = False
) -> str:
    """A plain file as SQL to stand after FROM: `line`, c0, c1, … of these DuckDB types; what cannot be of its type is
    NULL. `also`: so many columns follow that are only read over. `numbered`: the row's number is the first column; else
    `line` is NULL, and somebody has to count. `breaks`: True where cells may hold line breaks, which become spaces;
    None where a line is certainly a record, and none is long: then several threads read it."""
    names = [f"c{i}" for i in range(max(len(kinds) + also, 1))]
    shape = ", ".join([*(["'line': 'BIGINT'"] if numbered else []), *(f"'{name}': 'VARCHAR'" for name in names)])
    line = "line" if numbered else "NULL::BIGINT AS line"
    cells = [_typed(name, kind, breaks=bool(breaks)) for name, kind in zip(names, kinds, strict=False)]
    lines = f"max_line_size={LINE_LIMIT}, new_line='\\n'" if breaks is None else f"max_line_size={_LONGEST}"
    return (
        f"(SELECT {', '.join([line, *cells])} FROM read_csv({literal(str(file))}, columns={{{shape}}}, "  # noqa: S608
        f"header=false, auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='', "
        f"allow_quoted_nulls=false, {lines}))"
    )


def _typed(name: str, kind: str, *, breaks: bool) -> str:
    if kind == "VARCHAR":
        return f"translate({name}, chr(13) || chr(10), '  ') AS {name}" if breaks else name
    return f"TRY_CAST(nullif({name}, '') AS {kind}) AS {name}"


@dataclass
class Plain:
    """The copy, how many records the file had, and the line numbers of those that could not be copied."""

    path: Path
    width: int
    rows: int = 0
    refused: dict[str, list[int]] = field(default_factory=dict)


def write_plain(records: Records, places: Mapping[str, int], path: Path, told: Callable[[int], None]) -> Plain:
    """Copy the columns at `places`, in their order. A record with more or fewer cells than the header, or with a
    NUL in a mapped cell, is refused by its line number; a line break inside a cell becomes a space."""
    plain = Plain(path, len(places))
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows(_rows(records, list(places.values()), plain, told))
    return plain


def _rows(
    records: Records, wanted: list[int], plain: Plain, told: Callable[[int], None]
) -> Iterator[tuple[object, ...]]:
    width = len(records.header)
    pick = operator.itemgetter(*wanted) if wanted else None
    for line, cells in records:
        plain.rows += 1
        if plain.rows % _TOLD_EVERY == 0:
            told(records.read_bytes())
        if len(cells) != width:
            plain.refused.setdefault("wrong number of columns", []).append(line)
            continue
        picked = () if pick is None else pick(cells)
        cells = [picked] if isinstance(picked, str) else list(picked)
        joined = "".join(cells)
        if "\0" in joined:
            plain.refused.setdefault("a NUL character", []).append(line)
            continue
        if "\n" in joined or "\r" in joined:
            cells = [cell.translate(_BREAKS) for cell in cells]
        yield (line, *cells)
