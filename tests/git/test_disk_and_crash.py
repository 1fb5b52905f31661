"""A disk that refuses, and a git that is killed where it moves a ref."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.git import GitHistory, GitLedger
from reconciler.adapters.git.lease import GitLease
from reconciler.domain.errors import RetryLater, VerificationFailed
from tests.git.conftest import Opener
from tests.support import killpoint
from tests.support.components import remount, tmpfs
from tests.support.ledgers import SetClock, deploy, deployed, holder
from tests.support.repositories import Repo, Workbench, environment

PROGRAM = """
import os, sys
from datetime import timedelta
from pathlib import Path
from reconciler.adapters.git import GitHistory, GitLedger, Repository
from reconciler.adapters.git.lease import GitLease
from tests.support.ledgers import SetClock, deploy, deployed, holder

with Repository.discover(Path(sys.argv[1])) as repository:
    GitHistory(repository).fetch()
    lease, ledger = GitLease(repository, holder(), SetClock()), GitLedger(repository)
    held = lease.acquire("production", timedelta(0))
    state = ledger.read("production")
    if not state.record.deployments:
        ledger.append(state, deploy(), deployed(state.record))
    lease.release(held)
"""


@pytest.mark.real
@pytest.mark.parametrize("refusal", ["full", "read-only", "no inodes"])
def test_a_disk_that_refuses_is_tried_later_and_nothing_moves(tmp_path: Path, opened: Opener, refusal: str) -> None:
    with tmpfs(tmp_path / "disk", "size=8m,nr_inodes=400") as disk:
        work = Workbench(disk).repository()
        repository = opened(work.path)
        ledger, lease = GitLedger(repository), GitLease(repository, holder(), SetClock())
        held = lease.acquire("production", timedelta(0))
        state = ledger.read("production")
        before = work.refs()
        fill(disk, refusal)
        with pytest.raises(RetryLater, match="could not write"):
            ledger.append(state, deploy(), deployed(state.record))
        assert work.refs() == before
        empty(disk, refusal)
        assert ledger.append(state, deploy(), deployed(state.record)).tip is not None
        lease.release(lease.renew(held))
        repository.close()


def fill(disk: Path, how: str) -> None:
    if how == "read-only":
        remount(disk, "ro")
    elif how == "full":
        with (disk / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
    else:
        for number in range(1000):
            try:
                (disk / f"filler-{number}").touch()
            except OSError:
                break


def empty(disk: Path, how: str) -> None:
    if how == "read-only":
        remount(disk, "rw")
    for path in disk.glob("filler*"):
        path.unlink()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return killpoint.build(tmp_path_factory.mktemp("killpoint"))


def alone(bench: Workbench) -> tuple[Repo, Repo]:
    work = bench.repository()
    return work, work


def with_a_remote(bench: Workbench) -> tuple[Repo, Repo]:
    bare = bench.bare(of=bench.repository())
    return bench.clone(bare, "clone", depth=1), bare


@pytest.mark.real
@pytest.mark.parametrize("house", [alone, with_a_remote], ids=["alone", "with a remote"])
def test_killed_at_any_move_of_a_ref_the_next_run_ends_as_if_nothing_had_happened(
    tmp_path: Path, library: Path, opened: Opener, house: Callable[[Workbench], tuple[Repo, Repo]]
) -> None:
    def run(name: str, at: int) -> tuple[killpoint.Killed, Repo, Repo]:
        folder = tmp_path / name
        if not folder.exists():
            folder.mkdir()
            work, truth = house(Workbench(folder))
        else:
            work, truth = Repo(next(iter(folder.glob("clone")), folder / "work")), Repo(folder / "origin.git")
            truth = truth if truth.path.exists() else work
        argv = [sys.executable, "-c", PROGRAM, str(work.path)]
        here = str(Path(__file__).parents[2])
        return killpoint.run(library, argv, at=at, env=environment() | {"PYTHONPATH": here}), work, truth

    whole, _, truth = run("whole", 0)
    assert whole.returncode == 0, whole.stderr
    expected = truth.refs()["refs/heads/ledger/production"]
    points = [number for number, line in enumerate(whole.log, 1) if " rename " in line and "/refs/" in line]
    assert len(points) >= 3
    for at in points:
        killed, _, _ = run(f"at-{at}", at)
        assert killed.killed
        again, work, truth = run(f"at-{at}", 0)
        assert again.returncode == 0, f"killed at {whole.log[at - 1]}: {again.stderr}"
        assert truth.refs()["refs/heads/ledger/production"] == expected
        assert work.lock_files() == truth.lock_files() == []
        with_lease = opened(work.path)
        GitHistory(with_lease).fetch()
        lease = GitLease(with_lease, holder(), SetClock()).read("production")
        assert lease is not None
        assert not lease.held


@pytest.mark.parametrize("content", ["", "not an id\n", "1" * 40 + "\n"], ids=["cut-off", "garbled", "object-gone"])
def test_a_lease_whose_ref_was_broken_by_a_crash_names_the_way_out(
    bench: Workbench, opened: Opener, content: str
) -> None:
    work = bench.repository("broken")
    lease = GitLease(opened(work.path), holder(), SetClock())
    lease.release(lease.acquire("production", timedelta(0)))
    (work.path / ".git/refs/reconciler/leases/production").write_text(content)
    for ask in (lambda: lease.read("production"), lambda: lease.acquire("production", timedelta(0))):
        with pytest.raises(VerificationFailed) as caught:
            ask()
        assert "reconciler lease break production --reason " in caught.value.next_step
    assert lease.break_("production", above=8) is not None
    assert lease.acquire("production", timedelta(0)).generation > 8
    assert work.lock_files() == []
