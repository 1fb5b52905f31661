"""`data gc`: what has to stay stays, what goes is listed, recorded and gone whole, and a kill leaves no half."""

from __future__ import annotations

import os
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.core.fold import replay
from reconciler.domain.errors import PlanAgain, VerificationFailed
from reconciler.domain.receipts import SweepReceipt
from reconciler.usecases.sweep import Swept, sweep
from tests.support import killpoint
from tests.support.company import Company
from tests.support.csv_files import PLAIN, data_of, nothing, plain_csv, source_in
from tests.support.worlds import Shop


def days(shop: Shop, *numbers: int) -> list[str]:
    """Copies of these days of March; their digests."""
    for number in numbers:
        shop.refresh(day=date(2026, 3, number))
    return [snapshot.digest for snapshot in shop.record("sandbox").snapshots]


def would_go(shop: Shop) -> list[str]:
    return [each.snapshot.digest for each in sweep(shop.house, confirm=None).going]


def swept(shop: Shop) -> Swept:
    return sweep(shop.house, confirm=lambda _found: True)


# --- what stays ------------------------------------------------------------------------------------------------


def test_the_newest_copy_and_the_one_before_stay() -> None:
    shop = Shop(refreshed=False)
    digests = days(shop, 1, 2, 3, 4)
    assert would_go(shop) == digests[:2]


def test_what_a_pinned_version_was_trained_on_stays_and_is_said() -> None:
    shop = Shop().in_production("1.0.0")
    digests = days(shop, 2, 3, 4)
    found = sweep(shop.house, confirm=None)
    assert [each.snapshot.digest for each in found.going] == [digests[1]]
    assert found.kept[digests[0]] == "payment 1.0.0 was trained on it, and is pinned"


def test_what_served_inside_the_rollback_window_stays_and_goes_after_it() -> None:
    shop = Shop().in_production("1.0.0")
    days(shop, 2)
    shop.in_production("1.1.0")
    digests = days(shop, 3, 4)
    assert digests[0] not in would_go(shop)
    shop.wait(days=401)
    assert would_go(shop) == [digests[0]]


def test_what_the_sandbox_alone_has_left_stays_inside_the_window() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.add("1.1.0")
    days(shop, 2)
    shop.pin("sandbox", "1.1.0")
    shop.apply()
    digests = days(shop, 3, 4)
    assert "and served in sandbox until" in sweep(shop.house, confirm=None).kept[digests[0]]


def test_what_a_recipe_on_main_names_stays() -> None:
    shop = Shop(refreshed=False)
    digests = days(shop, 1, 2, 3, 4)
    shop.add("1.0.0", data={"snapshot": digests[0]})
    found = sweep(shop.house, confirm=None)
    assert [each.snapshot.digest for each in found.going] == [digests[1]]
    assert found.kept[digests[0]] == "the recipe of payment 1.0.0 names it"


def test_nothing_goes_while_another_run_holds_the_lease() -> None:
    shop = Shop(refreshed=False)
    days(shop, 1, 2, 3)
    shop.fakes.lease(holder="an apply", host="elsewhere").acquire("sandbox", timedelta(0))
    with pytest.raises(PlanAgain):
        swept(shop)
    assert len(shop.fakes.snapshots[".reconciler/snapshots"].kept) == 3


def test_who_says_no_keeps_everything() -> None:
    shop = Shop(refreshed=False)
    days(shop, 1, 2, 3)
    before = shop.receipts("sandbox")
    assert not sweep(shop.house, confirm=lambda _found: False).done
    assert shop.receipts("sandbox") == before


# --- what is recorded ------------------------------------------------------------------------------------------


def test_a_receipt_names_what_went_and_the_record_still_knows_what_it_was() -> None:
    shop = Shop(refreshed=False)
    digests = days(shop, 1, 2, 3)
    assert swept(shop).done
    receipt = shop.receipts("sandbox")[-1]
    assert isinstance(receipt, SweepReceipt) and receipt.removed == digests[:1]
    gone = shop.record("sandbox").snapshots[0]
    assert (gone.digest, gone.removed_at) == (digests[0], receipt.at)
    assert replay("sandbox", shop.receipts("sandbox")) == shop.record("sandbox")
    assert not swept(shop).going


def test_a_removed_copy_is_not_trained_on() -> None:
    shop = Shop(refreshed=False)
    digests = days(shop, 1, 2, 3)
    swept(shop)
    shop.add("1.0.0", data={"snapshot": digests[0]})
    shop.pin("sandbox", "1.0.0")
    assert [held.reason for held in shop.plan().held] == ["no-snapshot"]


def test_the_same_rows_again_are_a_copy_again() -> None:
    shop = Shop(refreshed=False)
    digests = days(shop, 1, 2, 3)
    swept(shop)
    days(shop, 1)
    assert shop.record("sandbox").snapshots[-1].digest == digests[0]
    assert shop.record("sandbox").snapshots[-1].removed_at is None


