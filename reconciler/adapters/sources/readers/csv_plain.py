"""The plain copy of a file that DuckDB reads: UTF-8, one line a record, only the mapped columns, with line numbers."""

from __future__ import annotations

import csv
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.adapters.sources.readers.csv_records import Records

_TOLD_EVERY = 50_000
_BREAKS = str.maketrans({"\r": " ", "\n": " "})


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
