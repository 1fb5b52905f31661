"""What a refresh tells of odd data: a table for people, the same for programs, counts in the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.company import Company


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company.found(tmp_path, "local")


def _rewrite(company: Company, change: dict[int, dict[int, str]]) -> list[list[str]]:
    """Change cells of the company's invoices, by position of row and column; returns the rows before."""
    path = company.folder / "data/invoices.csv"
    head, *lines = path.read_text().splitlines()
    rows = [line.split(",") for line in lines]
    changed = [[change.get(i, {}).get(j, cell) for j, cell in enumerate(row)] for i, row in enumerate(rows)]
    path.write_text("\n".join([head, *map(",".join, changed)]) + "\n")
    return rows


def _column(company: Company, name: str) -> int:
    return (company.folder / "data/invoices.csv").read_text().splitlines()[0].split(",").index(name)


def test_a_refresh_tells_what_was_left_out_and_which_terms_were_changed(company: Company) -> None:
    amount, due = _column(company, "amount"), _column(company, "due_date")
    _rewrite(company, {0: {amount: "-5.00"}, 1: {amount: "0"}, 2: {due: "2026-03-01"}})
    out = company.run("data", "refresh", "sandbox").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "what rows for example they are" in lines
    assert "invoices: a negative amount: a credit note (amount) 1 line 2 left out" in lines
    assert "invoices: an amount of zero (amount) 1 line 3 left out" in lines
    changed = next(line for line in lines if "due on another day than in the copy of" in line)
    assert changed.endswith("(due_date) 1 line 4 kept")
    assert any("take the due date as first agreed" in line for line in lines)
    shown = company.run("data", "show").out
    assert "1  left out: negative-amount" in shown and "1  left out: zero-amount" in shown


def test_programs_get_the_same_findings_with_field_and_line(company: Company) -> None:
    _rewrite(company, {3: {_column(company, "amount"): "-5.00"}})
    told = company.run("data", "refresh", "sandbox", "-o", "json").json
    assert told["snapshot"]["excluded"] == {"negative-amount": 1}
    (found,) = [each for each in told["findings"] if each["did"] == "left out"]
    assert found == {
        "table": "invoices",
        "what": "a negative amount: a credit note",
        "field": "amount",
        "rows": 1,
        "line": 5,
        "file": None,
        "did": "left out",
        "next_step": None,
    }