def test_files_that_a_killed_run_left_are_removed_without_another_receipt() -> None:
    shop = Shop(refreshed=False)
    digests = days(shop, 1, 2, 3)
    store = shop.fakes.snapshots[".reconciler/snapshots"]
    left = store.kept[digests[0]]
    swept(shop)
    store.kept[digests[0]] = left
    receipts = len(shop.receipts("sandbox"))
    assert would_go(shop) == digests[:1]
    swept(shop)
    assert (len(shop.receipts("sandbox")), digests[0] in store.kept) == (receipts, False)


# --- as typed --------------------------------------------------------------------------------------------------


def test_it_lists_first_asks_and_wants_yes_where_there_is_nobody(tmp_path: Path) -> None:
    company = Company.found(tmp_path, "local")
    for day in (10, 20, 28):
        company.run("data", "refresh", "sandbox", "--as-of", f"2026-02-{day}")
    store = company.home / "snapshots"
    before = sorted(path.name for path in store.iterdir())
    looked = company.run("data", "gc", "--dry-run").out
    assert "To remove in sandbox" in looked and "no model was trained on it, and a newer copy is there" in looked
    assert "Say --yes" in company.run("data", "gc", code=64).err
    assert sorted(path.name for path in store.iterdir()) == before
    going = company.run("data", "gc", "--dry-run", "-o", "json").json["going"]
    assert "Removed" in company.run("data", "gc", "--yes").out
    assert len(list(store.iterdir())) == len(before) - len(going)
    company.run("verify")
    gone = going[0]["digest"][7:19]
    assert f"the files of snapshot {gone} were removed on" in company.run("data", "show", gone, code=3).err
    assert "snapshots removed" in company.run("history", "-e", "sandbox").out
    assert company.run("data", "gc", "--yes").out.startswith("Nothing to remove")


# --- the store -------------------------------------------------------------------------------------------------

ROWS = [f"F{number},K{number % 3},2024-{month:02}-05,2024-{month:02}-25,,{number}.5" for number, month in
        enumerate((1, 2, 3, 4, 5), 1)]  # fmt: skip


def kept(folder: Path, store: FolderSnapshots, rows: list[str]) -> str:
    (folder / "i.csv").write_text(plain_csv(*rows))
    with source_in(folder).extract(data_of("i.csv", PLAIN), date(2024, 6, 30), nothing) as extract:
        return store.keep(extract).digest


@pytest.fixture
def three(tmp_path: Path) -> tuple[FolderSnapshots, list[str]]:
    """Three snapshots that share months."""
    store = FolderSnapshots(tmp_path / "store")
    return store, [kept(tmp_path, store, ROWS[:3]), kept(tmp_path, store, ROWS[:4]), kept(tmp_path, store, ROWS)]


def pool(store: FolderSnapshots) -> set[str]:
    return {path.stem for path in (store.store / "parts").glob("*.parquet")}


def named(store: FolderSnapshots, *digests: str) -> set[str]:
    parts = [part for digest in digests for table in store.manifest(digest).tables.values() for part in table.parts]
    return {part.digest.removeprefix("sha256:") for part in parts}


def test_parts_that_another_snapshot_has_stay_and_the_others_go(three: tuple[FolderSnapshots, list[str]]) -> None:
    store, digests = three
    wanted = named(store, digests[0])
    assert pool(store) == named(store, *digests)
    freed = store.sizes(digests[1:])
    assert freed[digests[1]] > 0 and freed[digests[2]] > 0
    store.remove(digests[1:])
    assert pool(store) == wanted
    assert store.folder(digests[0])
    for digest in digests[1:]:
        with pytest.raises(VerificationFailed):
            store.folder(digest)
    store.remove(digests[1:])


def test_a_pool_is_left_alone_where_a_snapshot_that_stays_cannot_be_read(
    three: tuple[FolderSnapshots, list[str]],
) -> None:
    store, digests = three
    before = pool(store)
    (store.store / digests[0][7:] / "snapshot.json.gz").write_text("{")
    store.remove(digests[1:])
    assert pool(store) == before


def test_a_removal_killed_anywhere_leaves_whole_snapshots_and_is_completed_by_the_next(
    tmp_path: Path, three: tuple[FolderSnapshots, list[str]]
) -> None:
    store, digests = three
    library = killpoint.build(tmp_path)
    program = (
        "import sys; from pathlib import Path; from reconciler.adapters.snapshots import FolderSnapshots; "
        "FolderSnapshots(Path(sys.argv[1])).remove(sys.argv[2:])"
    )
    argv = [sys.executable, "-c", program, str(store.store), *digests[:2]]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    points = 0
    for at in range(1, 40):
        kept(tmp_path, store, ROWS[:3]), kept(tmp_path, store, ROWS[:4])
        cut = killpoint.run(library, argv, at=at, cwd=tmp_path, env=environment)
        for digest in digests:
            if (store.store / digest[7:]).exists():
                assert store.folder(digest)
        assert store.folder(digests[2])
        points += cut.killed
        store.remove(digests[:2])
        assert pool(store) == named(store, digests[2])
        assert not list(store.store.rglob(".tmp-*"))
        if not cut.killed:
            break
    assert points >= 3
