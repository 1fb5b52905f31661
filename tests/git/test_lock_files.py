"""Lock files that a killed git left behind: ours and dead ones go, all others stay."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.git import GitHistory, GitLedger, Refs
from reconciler.adapters.git.lease import GitLease
from reconciler.domain.errors import PlanAgain
from tests.git.conftest import Opener
from tests.support.ledgers import SetClock, deploy, deployed, holder
from tests.support.repositories import Repo, Workbench, environment

LEDGER, LEASE = "refs/heads/ledger/production", "refs/reconciler/leases/production"
NO_WAIT = timedelta(0)


def leave(git_dir: Path, name: str, age: float = 5) -> Path:
    """A lock file as a git killed `age` seconds ago leaves it."""
    lock = git_dir / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    then = time.time() - age
    os.utime(lock, (then, then))
    return lock


@contextmanager
def prepared(repo: Repo, ref: str) -> Iterator[subprocess.Popen[str]]:
    """A live git that holds the lock of a ref in a prepared transaction (and has closed the file)."""
    process = subprocess.Popen(
        ["git", "update-ref", "--stdin"],
        cwd=repo.path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"start\nupdate {ref} {repo.tip()}\nprepare\n")
    process.stdin.flush()
    assert [process.stdout.readline(), process.stdout.readline()] == ["start: ok\n", "prepare: ok\n"]
    with process:
        try:
            yield process
        finally:
            process.kill()


def append(opened: Opener, repo: Repo, sleeps: list[float]) -> str | None:
    repository = opened(repo.path)
    GitHistory(repository).fetch()
    ledger = GitLedger(repository, Refs(repository, sleep=sleeps.append))
    state = ledger.read("production")
    return ledger.append(state, deploy(), deployed(state.record)).tip


def test_the_lock_of_a_killed_git_does_not_stop_a_receipt(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    lock = leave(work.path / ".git", LEDGER)
    sleeps: list[float] = []
    assert append(opened, work, sleeps) == work.tip(LEDGER)
    assert not lock.exists()
    assert sleeps == []


def test_a_fresh_lock_is_watched_for_half_a_second_first(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    leave(work.path / ".git", LEDGER, age=0)
    sleeps: list[float] = []
    assert append(opened, work, sleeps) == work.tip(LEDGER)
    assert [0 < each <= 0.5 for each in sleeps] == [True]


def test_the_lock_of_the_lease_itself_does_not_stop_taking_it(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    lock = leave(work.path / ".git", LEASE)
    GitLease(opened(work.path), holder(), SetClock()).acquire("production", NO_WAIT)
    assert not lock.exists()


@pytest.mark.parametrize("name", [LEDGER, "refs/remotes/origin/ledger/x", "refs/reconciler/sources/x", "packed-refs"])
def test_taking_the_lease_clears_what_was_left_elsewhere(bench: Workbench, opened: Opener, name: str) -> None:
    work = bench.repository()
    lock = leave(work.path / ".git", name)
    GitLease(opened(work.path), holder(), SetClock()).acquire("production", NO_WAIT)
    assert not lock.exists()


@pytest.mark.parametrize("name", ["index", "HEAD", "config", "refs/heads/main", "refs/heads/topic", "refs/tags/v1"])
def test_locks_that_are_not_ours_stay(bench: Workbench, opened: Opener, name: str) -> None:
    work = bench.repository()
    lock = leave(work.path / ".git", name, age=100_000)
    assert Refs(opened(work.path)).clear_stale_locks() == ()
    assert lock.exists()


def test_a_lock_that_a_live_git_holds_stays_and_the_writer_plans_again(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    with prepared(work, LEDGER):
        lock = work.path / ".git" / f"{LEDGER}.lock"
        assert lock.exists()
        with pytest.raises(PlanAgain, match="another git process holds"):
            append(opened, work, [])
        assert lock.exists()


def test_a_git_that_works_in_another_repository_is_not_the_holder(bench: Workbench, opened: Opener) -> None:
    work, other = bench.repository("work"), bench.repository("other")
    with prepared(other, LEDGER):
        lock = leave(work.path / ".git", LEDGER, age=0)
        append(opened, work, [])
        assert not lock.exists()


def test_once_that_git_is_killed_the_lock_goes(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    with prepared(work, LEDGER) as process:
        process.kill()
        process.wait()
        assert (work.path / ".git" / f"{LEDGER}.lock").exists()
        assert append(opened, work, []) == work.tip(LEDGER)


def test_a_lock_that_some_other_program_has_open_stays(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    lock = leave(work.path / ".git", LEDGER)
    with subprocess.Popen(["sleep", "60"], stdin=lock.open("rb")) as process:
        try:
            with pytest.raises(PlanAgain):
                append(opened, work, [])
        finally:
            process.kill()
    assert append(opened, work, []) is not None


def test_a_lock_that_changes_while_it_is_watched_stays(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    lock = leave(work.path / ".git", LEDGER, age=0)
    repository = opened(work.path)
    refs = Refs(repository, sleep=lambda _: lock.write_text("somebody writes") and None)
    assert refs.clear_stale_locks() == ()
    assert lock.exists()


@pytest.mark.parametrize("name", [LEDGER, LEASE])
def test_locks_on_a_remote_that_is_a_folder_go_too(bench: Workbench, opened: Opener, name: str) -> None:
    bare = bench.bare(of=bench.repository())
    clone = bench.clone(bare, "clone", depth=1)
    lock = leave(bare.path, name)
    GitLease(opened(clone.path), holder(), SetClock()).acquire("production", NO_WAIT)
    assert append(opened, clone, []) == bare.tip(LEDGER)
    assert not lock.exists()


def test_a_lock_in_the_way_of_a_fetch_goes(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    bare = bench.bare(of=work)
    clone = bench.clone(bare, "clone", depth=1)
    work.commit({"a": "x"})
    work.push()
    locks = [leave(clone.path / ".git", name) for name in ("refs/remotes/origin/main", "shallow")]
    history = GitHistory(opened(clone.path))
    history.fetch()
    assert history.main_tip() == work.tip()
    assert [lock.exists() for lock in locks] == [False, False]
