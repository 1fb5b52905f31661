"""Snapshots: named by their rows, written once, verified when they are read."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.errors import RetryLater, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.tools.described import compress
from tests.support.csv_files import PLAIN, Style, data_of, made_invoices, nothing, plain_csv, render, source_in
from tests.support.described import as_before, describe, described

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


COLUMNS = (
    "legal_entity:text", "invoice:text", "instalment:whole", "customer:text", "invoice_date:date", "due_date:date",
    "settled_date:date", "amount:number",
)  # fmt: skip


def written_down(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The digest of a part, by the letter of `canonical`, in plain Python."""
    whole = hashlib.sha256(("\t".join(columns) + "\n").encode())
    whole.update(struct.pack("<Q", len(rows)))
    for position, column in enumerate(columns):
        for run in _runs(column.partition(":")[2], [row[position] for row in rows]):
            whole.update(hashlib.sha256(run).digest())
    return "sha256:" + whole.hexdigest()


def _runs(kind: str, values: Sequence[Any]) -> Iterator[bytes]:
    match kind:
        case "text":
            yield b"".join(struct.pack("<I", 0xFFFFFFFF if v is None else len(v.encode())) for v in values)
            yield "".join(v or "" for v in values).encode()
        case "number":
            yield b"".join(struct.pack("<q", -(2**63) if v is None else int(Decimal(v) * 10_000)) for v in values)
        case "whole":
            yield b"".join(struct.pack("<i", -(2**31) if v is None else v) for v in values)
        case "date":
            days = [-(2**31) if v is None else (date.fromisoformat(v) - date(1970, 1, 1)).days for v in values]
            yield b"".join(struct.pack("<i", day) for day in days)
        case "flag":
            yield bytes(255 if v is None else int(v) for v in values)


def test_the_canonical_form_is_the_one_that_is_written_down(keep: Keep) -> None:
    manifest = keep(*ROWS)
    january = next(part for part in manifest.tables["invoices"].parts if part.name == "2024-01")
    rows = (
        ("main", "A1", 1, "K1", "2024-01-05", "2024-02-04", "2024-02-01", "10.5"),
        ("main", "A2", 1, "K1", "2024-01-06", "2024-02-05", None, "3"),
    )
    assert january.digest == written_down(COLUMNS, rows)
    assert january.rows == 2


def test_the_canonical_form_of_a_table_is_the_same_in_plain_python(tmp_path: Path, store: FolderSnapshots) -> None:
    random = Random(7)  # noqa: S311
    texts = ["K1", "K\\N\t1", "Łódź & Söhne", "顧客", "a'b", "-", "0"]
    rows = sorted(
        (
            "main", f"{random.choice(texts)}{number:05d}", random.randint(1, 3), random.choice(texts),
            f"2024-01-{random.randint(1, 31):02d}", f"2024-02-{random.randint(1, 28):02d}",
            random.choice([None, f"2024-03-{random.randint(1, 31):02d}"]),
            random.choice(["0.0001", "99999999999999.9999", "12", "7.25"]), random.choice([None, True, False]),
        )
        for number in range(5000)
    )  # fmt: skip
    rows.sort(key=lambda row: (row[1].encode(), row[2]))
    mapping = {**PLAIN, "instalment": "instalment", "disputed": "disputed"}
    lines = ["invoice,instalment,customer,invoice_date,due_date,settled_date,amount,disputed"]
    for _, invoice, instalment, customer, *dates, amount, disputed in random.sample(rows, len(rows)):
        cells = [invoice, instalment, customer, *dates, amount, disputed]
        lines.append(",".join("" if cell is None else f'"{cell}"' for cell in cells))
    (tmp_path / "i.csv").write_text("\n".join(lines))
    with source_in(tmp_path).extract(data_of("i.csv", mapping), None, nothing) as extract:
        (part,) = store.keep(extract).tables["invoices"].parts
    assert part.digest == written_down([*COLUMNS, "disputed:flag"], rows)


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
    assert SnapshotManifest.model_validate(described(folder)) == manifest
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
    manifest = described(folder)
    part = next(part for part in manifest["tables"]["invoices"]["parts"] if part["name"] == "2024-01")
    part["file_digest"] = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
    describe(folder, manifest)
    with pytest.raises(VerificationFailed, match="does not hold the rows of its digest"):
        store.folder(victim.digest)


@pytest.mark.parametrize(
    "change", [{"data_date": "2024-12-31"}, {"digest": "sha256:" + "0" * 64}, {"format_version": "x"}]
)
def test_an_edited_manifest_is_refused(keep: Keep, store: FolderSnapshots, change: dict[str, str]) -> None:
    digest = keep(*ROWS).digest
    folder = store.folder(digest)
    describe(folder, described(folder) | change)
    with pytest.raises(VerificationFailed, match="is not the one of this digest"):
        store.manifest(digest)


def test_a_snapshot_that_was_described_without_compression_is_read_compared_and_left_alone(
    keep: Keep, store: FolderSnapshots
) -> None:
    before = keep(*ROWS)
    folder = store.folder(before.digest)
    as_before(folder)
    assert store.folder(before.digest) == folder
    assert store.manifest(before.digest) == before
    assert store.profile(before.digest)
    assert keep(*ROWS) == before
    assert (folder / "snapshot.json").is_file()
    later = keep(*ROWS[:2])
    assert store.compare(later.digest, before.digest)
    store.remove([later.digest])
    assert store.folder(before.digest) == folder


@pytest.mark.parametrize("lie", [b"", b"{", compress(b"{}")[:-3], compress(b" " * (65 << 20))])
def test_a_description_that_is_torn_or_without_end_is_refused(keep: Keep, store: FolderSnapshots, lie: bytes) -> None:
    digest = keep(*ROWS).digest
    (store.folder(digest) / "snapshot.json.gz").write_bytes(lie)
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
