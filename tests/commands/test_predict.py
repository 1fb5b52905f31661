"""predict: open invoices at a date with the deployed bytes, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest

from tests.support.bad_input import REFUSALS, contents, fill, mend, refused
from tests.support.company import Company, tamper
from tests.support.components import tmpfs
from tests.support.receivables_yaml import MODEL, habits, invoices

pytestmark = pytest.mark.real

AS_OF = date(2026, 2, 28)
HEADER = [
    *("legal_entity", "invoice", "instalment", "customer", "amount", "currency", "invoice_date", "due_date"),
    *("on_time", "late", "very_late", "most_likely", "model", "version", "digest", "as_of"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The sandbox serves a model that was really trained."""
    company = Company.found(tmp_path_factory.mktemp("trained"), "local")
    company.trainer = None
    company.books(habits(AS_OF, 300))
    company.run("data", "refresh", "sandbox")
    company.add("1.0.0", trees=10)
    company.apply()
    return company


def test_the_default_date_is_the_snapshot_s_where_the_environment_is_a_copy(trained: Company) -> None:
    rows = list(csv.DictReader(io.StringIO(trained.run("predict", "-e", "sandbox").out)))
    assert {row["as_of"] for row in rows} == {"2026-02-28"}
    assert {(row["model"], row["version"], row["digest"]) for row in rows} == {
        (MODEL, "1.0.0", trained.digest("1.0.0"))
    }
    assert all(row["invoice_date"] <= "2026-02-28" for row in rows)


def test_what_has_become_impossible_is_zero_and_the_rest_sums_to_one(trained: Company) -> None:
    rows = trained.run("predict", "-e", "sandbox", "-o", "json").json["predictions"]
    overdue = [row for row in rows if row["due_date"] < "2026-02-28"]
    assert overdue and all(row["on_time"] == 0 for row in overdue)
    assert all(abs(row["on_time"] + row["late"] + row["very_late"] - 1) < 1e-5 for row in rows)


def test_a_date_that_the_model_has_seen_is_refused_and_named(trained: Company) -> None:
    told = trained.run("predict", "-e", "sandbox", "--as-of", "2026-01-15", code=3)
    assert "2026-02-28, up to which" in told.err and "--hindsight" in told.err


def test_where_nothing_is_masked_nothing_is_said_of_masks(trained: Company) -> None:
    told = trained.run("predict", "-e", "sandbox", "-o", "json")
    assert told.json["predictions"] and "masked" not in told.json["predictions"][0]
    assert "masked" not in told.err


def test_hindsight_marks_every_row(trained: Company) -> None:
    told = trained.run("predict", "-e", "sandbox", "--as-of", "2026-01-15", "--hindsight", "-o", "json")
    rows = told.json["predictions"]
    assert rows and {row["hindsight"] for row in rows} == {"yes"}


def test_csv_json_and_parquet_hold_the_same_invoices(trained: Company) -> None:
    import duckdb

    place = trained.folder
    for ending in ("csv", "json", "parquet"):
        trained.run("predict", "-e", "sandbox", "--out", str(place / f"open.{ending}"))
    from_csv = {row["invoice"] for row in csv.DictReader((place / "open.csv").open())}
    from_json = {row["invoice"] for row in json.loads((place / "open.json").read_text())["predictions"]}
    rows = duckdb.execute("SELECT invoice FROM read_parquet(?)", [str(place / "open.parquet")]).fetchall()
    as_of = duckdb.execute("SELECT DISTINCT as_of FROM read_parquet(?)", [str(place / "open.parquet")]).fetchall()
    assert as_of == [(AS_OF,)]
    assert from_csv == from_json == {invoice for (invoice,) in rows}


def test_an_ending_that_nothing_is_written_with_is_refused_before_anything_is_read(
    trained: Company, tmp_path: Path
) -> None:
    told = trained.run("predict", "-e", "nowhere", "--out", str(tmp_path / "open.xls"), code=64)
    assert ".csv, .parquet, .json" in told.err and not list(tmp_path.iterdir())


