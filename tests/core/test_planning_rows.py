"""One case for each row of docs/planning.md, and a check that there are no others. The cases stand in `rows/`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.core.rows import CASES, adopt, deploy, everything, heal, judge, train, withdraw

PLANNING = Path(__file__).parents[2] / "docs" / "planning.md"
MODULES = (adopt, train, judge, deploy, withdraw, heal, everything)


@pytest.mark.parametrize("identity", sorted(CASES))
def test_row_of_the_planning_table(identity: str) -> None:
    CASES[identity]()


def test_the_table_and_the_cases_have_the_same_rows() -> None:
    written = re.findall(r"^\| (P\d\d) \|", PLANNING.read_text("utf-8"), re.MULTILINE)
    assert written == sorted(written), "rows stand in order"
    assert written == sorted(CASES)


def test_every_row_has_its_four_columns_filled() -> None:
    for line in PLANNING.read_text("utf-8").splitlines():
        if line.startswith("| P"):
            assert [bool(cell.strip()) for cell in line.strip("|").split("|")] == [True] * 4, line


def test_every_module_of_cases_has_some() -> None:
    assert {case.__module__ for case in CASES.values()} == {module.__name__ for module in MODULES}
