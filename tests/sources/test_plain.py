"""The plain file between drivers and DuckDB: what cannot be of its column's type is missing, never an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.readers.plain import plain_relation
from reconciler.adapters.sources.readers.sql_rows import write_rows
from reconciler.tools.duck import connect


def read(folder: Path, relation: str) -> list[tuple[Any, ...]]:
    with connect(folder) as database:
        return database.execute(f"SELECT * FROM {relation} ORDER BY line").fetchall()  # noqa: S608


def written(folder: Path, rows: Sequence[Sequence[Any]]) -> tuple[list[tuple[Any, ...]], list[int]]:
    told: list[int] = []
    file = folder / "rows.csv"
    kinds = write_rows([rows[:1], rows[1:]], len(rows[0]), file, told.append)
    return read(folder, plain_relation(file, kinds)), told


def test_values_of_a_driver_come_back_with_their_types_and_missing_ones_missing(tmp_path: Path) -> None:
    moment = datetime(2024, 2, 1, 9, tzinfo=UTC)
    rows = [(None, None, None, "a\nb"), (date(2024, 1, 5), moment, Decimal("0.10"), "")]
    found, told = written(tmp_path, rows)
    assert [(line, day, number, text) for line, day, _, number, text in found] == [
        (1, None, "", "a b"),
        (2, date(2024, 1, 5), "0.10", ""),
    ]
    assert [row[2] for row in found] == [None, moment]
    assert told == [1, 2]


def test_what_is_not_of_its_columns_type_is_missing_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('"1","2024-13-45","x"\n"2","2024-01-05","7"\n')
    relation = plain_relation(tmp_path / "rows.csv", ["DATE", "BIGINT"])
    assert read(tmp_path, relation) == [(1, None, None), (2, date(2024, 1, 5), 7)]


def test_columns_that_only_follow_are_read_over_and_lines_are_left_to_count_where_none_is_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "rows.csv").write_text('"a","key"\n"b","key"\n')
    assert read(tmp_path, plain_relation(tmp_path / "rows.csv", ["VARCHAR"], also=1, numbered=False)) == [
        (None, "a"),
        (None, "b"),
    ]
