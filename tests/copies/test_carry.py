"""An environment's copies go with it when its rules name another place for them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.support.company import Company


def moved(tmp_path: Path) -> Company:
    """A company whose one copy lies where the rules before said; newer books are there to be copied."""
    company = Company.found(tmp_path, "local")
    company.merge(company.rules("sandbox", snapshots=".reconciler/elsewhere"))
    company.sales(date(2026, 3, 5))
    return company


def refresh(company: Company) -> str:
    told = company.run("data", "refresh", "sandbox")
    return told.out + told.err


def test_a_refresh_carries_recorded_copies_over_to_the_new_place_and_says_so_once(tmp_path: Path) -> None:
    company = moved(tmp_path)
    told = refresh(company)
    assert "1 copy was carried over from .reconciler/snapshots to .reconciler/elsewhere" in told
    assert "it is gone" not in told
    company.run("verify")
    assert len(list((company.desk.path / ".reconciler/elsewhere").glob("*/snapshot.json.gz"))) == 2
    assert (company.desk.path / ".reconciler/snapshots").is_dir()
    assert "carried over" not in refresh(company)


def test_a_copy_that_cannot_be_carried_over_is_named_and_does_not_stop_the_refresh(tmp_path: Path) -> None:
    company = moved(tmp_path)
    before = company.desk.path / ".reconciler/snapshots"
    lost = next(path.parent.name[:12] for path in before.glob("*/snapshot.json.gz"))
    before.rename(company.desk.path / ".reconciler/mislaid")
    assert f"1 copy was recorded and not in .reconciler/elsewhere: {lost}" in refresh(company)
    assert lost in company.run("verify", code=5).out
    (company.desk.path / ".reconciler/mislaid").rename(before)
    assert "1 copy was carried over" in refresh(company)
    company.run("verify")


def test_a_copy_that_gc_removed_is_not_missed(tmp_path: Path) -> None:
    company = Company.found(tmp_path, "local")
    for day in (5, 6):
        company.sales(date(2026, 3, day))
        refresh(company)
    assert "Removed 1" in company.run("data", "gc", "--yes").out
    company.merge(company.rules("sandbox", snapshots=".reconciler/elsewhere"))
    assert "2 copies were carried over" in refresh(company)
