"""From a reader's rows to a table: lines that are counted after, and rows that did not all come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.sources.asking import Raw, Uncounted, Wanted, Work
from reconciler.adapters.sources.columns import columns_of
from reconciler.adapters.sources.loading import load
from reconciler.domain.errors import RetryLater
from reconciler.domain.inputs import Input
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tools.duck import connect
from tests.support.csv_files import nothing

ROWS = "(SELECT NULL::BIGINT AS line, 'E' AS c0, 'C' || i AS c1 FROM range(3) AS r(i))"
MAPPING = {"legal_entity": "Entity", "customer": "Account"}


def loaded(folder: Path, uncounted: Uncounted) -> tuple[Raw, list[tuple[int, str]]]:
    source = Input.model_validate({"source": {"kind": "csv", "path": "x.csv"}, "mapping": MAPPING})
    wanted = Wanted("customers", source, columns_of(SPEC, "customers", source))
    with connect(folder) as database:
        raw = Raw(ROWS, ["VARCHAR", "VARCHAR"], "a table", uncounted=uncounted)
        found = load(wanted, raw, Work(folder, database, nothing))
        return found, database.execute("SELECT line, customer FROM customers ORDER BY line").fetchall()


@pytest.mark.parametrize("rows", [3, None])
def test_rows_are_counted_after_they_were_read(tmp_path: Path, rows: int | None) -> None:
    assert loaded(tmp_path, Uncounted(2, rows))[1] == [(2, "C0"), (3, "C1"), (4, "C2")]


def test_where_other_rows_came_they_are_read_otherwise_and_none_twice(tmp_path: Path) -> None:
    other = Raw(f"(SELECT * REPLACE (7 AS line) FROM {ROWS} LIMIT 1)", ["VARCHAR", "VARCHAR"], "otherwise")  # noqa: S608
    otherwise: Callable[[], Raw] = lambda: other  # noqa: E731
    assert loaded(tmp_path, Uncounted(2, 4, otherwise)) == (other, [(7, "C0")])


def test_where_there_is_no_other_way_it_is_for_later(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="a table did not come whole"):
        loaded(tmp_path, Uncounted(1, 4))
