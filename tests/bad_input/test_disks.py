"""A disk that is full, read-only or without inodes, below each place that is written. Real tmpfs mounts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.support.bad_input import REFUSALS, contents, fill, mend, process, refused, state
from tests.support.company import Company
from tests.support.components import tmpfs
from tests.support.receivables_yaml import MODEL

pytestmark = pytest.mark.real
refusals = pytest.mark.parametrize("how", REFUSALS)
Mounted = Callable[[Path], Path]


@pytest.fixture
def mounted() -> Iterator[Mounted]:
    """Puts a small tmpfs where a folder is, with the folder's contents in it; every one is unmounted at the end."""
    disks = []

    def mount(place: Path) -> Path:
        aside = place.with_name(f"{place.name}-aside")
        place.mkdir(parents=True, exist_ok=True)
        place.rename(aside)
        disk = tmpfs(place, "size=4m,nr_inodes=1200,mode=755")
        disk.__enter__()
        disks.append(disk)
        shutil.copytree(aside, place, symlinks=True, dirs_exist_ok=True)
        return place

    yield mount
    for disk in reversed(disks):
        disk.__exit__(None, None, None)


@refusals
@pytest.mark.parametrize("part", ["store", "targets/sandbox", ".git"])
def test_apply_on_a_disk_that_refuses_fails_whole_and_ends_its_work_once_there_is_room(
    company: Company, mounted: Mounted, part: str, how: str
) -> None:
    company.add("1.0.0")
    company.apply()
    company.add("1.1.0")
    place = mounted(company.desk.path / part if part == ".git" else company.home / part)
    before = state(company)
    fill(place, how)
    refused(company.run("apply", "--yes", code=1), "writ", "again")
    if part == ".git":
        assert state(company) == before
    mend(place, how)
    assert company.serves("sandbox") == "1.0.0"
    company.apply()  # a disk that refused is none of the three attempts of a version
    assert company.serves("sandbox") == "1.1.0"
    company.settled()


@refusals
@pytest.mark.parametrize("part", [".reconciler/snapshots", ".git"])
def test_a_refresh_on_a_disk_that_refuses_records_nothing(
    company: Company, mounted: Mounted, part: str, how: str
) -> None:
    company.sales(date(2026, 3, 1), count=80)
    place = mounted(company.desk.path / part)
    before = company.refs()["refs/heads/ledger/sandbox"]
    fill(place, how)
    refused(company.run("data", "refresh", "sandbox", code=1), "run", "again")
    assert company.refs()["refs/heads/ledger/sandbox"] == before
    mend(place, how)
    company.run("data", "refresh", "sandbox")
    assert company.refs()["refs/heads/ledger/sandbox"] != before
    company.run("verify")


@refusals
def test_a_saved_plan_is_whole_or_not_there(company: Company, tmp_path: Path, how: str) -> None:
    company.add("1.0.0")
    with tmpfs(tmp_path / "disk", "size=64k,nr_inodes=8") as disk:
        (disk / "p.json").write_text("what was there")
        fill(disk, how)
        refused(company.run("plan", "--out", str(disk / "p.json"), code=1), "p.json cannot be written", "another place")
        mend(disk, how)
        assert contents(disk).keys() == {"p.json"}
        assert (disk / "p.json").read_text() == "what was there"
        company.run("plan", "--out", str(disk / "p.json"))
        company.apply(str(disk / "p.json"))


@pytest.mark.parametrize("how", ["full", "no inodes"])
def test_init_on_a_disk_that_refuses_leaves_nothing(company: Company, tmp_path: Path, how: str) -> None:
    with tmpfs(tmp_path / "disk", "size=512k,nr_inodes=60") as disk:
        fill(disk, how)
        done = process(disk, "init", "shop", "--from", str(company.folder / "data/invoices.csv"), "--yes")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr and "next:" in done.stderr
        mend(disk, how)
        assert list(disk.iterdir()) == []


def test_a_promotion_on_a_full_disk_makes_no_branch(company: Company, mounted: Mounted) -> None:
    company.add("1.0.0")
    company.apply()
    place = mounted(company.desk.path / ".git")
    before = company.refs()
    fill(place, "full")
    refused(company.run("promote", MODEL, "--to", "production", code=1), "git could not write", "run again")
    mend(place, "full")
    assert company.refs() == before
    company.promote()
    company.apply()
    assert company.serves() == "1.0.0"


def test_reading_works_on_a_repository_that_cannot_be_written(company: Company, mounted: Mounted) -> None:
    company.in_production("1.0.0")
    mounted(company.desk.path)
    shutil.rmtree(company.desk.path / ".git/reconciler", ignore_errors=True)
    fill(company.desk.path, "read-only")
    for command in ("plan", "status", "history", "drift", "verify", "validate"):
        company.run(command)
    assert company.apply() == []