def test_every_output_has_the_same_header_and_the_same_six_decimals_that_sum_to_one(trained: Company) -> None:
    printed = trained.run("predict", "-e", "sandbox", "-o", "json").json["predictions"]
    as_csv = list(csv.DictReader(io.StringIO(trained.run("predict", "-e", "sandbox").out)))
    trained.run("predict", "-e", "sandbox", "--out", str(trained.folder / "same.json"))
    assert json.loads((trained.folder / "same.json").read_text())["predictions"] == printed
    assert list(as_csv[0]) == list(printed[0]) == HEADER
    for row, line in zip(printed, as_csv, strict=True):
        shares = [row[name] for name in ("on_time", "late", "very_late")]
        assert shares == [float(line[name]) for name in ("on_time", "late", "very_late")]
        assert shares == [round(share, 6) for share in shares] and abs(sum(shares) - 1) < 1e-9


def test_a_copy_whose_newest_row_is_old_is_told_whatever_the_date_it_was_taken_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    company = Company.found(tmp_path_factory.mktemp("old"), "local")
    company.add("1.0.0")
    company.apply()
    for until, warned in ((AS_OF, False), (date(2025, 12, 31), True)):
        rows = invoices(until, 40).splitlines()
        company.books("\n".join(row for row in rows if ",," not in row) + "\n")
        company.run("data", "refresh", "sandbox", "--as-of", "2026-03-01")
        told = company.run("predict", "-e", "sandbox").err
        assert ("warning" in told) is warned
    assert "warning: the data of sandbox ends on 2025-12-" in told and "(its newest invoice or payment)" in told
    assert "before 2026-03-01: reconciler data refresh sandbox" in told


@pytest.mark.parametrize("how", REFUSALS)
def test_a_file_on_a_disk_that_refuses_is_whole_or_not_there(trained: Company, tmp_path: Path, how: str) -> None:
    with tmpfs(tmp_path / "disk", "size=64k,nr_inodes=8") as disk:
        (disk / "open.csv").write_text("what was there")
        fill(disk, how)
        for name in ("open.csv", "open.json", "open.parquet"):
            told = trained.run("predict", "-e", "sandbox", "--out", str(disk / name), code=1)
            refused(told, f"{name} cannot be written", "make room or choose another place, then repeat")
        mend(disk, how)
        assert contents(disk).keys() == {"open.csv"}
        assert (disk / "open.csv").read_text() == "what was there"
        trained.run("predict", "-e", "sandbox", "--out", str(disk / "open.csv"))
        assert (disk / "open.csv").read_text().startswith("legal_entity,invoice,")


def test_an_environment_that_serves_nothing_says_what_to_do(trained: Company) -> None:
    assert "production serves no model" in trained.run("predict", "-e", "production", code=1).err
    assert "does not serve" in trained.run("predict", "-e", "sandbox", "--model", "other", code=3).err


def test_no_open_invoices_and_data_that_ends_long_before_the_date_are_told(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    company = Company.found(tmp_path_factory.mktemp("paid"), "local")
    company.in_production("1.0.0")
    for until, warned in (("2026-02-28", False), ("2025-12-31", True)):
        rows = invoices(date.fromisoformat(until), 40).splitlines()
        company.books("\n".join(row for row in rows if ",," not in row) + "\n")
        told = company.run("predict", "-e", "production", "--as-of", "2026-03-01")
        assert "0 open invoices as of 2026-03-01" in told.err and told.out.count("\n") == 1
        assert ("warning: the data of production ends on 2025-12-" in told.err) is warned
        assert ("or take --as-of 2025-12-" in told.err) is warned


def test_bytes_that_are_not_those_of_their_digest_are_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    company = Company.found(tmp_path_factory.mktemp("altered"), "local")
    company.add("1.0.0")
    company.apply()
    tamper(company.home / "targets/sandbox" / MODEL / "model.onnx")
    told = company.run("predict", "-e", "sandbox", code=5)
    assert "model.onnx" in told.err and not told.out
