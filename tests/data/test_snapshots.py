"""Snapshots: named by their rows, written once, verified when they are read."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.errors import RetryLater, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from tests.support.csv_files import PLAIN, Style, data_of, made_invoices, nothing, plain_csv, render, source_in

ROWS = (
    "A1,K1,2024-01-05,2024-02-04,2024-02-01,10.50",
    "A2,K1,2024-01-06,2024-02-05,,3",
    "A3,K2,2024-02-06,2024-03-07,2024-04-20,7.25",
)
Keep = Callable[..., SnapshotManifest]


@pytest.fixture
def store(tmp_path: Path) -> FolderSnapshots:
    return FolderSnapshots(tmp_path / "store")


@pytest.fixture
def keep(tmp_path: Path, store: FolderSnapshots) -> Keep:
    def keep(*rows: str, as_of: date | None = None, known: dict[str, str] | None = None) -> SnapshotManifest:
        (tmp_path / "i.csv").write_text(plain_csv(*rows))
        mapping = {name: {"column": name, "knownAt": at} for name, at in (known or {}).items()}
        with source_in(tmp_path).extract(data_of("i.csv", {**PLAIN, **mapping}), as_of, nothing) as extract:
            return store.keep(extract)

    return keep


def test_the_digest_is_of_the_rows_and_not_of_their_order(keep: Keep) -> None:
    assert keep(*ROWS).digest == keep(*reversed(ROWS)).digest


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:2],
        (ROWS[0].replace("10.50", "10.51"), *ROWS[1:]),
        (ROWS[0].replace("2024-02-01", "2024-02-02"), *ROWS[1:]),
        (ROWS[0].replace("K1", "K9"), *ROWS[1:]),
        (ROWS[0], ROWS[1].replace(",,", ",2024-02-02,"), ROWS[2]),
    ],
)
def test_any_other_row_is_another_digest(keep: Keep, rows: tuple[str, ...]) -> None:
    assert keep(*rows).digest != keep(*ROWS).digest


def test_equal_amounts_written_differently_are_one_digest(keep: Keep) -> None:
    assert keep(ROWS[0].replace("10.50", "+10.5000"), *ROWS[1:]).digest == keep(*ROWS).digest


def test_when_a_column_is_known_is_part_of_the_digest(keep: Keep) -> None:
    assert keep(*ROWS, known={"amount": "later"}).digest != keep(*ROWS).digest


def test_the_data_date_is_part_of_the_digest(keep: Keep) -> None:
    assert keep(*ROWS, as_of=date(2024, 5, 1)).digest != keep(*ROWS, as_of=date(2024, 5, 2)).digest


def test_the_canonical_form_is_the_one_that_is_written_down(keep: Keep) -> None:
    manifest = keep(*ROWS)
    january = next(part for part in manifest.tables["invoices"].parts if part.name == "2024-01")
    lines = (
        "legal_entity:text\tinvoice:text\tinstalment:whole\tcustomer:text\tinvoice_date:date\tdue_date:date\t"
        "settled_date:date\tamount:number\n"
        "main\tA1\t1\tK1\t2024-01-05\t2024-02-04\t2024-02-01\t10.5000\n"
        "main\tA2\t1\tK1\t2024-01-06\t2024-02-05\t\\N\t3.0000\n"
    )
    assert january.digest == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()
    assert january.rows == 2


def test_backslashes_and_tabs_in_texts_are_escaped(keep: Keep) -> None:
    row = 'A1,"K\\N\t1",2024-01-05,2024-02-04,2024-02-01,10.50'
    part = keep(row).tables["invoices"].parts[0]
    header = (
        "legal_entity:text\tinvoice:text\tinstalment:whole\tcustomer:text\tinvoice_date:date\tdue_date:date\t"
        "settled_date:date\tamount:number\n"
    )
    line = "main\tA1\t1\tK\\\\N\\t1\t2024-01-05\t2024-02-04\t2024-02-01\t10.5000\n"
    assert part.digest == "sha256:" + hashlib.sha256((header + line).encode()).hexdigest()


def test_a_second_refresh_writes_only_the_months_that_changed(
    keep: Keep, store: FolderSnapshots, tmp_path: Path
) -> None:
    truth = [
        f"{i.invoice},{i.customer},{i.invoice_date},{i.due_date},{i.settled_date or ''},{i.amount}"
        for i in made_invoices(400, days=700)
    ]
    first = keep(*truth)
    before = {path: path.stat().st_ino for path in (store.store / "parts").iterdir()}
    second = keep(*truth[:-1], truth[-1].rsplit(",", 1)[0] + ",1")
    after = {path: path.stat().st_ino for path in (store.store / "parts").iterdir()}
    assert first.digest != second.digest
    assert len(first.tables["invoices"].parts) > 20
    assert {path: inode for path, inode in after.items() if path in before} == before
    assert len(after) == len(before) + 2  # one part and its note


def test_keeping_the_same_again_writes_nothing(keep: Keep, store: FolderSnapshots) -> None:
    keep(*ROWS)
    before = {path: path.stat().st_mtime_ns for path in store.store.rglob("*")}
    keep(*ROWS)
    assert {path: path.stat().st_mtime_ns for path in store.store.rglob("*")} == before


def test_the_folder_holds_everything_that_its_manifest_names(keep: Keep, store: FolderSnapshots) -> None:
    manifest = keep(*ROWS)
    folder = store.folder(manifest.digest)
    assert SnapshotManifest.model_validate_json((folder / "snapshot.json").read_bytes()) == manifest
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet")) == [
        "invoices/2024-01.parquet",
        "invoices/2024-02.parquet",
    ]


def test_a_flipped_byte_is_refused_and_named(keep: Keep, store: FolderSnapshots) -> None:
    manifest = keep(*ROWS)
    file = store.folder(manifest.digest) / "invoices" / "2024-01.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(VerificationFailed) as caught:
        store.folder(manifest.digest)
    assert manifest.digest in caught.value.message
    assert "invoices/2024-01.parquet has other bytes" in caught.value.message


def test_rows_that_were_changed_together_with_their_file_hash_are_refused(keep: Keep, store: FolderSnapshots) -> None:
    victim, other = keep(*ROWS), keep(ROWS[0].replace("10.50", "99"), *ROWS[1:])
    folder, source = store.folder(victim.digest), store.folder(other.digest)
    file = folder / "invoices" / "2024-01.parquet"
    file.unlink()
    os.link(source / "invoices" / "2024-01.parquet", file)
    manifest = json.loads((folder / "snapshot.json").read_text())
    part = next(part for part in manifest["tables"]["invoices"]["parts"] if part["name"] == "2024-01")
    part["file_digest"] = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "snapshot.json").write_text(json.dumps(manifest))
    with pytest.raises(VerificationFailed, match="does not hold the rows of its digest"):
        store.folder(victim.digest)


@pytest.mark.parametrize(
    "change", [{"data_date": "2024-12-31"}, {"digest": "sha256:" + "0" * 64}, {"format_version": "x"}]
)
def test_an_edited_manifest_is_refused(keep: Keep, store: FolderSnapshots, change: dict[str, str]) -> None:
    digest = keep(*ROWS).digest
    file = store.folder(digest) / "snapshot.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(VerificationFailed, match="is not the one of this digest"):
        store.manifest(digest)


@pytest.mark.parametrize("digest", ["sha256:" + "a" * 64, "sha256:../../etc", "latest", ""])
def test_a_snapshot_that_is_not_there_is_refused(store: FolderSnapshots, digest: str) -> None:
    with pytest.raises(VerificationFailed):
        store.folder(digest)


def test_a_missing_file_is_refused_and_mended_by_the_next_refresh(keep: Keep, store: FolderSnapshots) -> None:
    digest = keep(*ROWS).digest
    (store.folder(digest) / "invoices" / "2024-02.parquet").unlink()
    with pytest.raises(VerificationFailed, match=r"invoices/2024-02.parquet is not there"):
        store.folder(digest)
    assert keep(*ROWS).digest == digest
    assert store.folder(digest).is_dir()


def test_a_damaged_part_of_the_pool_is_written_anew(keep: Keep, store: FolderSnapshots) -> None:
    digest = keep(*ROWS).digest
    for part in (store.store / "parts").glob("*.parquet"):
        part.write_bytes(b"PAR1 no")
    assert keep(*ROWS).digest == digest
    assert store.folder(digest).is_dir()


def test_leftovers_of_a_killed_refresh_are_taken_away(keep: Keep, store: FolderSnapshots) -> None:
    keep(*ROWS)
    (store.store / ".tmp-dead").mkdir()
    (store.store / "parts" / ".tmp-dead").mkdir()
    keep(*ROWS[:2])
    assert not list(store.store.rglob(".tmp-*"))


def test_a_store_that_may_not_be_written_is_for_later(keep: Keep, store: FolderSnapshots, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(RetryLater, match="refused"):
        keep(*ROWS)


@pytest.mark.real
@pytest.mark.parametrize("options", ["size=32k", "nr_inodes=4", "ro"])
def test_a_disk_that_refuses_is_for_later_and_leaves_no_half_snapshot(
    tmp_path: Path, options: str, keep: Keep, store: FolderSnapshots
) -> None:
    mounted = tmp_path / "store"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(mounted)], capture_output=True)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail("tmpfs cannot be mounted here")
        pytest.skip("tmpfs cannot be mounted here")
    try:
        many = [
            f"{i.invoice},{i.customer},{i.invoice_date},{i.due_date},,{i.amount}" for i in made_invoices(900, days=700)
        ]
        with pytest.raises(RetryLater) as caught:
            keep(*many)
        assert caught.value.next_step
        assert not [path for path in mounted.iterdir() if path.name != "parts"]
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_the_profile_counts_outcomes_where_they_are_known_for_certain(keep: Keep, store: FolderSnapshots) -> None:
    profile = store.profile(keep(*ROWS, as_of=date(2024, 4, 21)).digest, very_late_after=30)
    assert profile["outcomes"] == {"on_time": 1, "late": 0, "very_late": 2, "not_mature": 0}
    assert profile["months"][0] == {"month": "2024-01", "on_time": 1, "late": 0, "very_late": 1, "not_mature": 0}  # type: ignore[index]
    assert (profile["open"], profile["overdue"]) == (1, 1)


def test_the_newest_row_is_the_latest_invoice_or_payment_and_not_the_date_of_the_copy(
    keep: Keep, store: FolderSnapshots
) -> None:
    assert store.newest(keep(*ROWS, as_of=date(2024, 12, 31)).digest) == date(2024, 4, 20)
    assert store.newest(keep(*ROWS[:2], as_of=date(2024, 12, 31)).digest) == date(2024, 2, 1)


def test_the_profile_holds_no_account_and_no_invoice_number(keep: Keep, store: FolderSnapshots) -> None:
    text = json.dumps(store.profile(keep(*ROWS).digest))
    assert "K1" not in text
    assert "A2" not in text


def test_very_late_from_zero_days_folds_the_two(keep: Keep, store: FolderSnapshots) -> None:
    profile = store.profile(keep(*ROWS, as_of=date(2024, 5, 1)).digest, very_late_after=0)
    assert profile["outcomes"] == {"on_time": 1, "late": 2, "very_late": 0, "not_mature": 0}


def test_a_customers_table_is_one_part(tmp_path: Path, store: FolderSnapshots) -> None:
    (tmp_path / "i.csv").write_bytes(render(made_invoices(30), Style()))
    (tmp_path / "c.csv").write_text("account,land\nK-200,DE\nK-201,AT\n")
    columns = {
        "invoice": "InvoiceId",
        "customer": "Customer No",
        "invoice_date": "Invoice Date",
        "due_date": "Due Date",
    }
    data = data_of("i.csv", {**columns, "legal_entity": {"constant": "x"}, "amount": "Invoice Amount"}).model_dump(
        by_alias=True, exclude_none=True
    )
    data["customers"] = {
        "source": {"kind": "csv", "path": "c.csv"},
        "mapping": {"customer": "account", "country": "land"},
    }
    from reconciler.domain.inputs import EnvironmentData

    with source_in(tmp_path).extract(EnvironmentData.model_validate(data), None, nothing) as extract:
        manifest = store.keep(replace(extract))
    assert [(part.name, part.file, part.rows) for part in manifest.tables["customers"].parts] == [
        ("all", "customers/all.parquet", 2)
    ]
