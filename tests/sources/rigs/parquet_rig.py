"""Parquet files, written by polars: another library than the one that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from tests.sources.rigs.table import FileRig, Rig, Table

_TYPES: dict[str, Any] = {
    "text": pl.String,
    "number": pl.Decimal(38, 6),
    "whole": pl.Int64,
    "date": pl.Date,
    "moment": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean,
}


def frame(table: Table) -> pl.DataFrame:
    """The table with the types that its columns say."""
    columns = {
        name: pl.Series(name, [row[i] for row in table.rows], dtype=_TYPES[kind])
        for i, (name, kind) in enumerate(table.columns.items())
    }
    return pl.DataFrame(columns)


class _Parquet(FileRig):
    def put(self, name: str, table: Table) -> dict[str, Any]:
        fresh = self.root / f"{name}.tmp"
        frame(table).write_parquet(fresh)
        fresh.replace(self.root / f"{name}.parquet")
        return {"kind": "parquet", "path": f"{name}.parquet"}

    def drop(self, name: str) -> None:
        (self.root / f"{name}.parquet").unlink()


@contextmanager
def parquet_rig(folder: Path) -> Iterator[Rig]:
    yield _Parquet(folder)
