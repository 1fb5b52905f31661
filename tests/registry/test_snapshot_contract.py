"""What every store of snapshots does, whatever it is made of. Add a factory to run the suite on another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.ports import SnapshotStore
from tests.support.described import described
from tests.support.registry_bench import Bench, changed_terms, flip, keep, own_rows


@dataclass
class Rig:
    """A store, the same one as another machine finds it, and where its files are kept."""

    folder: Path
    store: SnapshotStore
    again: Callable[[], SnapshotStore]
    file: Callable[[SnapshotManifest, str], Path]

    rows: list[str] = field(default_factory=own_rows)

    def keep(self, rows: list[str] | None = None, *, store: SnapshotStore | None = None) -> SnapshotManifest:
        return keep(self.folder, store or self.store, self.rows if rows is None else rows)


def in_a_folder(request: pytest.FixtureRequest, folder: Path) -> Rig:
    store = FolderSnapshots(folder / "store")
    return Rig(folder, store, lambda: store, lambda found, name: store.store / found.digest[7:] / name)


def in_a_registry(request: pytest.FixtureRequest, folder: Path) -> Rig:
    bench: Bench = request.getfixturevalue("bench")

    def file(found: SnapshotManifest, name: str) -> Path:
        parts = {part.file: part.file_digest for table in found.tables.values() for part in table.parts}
        return bench.blob(parts[name])

    return Rig(folder, bench.machine(), bench.machine, file)


FACTORIES = [
    pytest.param(in_a_folder, id="folder"),
    pytest.param(in_a_registry, id="registry", marks=pytest.mark.real),
]


@pytest.fixture(params=FACTORIES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    made: Rig = request.param(request, tmp_path)
    return made


def test_what_was_kept_is_read_with_its_manifest_and_all_its_files(rig: Rig) -> None:
    kept = rig.keep()
    found = rig.again()
    folder = found.folder(kept.digest)
    assert found.manifest(kept.digest) == kept
    assert SnapshotManifest.model_validate(described(folder)) == kept
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
    assert files == [f"invoices/2024-0{month}.parquet" for month in range(1, 6)]


def test_the_same_rows_have_the_same_digest_in_every_store(rig: Rig, tmp_path: Path) -> None:
    assert rig.keep().digest == rig.keep(store=FolderSnapshots(tmp_path / "other")).digest


def test_keeping_twice_is_keeping_once(rig: Rig) -> None:
    assert rig.keep() == rig.keep()
    assert rig.keep(store=rig.again()) == rig.keep()


def test_what_stands_in_the_rows_is_told(rig: Rig) -> None:
    kept = rig.keep()
    found = rig.again()
    profile = found.profile(kept.digest)
    assert profile["digest"] == kept.digest
    assert profile["tables"]["invoices"]["rows"] == 5  # type: ignore[index]
    assert found.newest(kept.digest) == date(2024, 5, 5)


def test_two_snapshots_are_compared(rig: Rig) -> None:
    first, second = rig.keep(rig.rows[:4]), rig.keep(rig.rows)
    found = rig.again()
    for each in (first, second):
        found.folder(each.digest)
    compared = found.compare(second.digest, first.digest)
    assert compared["tables"]["invoices"]["added"] == 1  # type: ignore[index]


def test_changed_terms_are_found(rig: Rig) -> None:
    kept = rig.keep()
    later = [rig.rows[0].replace("2024-01-25", "2024-01-31"), *rig.rows[1:]]
    assert changed_terms(rig.folder, rig.again(), later, kept.digest) == (1, 2)
    assert changed_terms(rig.folder, rig.again(), rig.rows, kept.digest)[0] == 0


@pytest.mark.parametrize("ask", ["folder", "manifest", "check", "profile"])
def test_asking_for_what_is_not_there_fails_verification_and_names_the_digest(rig: Rig, ask: str) -> None:
    digest = "sha256:" + "a" * 64
    with pytest.raises(VerificationFailed, match=digest) as refused:
        getattr(rig.store, ask)(digest)
    assert "data refresh" in refused.value.next_step


def test_an_earlier_snapshot_that_is_gone_is_not_compared_with(rig: Rig) -> None:
    with pytest.raises(VerificationFailed):
        changed_terms(rig.folder, rig.store, rig.rows, "sha256:" + "a" * 64)


def test_a_digest_that_is_none_is_refused(rig: Rig) -> None:
    for digest in ("sha256:../../etc", "latest", "", "sha256:" + "A" * 64, "sha256:" + "a" * 63 + "\n"):
        with pytest.raises(VerificationFailed, match="is not a digest"):
            rig.store.folder(digest)


@pytest.mark.parametrize(
    ("ask", "damage"),
    [("folder", "altered"), ("folder", "cut short"), ("folder", "gone"), ("check", "altered"), ("profile", "gone")],
)
def test_a_file_that_is_altered_or_gone_fails_verification_and_names_digest_and_file(
    rig: Rig, ask: str, damage: str
) -> None:
    kept = rig.keep()
    path = rig.file(kept, "invoices/2024-03.parquet")
    match damage:
        case "altered":
            flip(path)
        case "cut short":
            path.write_bytes(path.read_bytes()[:-1])
        case "gone":
            path.unlink()
    with pytest.raises(VerificationFailed, match=kept.digest) as refused:
        getattr(rig.again(), ask)(kept.digest)
    assert "invoices/2024-03.parquet" in refused.value.message
    assert refused.value.next_step


def test_what_is_gone_is_put_back_by_keeping_the_same_rows(rig: Rig) -> None:
    kept = rig.keep()
    rig.file(kept, "invoices/2024-03.parquet").unlink()
    assert rig.keep().digest == kept.digest
    assert rig.again().folder(kept.digest).is_dir()


def test_a_removal_takes_what_no_other_has_and_says_before_how_much(rig: Rig) -> None:
    first, second = rig.keep(rig.rows[:4]), rig.keep(rig.rows)
    both = rig.store.sizes([first.digest, second.digest])
    alone = rig.again().sizes([second.digest])
    assert list(both) == [first.digest, second.digest]
    assert 0 < alone[second.digest] <= both[first.digest] + both[second.digest]
    rig.again().remove([first.digest])
    assert rig.again().folder(second.digest).is_dir()
    with pytest.raises(VerificationFailed):
        rig.again().folder(first.digest)
    assert rig.again().sizes([first.digest]) == {}
    rig.again().remove([first.digest])


def test_a_removal_from_a_store_where_nothing_was_kept_yet_is_none(rig: Rig) -> None:
    rig.store.remove(["sha256:" + "a" * 64])
    assert rig.store.sizes(["sha256:" + "a" * 64]) == {}


def test_what_was_removed_can_be_kept_again(rig: Rig) -> None:
    kept = rig.keep()
    rig.store.remove([kept.digest])
    assert rig.keep() == kept
    assert rig.again().folder(kept.digest).is_dir()


def test_a_store_that_is_there_can_be_reached(rig: Rig) -> None:
    rig.store.reach()
    rig.keep()
    rig.again().reach()


def test_what_another_store_has_is_taken_over_once_it_verifies(rig: Rig, tmp_path: Path) -> None:
    other = FolderSnapshots(tmp_path / "other")
    kept = rig.keep(store=other)
    assert rig.store.absent([kept.digest]) == [kept.digest]
    for _ in range(2):
        rig.store.receive(kept.digest, other.folder(kept.digest))
    assert rig.again().absent([kept.digest]) == []
    assert rig.again().manifest(kept.digest) == kept
    assert rig.again().folder(kept.digest).is_dir()
    more = rig.keep([*rig.rows, own_rows()[0]], store=other)
    flip(other.folder(more.digest) / "invoices/2024-05.parquet")
    with pytest.raises(VerificationFailed, match=more.digest):
        rig.store.receive(more.digest, other.store / more.digest[7:])
    assert rig.again().absent([more.digest]) == [more.digest]
