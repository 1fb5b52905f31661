"""Rows of a driver's values as a file that DuckDB reads: exact numbers, ISO dates, moments with their offset."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

_BREAKS = str.maketrans({"\r": " ", "\n": " "})


def write_rows(
    pieces: Iterable[Sequence[Sequence[Any]]], width: int, file: Path, told: Callable[[int], None]
) -> list[str]:  # fmt: skip
    """Write every row, numbered from 1, as a plain file; returns each column's DuckDB type: DATE or TIMESTAMP where the
    driver gives such values, else VARCHAR."""
    kinds: list[str | None] = [None] * width
    done = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for piece in pieces:
            for row in piece:
                done += 1
                kinds = (
                    [known or _kind(cell) for known, cell in zip(kinds, row, strict=True)] if None in kinds else kinds
                )
                writer.writerow([done, *map(text_of, row)])
            told(done)
    return [kind or "VARCHAR" for kind in kinds]


def text_of(cell: object) -> str:
    """A value as text; a float by its shortest one, so that 0.1 is 0.1; what is no value of a table is empty."""
    match cell:
        case str():
            return cell.translate(_BREAKS).replace("\0", " ")
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case Decimal():
            return format(cell, "f")
        case float():
            return format(Decimal(repr(cell)), "f")
        case date():
            return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
        case _:
            return ""


def _kind(cell: object) -> str | None:
    match cell:
        case None:
            return None
        case datetime():
            return "TIMESTAMP" if cell.tzinfo is None else "TIMESTAMP WITH TIME ZONE"
        case date():
            return "DATE"
        case _:
            return "VARCHAR"
