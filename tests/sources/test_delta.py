"""What is Delta's own: the log decides, versions, partitions, what links write, and logs that reach out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from reconciler.domain.errors import AuthorMustFix
from tests.sources.rigs.parquet_rig import frame
from tests.sources.rigs.table import Rig
from tests.sources.test_contract import INVOICES, MAPPING, read, refusal, with_rows
from tests.support.delta_logs import edit_log


def test_rows_that_the_log_has_removed_are_not_read_although_their_file_lies_there(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    rig.put("invoices", replace(INVOICES, rows=INVOICES.rows[:1]))
    assert len(list((rig.root / "invoices").glob("*.parquet"))) == 2
    assert read(rig, source).extract.rows == {"invoices": 1}


def test_an_older_version_is_read_where_it_is_named_and_said(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    rig.put("invoices", replace(INVOICES, rows=INVOICES.rows[:1]))
    found = read(rig, {**source, "version": 0}).extract
    assert found.rows == {"invoices": 3}
    assert found.asked["invoices"] == "delta table invoices at version 0"
    assert "cannot be read at version 9" in refusal(rig, {**source, "version": 9}).message


def test_a_column_that_partitions_the_table_is_a_column(rig: Rig) -> None:
    write_deltalake(rig.root / "invoices", frame(INVOICES), partition_by=["DataAreaId"])
    found = read(rig, {"kind": "delta", "path": "invoices"})
    assert found.extract.entities == {"demf": 1, "usmf": 2}


def test_deleted_rows_of_a_link_that_marks_them_are_gone(rig: Rig) -> None:
    """Synapse Link's tables: a row of each change, IsDelete, and a version that grows."""
    first = frame(with_rows({"RecId": 1}, {"RecId": 2}))
    marks = [pl.lit(False).alias("IsDelete"), pl.Series("versionnumber", [100, 101])]
    write_deltalake(rig.root / "invoices", first.with_columns(marks))
    second = first.with_columns([pl.Series("IsDelete", [False, True]), pl.Series("versionnumber", [102, 103])])
    amended = second.with_columns(pl.lit(Decimal("7.00")).cast(pl.Decimal(38, 6)).alias("Amount"))
    write_deltalake(rig.root / "invoices", amended, mode="append")
    changes = {"key": ["RecId"], "version": "versionnumber", "deleted": "IsDelete"}
    found = read(rig, {"kind": "delta", "path": "invoices"}, changes=changes)
    assert [(row["invoice"], row["amount"]) for row in found.rows] == [("F-0", Decimal("7.0000"))]


def test_a_folder_without_a_log_is_no_delta_table(rig: Rig) -> None:
    (rig.root / "invoices").mkdir()
    error = refusal(rig, {"kind": "delta", "path": "invoices"})
    assert isinstance(error, AuthorMustFix) and "_delta_log is not there" in error.message


@pytest.mark.parametrize("path", ["s3://bucket/t", "file:///etc", "../rig/invoices", "/etc"])
def test_only_folders_that_the_runner_allows_are_read(rig: Rig, path: str) -> None:
    rig.put("invoices", INVOICES)
    assert isinstance(refusal(rig, {"kind": "delta", "path": path}), AuthorMustFix)


@pytest.mark.parametrize("kind", ["absolute", "upwards", "link"])
def test_a_log_that_names_a_file_elsewhere_is_refused(rig: Rig, kind: str, tmp_path: Path) -> None:
    source = rig.put("invoices", INVOICES)
    outside = tmp_path / "other.parquet"
    frame(with_rows({"Account": "stolen"})).write_parquet(outside)
    link = rig.root / "invoices" / "link.parquet"
    link.symlink_to(outside)
    path = {"absolute": f"file://{outside}", "upwards": "../../other.parquet", "link": "link.parquet"}[kind]
    edit_log(rig, "add", path=path, size=outside.stat().st_size)
    error = refusal(rig, source)
    assert isinstance(error, AuthorMustFix) and "stolen" not in str(error)


def test_a_newer_format_is_refused_and_not_half_read(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    edit_log(rig, "protocol", minReaderVersion=99)
    assert "newer format needs a newer reconciler" in refusal(rig, source).next_step


def test_a_file_that_was_cut_in_half_is_said_without_a_traceback(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    (file,) = (rig.root / "invoices").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    assert "cannot be read" in refusal(rig, source).message


def test_many_batches_keep_their_rows_and_lines(rig: Rig) -> None:
    source = rig.put("invoices", with_rows(*({"RecId": i} for i in range(30_000))))
    DeltaTable(rig.root / "invoices").optimize.compact()
    rig_rows = with_rows(*({"Invoice": f"G-{i}", "Dated": date(2024, 1, 5)} for i in range(10)))
    write_deltalake(rig.root / "invoices", frame(rig_rows), mode="append")
    assert read(rig, source, mapping=MAPPING).extract.rows == {"invoices": 30_010}
