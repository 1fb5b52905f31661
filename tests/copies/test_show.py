"""`data show --compare`: what is different between two copies, in numbers, and never whose."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.company import Company

HEAD = "legal_entity,invoice,customer,invoice_date,due_date,settled_date,amount,country"
FIRST = (
    "usmf,F1,K1,2025-11-05,2025-12-05,2025-12-01,10,NO",
    "usmf,F2,K2,2025-11-06,2025-12-06,,20,NO",
    "usmf,F3,K3,2025-12-07,2026-01-06,,30,DE",
)
SECOND = (
    "usmf,F1,K1,2025-11-05,2025-12-05,2025-12-01,10,NO",
    "usmf,F2,K2,2025-11-06,2025-12-06,2026-02-20,20,",
    "usmf,F4,K3,2026-01-07,2026-02-06,,30,FR",
)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A sandbox with two copies of few rows."""
    company = Company.found(tmp_path_factory.mktemp("shown"), "local")
    data = company.specs["production"]["data"]
    invoices = {**data["invoices"], "mapping": {**data["invoices"]["mapping"], "country": "country"}}
    company.merge(company.rules("production", data={"invoices": invoices}))
    for rows in (FIRST, SECOND):
        company.books("\n".join([HEAD, *rows]) + "\n")
        company.run("apply", "--yes", "-q")
        company.run("data", "refresh", "sandbox", "--as-of", date(2026, 2, 28).isoformat())
    return company


def compared(company: Company, *argv: str) -> dict[str, Any]:
    found: dict[str, Any] = company.run("data", "show", *argv, "-o", "json").json["compared"]
    return found


def test_rows_that_came_went_and_changed_are_counted_by_table_and_month(company: Company) -> None:
    table = compared(company, "--compare", "before")["tables"]["invoices"]
    assert {name: table[name] for name in ("rows", "was", "added", "removed", "changed")} == {
        "rows": 3, "was": 3, "added": 1, "removed": 1, "changed": 1,
    }  # fmt: skip
    assert table["parts"] == [
        {"name": "2025-11", "added": 0, "removed": 0, "changed": 1},
        {"name": "2025-12", "added": 0, "removed": 1, "changed": 0},
        {"name": "2026-01", "added": 1, "removed": 0, "changed": 0},
    ]
    assert table["by_column"] == {"country": 1, "settled_date": 1}


def test_shares_and_common_values_that_are_new_are_told(company: Company) -> None:
    found = compared(company, "--compare", "before")
    assert {each["column"]: (each["missing"], each["was"]) for each in found["missing"]} == {
        "country": (0.3333, 0.0), "settled_date": (0.3333, 0.6667),
    }  # fmt: skip
    assert {"table": "invoices", "column": "country", "values": [{"value": "FR", "rows": 1}]} in found["top"]
    assert set(found["outcomes"]) == {"on_time", "late", "very_late"}


def test_the_text_says_it_with_bars_and_names_no_invoice_and_no_account(company: Company) -> None:
    out = company.run("data", "show", "--compare", "before").out
    assert "invoices: 3 rows, was 3: 1 added, 1 removed, 1 changed" in out
    assert "2026-01  ++++" in out and "2025-12  ----" in out and "2025-11  ~~~~" in out
    assert "changed in: country 1, settled_date 1" in out
    assert not [name for name in ("F1", "F2", "F3", "F4", "K1", "K2", "K3") if name in out]


def test_a_column_that_came_or_went_is_named(company: Company) -> None:
    first = company.file("snapshots/000000.json", "sandbox")["digest"]
    assert compared(company, "--compare", first)["tables"]["invoices"]["columns_added"] == ["country"]
    newest = company.file("snapshots/000002.json", "sandbox")["digest"]
    assert compared(company, first, "--compare", newest[7:19])["tables"]["invoices"]["columns_gone"] == ["country"]


def test_a_copy_against_itself_is_the_same_rows(company: Company) -> None:
    newest = company.file("snapshots/000002.json", "sandbox")["digest"]
    assert "the same rows" in company.run("data", "show", newest, "--compare", newest).out


def test_without_compare_nothing_is_compared_and_the_first_has_none_before(company: Company) -> None:
    assert company.run("data", "show", "-o", "json").json["compared"] is None
    first = company.file("snapshots/000000.json", "sandbox")["digest"]
    assert "no snapshot was recorded before" in company.run("data", "show", first, "--compare", "before", code=3).err
