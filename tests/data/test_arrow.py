"""Columns of a relation as plain bytes."""

from __future__ import annotations

import struct

import duckdb
import pytest

from reconciler.tools.arrow import batches

ROWS = "SELECT (i % 7)::INTEGER AS a, 'ü' || i AS b FROM range(300_000) AS r(i)"


def test_columns_come_whole_and_in_the_order_of_the_rows() -> None:
    numbers, texts, rows = b"", b"", 0
    with batches(duckdb.sql(ROWS), "iu") as found:
        for batch in found:
            rows += batch.rows
            numbers += batch.numbers(0, 4)
            texts += batch.text(1)
    assert rows == 300_000
    assert numbers == b"".join(struct.pack("<i", i % 7) for i in range(300_000))
    assert texts == "".join(f"ü{i}" for i in range(300_000)).encode()


def test_no_rows_are_no_bytes() -> None:
    with batches(duckdb.sql(f"{ROWS} LIMIT 0"), "iu") as found:
        assert [(batch.rows, bytes(batch.text(1))) for batch in found if batch.rows] == []


@pytest.mark.parametrize("layouts", ["lu", "i", "iuu", "iU"])
def test_a_column_in_another_layout_is_never_read(layouts: str) -> None:
    with pytest.raises(OSError, match="DuckDB gives columns as i, u"), batches(duckdb.sql(ROWS), layouts):
        raise AssertionError("nothing is read")


def test_a_missing_value_is_refused_as_its_bytes_could_be_any() -> None:
    relation = duckdb.sql("SELECT CASE WHEN i > 1 THEN i::INTEGER END AS a FROM range(5) AS r(i)")
    with batches(relation, "i") as found, pytest.raises(ValueError, match="missing values"):
        next(found).numbers(0, 4)
