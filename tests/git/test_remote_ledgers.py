"""Ledgers whose truth is on a remote: what a clone may say before it has fetched, and what a push leaves."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta

import pytest

from reconciler.adapters.git import GitHistory, GitLedger
from reconciler.adapters.git.lease import GitLease
from reconciler.domain.errors import NeedsPerson, PlanAgain, RetryLater, VerificationFailed
from tests.git.conftest import Opener
from tests.support.ledgers import NOW, SetClock, deploy, deployed, holder
from tests.support.repositories import Repo, Workbench

LINE = "git fetch origin '+refs/heads/ledger/*:refs/remotes/origin/ledger/*'"


@pytest.fixture
def bare(bench: Workbench) -> Repo:
    return bench.bare(of=bench.repository())


def write(opened: Opener, repo: Repo, letter: str = "a") -> str:
    """Append one receipt to the ledger of production through this repository."""
    repository = opened(repo.path)
    GitHistory(repository).fetch()
    ledger = GitLedger(repository)
    state = ledger.read("production")
    return str(ledger.append(state, deploy(letter=letter), deployed(state.record, letter=letter)).tip)


def test_a_clone_of_main_alone_never_says_that_there_is_no_ledger(bare: Repo, bench: Workbench, opened: Opener) -> None:
    write(opened, bench.clone(bare, "laptop"))
    runner = bench.clone(bare, "runner", depth=1)
    ledger = GitLedger(opened(runner.path))
    questions = [
        lambda: ledger.read("production"),
        lambda: list(ledger.receipts("production")),
        lambda: list(ledger.lines("production")),
        lambda: ledger.read_all(["production"]),
        lambda: list(ledger.trees("production")),
    ]
    for ask in questions:
        with pytest.raises(NeedsPerson, match="never fetched") as caught:
            ask()
        assert caught.value.next_step == LINE


def test_the_line_to_type_brings_the_ledger(bare: Repo, bench: Workbench, opened: Opener) -> None:
    written = write(opened, bench.clone(bare, "laptop"))
    runner = bench.clone(bare, "runner", depth=1)
    runner.git(*shlex.split(LINE)[1:])
    assert GitLedger(opened(runner.path)).read("production").tip == written


def test_the_line_to_type_where_the_remote_has_none_yet_is_believed(
    bare: Repo, bench: Workbench, opened: Opener
) -> None:
    runner = bench.clone(bare, "runner", depth=1)
    ledger = GitLedger(opened(runner.path))
    with pytest.raises(NeedsPerson):
        ledger.read("production")
    runner.git(*shlex.split(LINE)[1:])
    assert ledger.read("production").tip is None


def test_after_a_fetch_no_ledger_means_that_there_is_none(bare: Repo, bench: Workbench, opened: Opener) -> None:
    repository = opened(bench.clone(bare, "runner", depth=1).path)
    GitHistory(repository).fetch()
    assert GitLedger(repository).read("production").tip is None


def test_a_fetch_from_another_address_does_not_count(bare: Repo, bench: Workbench, opened: Opener) -> None:
    runner = bench.clone(bare, "runner", depth=1)
    GitHistory(opened(runner.path)).fetch()
    runner.git("remote", "set-url", "origin", bench.bare("elsewhere.git").url)
    with pytest.raises(NeedsPerson, match="never fetched"):
        GitLedger(opened(runner.path)).read("production")


def test_a_clone_of_all_branches_knows_that_there_is_none(bare: Repo, bench: Workbench, opened: Opener) -> None:
    assert GitLedger(opened(bench.clone(bare, "whole").path)).read("production").tip is None


def test_a_remote_that_was_only_pushed_to_is_not_known(bare: Repo, opened: Opener, bench: Workbench) -> None:
    pusher = bench.repository("pusher")
    pusher.git("remote", "add", "origin", bare.url)
    pusher.git("push", "-q", "--force", "origin", "main")
    with pytest.raises(NeedsPerson, match="never fetched"):
        GitLedger(opened(pusher.path)).read("production")


def test_a_ledger_from_before_there_was_a_remote_must_be_pushed_first(bench: Workbench, opened: Opener) -> None:
    work = bench.repository("alone")
    alone = GitLedger(opened(work.path))
    written = alone.append(alone.read("production"), deploy(), deployed(alone.read("production").record))
    bench.bare("origin.git", work)
    repository = opened(work.path)
    GitHistory(repository).fetch()
    with pytest.raises(NeedsPerson, match="not on origin") as caught:
        GitLedger(repository).read("production")
    for command in re.split(", then ", caught.value.next_step):
        work.git(*command.split()[1:])
    assert GitLedger(repository).read("production").tip == written.tip


def test_a_lease_from_before_there_was_a_remote_hands_its_generation_on(bench: Workbench, opened: Opener) -> None:
    work = bench.repository("alone")
    alone = GitLease(opened(work.path), holder(), SetClock())
    alone.release(alone.acquire("production", timedelta(0)))
    bench.bare("origin.git", work)
    assert GitLease(opened(work.path), holder(), SetClock()).acquire("production", timedelta(0)).generation == 2


def test_the_local_branch_of_a_ledger_is_not_used(bare: Repo, bench: Workbench, opened: Opener) -> None:
    laptop = bench.clone(bare, "laptop")
    written = write(opened, laptop)
    assert bare.refs()["refs/heads/ledger/production"] == written
    assert "refs/heads/ledger/production" not in laptop.refs()
    laptop.git("branch", "ledger/production", "main")
    assert GitLedger(opened(laptop.path)).read("production").tip == written


def test_the_loser_of_a_race_leaves_no_ref(bare: Repo, bench: Workbench, opened: Opener) -> None:
    laptop, runner = bench.clone(bare, "laptop"), bench.clone(bare, "runner", depth=1)
    repository = opened(runner.path)
    GitHistory(repository).fetch()
    ledger = GitLedger(repository)
    seen = ledger.read("production")
    won = write(opened, laptop)
    before = runner.refs()
    with pytest.raises(PlanAgain):
        ledger.append(seen, deploy(letter="b"), deployed(seen.record, letter="b"))
    assert runner.refs() == before
    assert bare.refs()["refs/heads/ledger/production"] == won


def test_a_remote_that_refuses_ledgers_is_quoted(bare: Repo, bench: Workbench, opened: Opener) -> None:
    hook = bare.path / "hooks/update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(NeedsPerson, match="the remote refused refs/heads/ledger/production: hook declined"):
        write(opened, bench.clone(bare, "laptop"))


def test_a_push_that_arrived_and_then_broke_off_counts(bare: Repo, bench: Workbench, opened: Opener) -> None:
    hook = bare.path / "hooks/post-receive"
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    written = write(opened, bench.clone(bare, "laptop"))
    assert bare.refs()["refs/heads/ledger/production"] == written


def test_a_remote_that_denies_rewriting_takes_ledgers_and_leases(bare: Repo, bench: Workbench, opened: Opener) -> None:
    bare.git("config", "receive.denyNonFastForwards", "true")
    bare.git("config", "receive.denyDeletes", "true")
    bare.git("config", "receive.fsckObjects", "true")
    laptop = bench.clone(bare, "laptop", depth=1)
    write(opened, laptop, "a")
    write(opened, laptop, "b")
    lease = GitLease(opened(laptop.path), holder(), SetClock(NOW))
    lease.release(lease.renew(lease.acquire("production", timedelta(0))))


def test_a_remote_that_went_away_is_tried_later(bare: Repo, bench: Workbench, opened: Opener) -> None:
    laptop = bench.clone(bare, "laptop")
    repository = opened(laptop.path)
    ledger = GitLedger(repository)
    state = ledger.read("production")
    bare.path.rename(bench.folder / "moved.git")
    with pytest.raises(RetryLater, match="cannot be reached"):
        ledger.append(state, deploy(), deployed(state.record))
    with pytest.raises(RetryLater, match="cannot be reached"):
        GitHistory(repository).fetch()


def test_a_ledger_read_from_a_cut_history_asks_for_the_rest(bare: Repo, bench: Workbench, opened: Opener) -> None:
    laptop = bench.clone(bare, "laptop")
    for letter in "abc":
        write(opened, laptop, letter)
    bench.folder.joinpath("cut").mkdir()
    cut = Repo(bench.folder / "cut")
    cut.git("clone", "-q", "--depth", "2", "--no-single-branch", bare.url, ".")
    ledger = GitLedger(opened(cut.path))
    assert ledger.read("production").tip == bare.refs()["refs/heads/ledger/production"]
    for found in (ledger.receipts("production"), ledger.lines("production")):
        next(found)
        with pytest.raises(NeedsPerson) as caught:
            next(found)
        assert caught.value.next_step == "git fetch --unshallow origin"


def test_a_lease_that_was_lost_goes_on_above_a_holder_that_nobody_knows_of(
    bare: Repo, bench: Workbench, opened: Opener
) -> None:
    # Six took it and left no receipt that says so; the sixth sleeps before it writes to its target.
    recorded, asleep = 8, 14
    bare.git("update-ref", "-d", "refs/reconciler/leases/production")
    lease = GitLease(opened(bench.clone(bare, "runner").path), holder(), SetClock())
    assert lease.acquire("production", timedelta(0), above=recorded).generation > asleep


def test_a_damaged_lease_names_the_way_out_and_ends_above_what_is_known(
    bare: Repo, bench: Workbench, opened: Opener
) -> None:
    bare.git("update-ref", "refs/reconciler/leases/production", bare.tip("main"))
    lease = GitLease(opened(bench.clone(bare, "runner").path), holder(), SetClock())
    with pytest.raises(VerificationFailed) as caught:
        lease.acquire("production", timedelta(0), above=8)
    assert "reconciler lease break production --reason " in caught.value.next_step
    broken = lease.break_("production", above=8)
    assert broken is not None
    assert lease.acquire("production", timedelta(0), above=8).generation > broken.generation > 8
