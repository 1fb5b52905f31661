"""The file that spares a plan the reading of a large ledger, and may be lost, torn or forged at any time."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git import GitLedger
from reconciler.ports import LedgerState
from tests.git.conftest import Opener
from tests.support.ledgers import deploy, deployed
from tests.support.repositories import Repo, Workbench


@pytest.fixture
def work(bench: Workbench) -> Repo:
    return bench.repository()


@pytest.fixture
def large(work: Repo, opened: Opener) -> LedgerState:
    """A ledger of a hundred deployments, read once."""
    ledger = GitLedger(opened(work.path))
    state = ledger.read("production")
    record = state.record
    for number in range(100):
        record = deployed(record, f"model-{number}")
    ledger.append(state, deploy(), record)
    return ledger.read("production")


def kept(work: Repo) -> Path:
    return work.path / ".git/reconciler/ledgers/production.json"


def test_a_large_ledger_is_read_from_its_file_and_is_the_same(work: Repo, large: LedgerState, opened: Opener) -> None:
    head, _, body = kept(work).read_text().partition("\n")
    # Marked, so that it shows where the answer came from.
    kept(work).write_text(f"{head}\n{body.replace('model-7', 'model-x')}")
    assert "model-x" in GitLedger(opened(work.path)).read("production").record.deployments
    kept(work).unlink()
    assert GitLedger(opened(work.path)).read("production") == large


def test_a_small_ledger_keeps_no_file(work: Repo, opened: Opener) -> None:
    ledger = GitLedger(opened(work.path))
    state = ledger.read("production")
    ledger.append(state, deploy(), deployed(state.record))
    ledger.read("production")
    assert not kept(work).exists()


def test_a_ledger_that_moved_on_is_not_read_from_the_file(work: Repo, large: LedgerState, opened: Opener) -> None:
    ledger = GitLedger(opened(work.path))
    after = ledger.append(large, deploy(letter="b"), deployed(large.record, "model-1", "b"))
    assert GitLedger(opened(work.path)).read("production") == after


@pytest.mark.parametrize("damage", ["", "torn", "folder"])
def test_a_damaged_file_costs_only_time(work: Repo, large: LedgerState, opened: Opener, damage: str) -> None:
    whole = kept(work).read_bytes()
    kept(work).write_bytes(whole[: len(whole) // 2] if damage == "torn" else b"")
    if damage == "folder":
        kept(work).unlink()
        kept(work).mkdir()
    assert GitLedger(opened(work.path)).read("production") == large


def test_verification_does_not_believe_the_file(work: Repo, large: LedgerState, opened: Opener) -> None:
    kept(work).write_bytes(kept(work).read_bytes().replace(b"model-7", b"model-x"))
    _, _, record = next(iter(GitLedger(opened(work.path)).trees("production")))
    assert record == large.record


@pytest.mark.parametrize("damage", ["none", "lost", "torn", "folder"])
def test_what_a_history_was_found_to_hold_is_remembered_of_that_history_alone(
    work: Repo, opened: Opener, damage: str
) -> None:
    ledger = GitLedger(opened(work.path))
    state = ledger.read("production")
    older = ledger.append(state, deploy(), deployed(state.record))
    newer = ledger.append(older, deploy(letter="b"), deployed(older.record, letter="b"))
    file = kept(work).with_name("contained")
    assert ledger.contains(newer.tip, [str(older.tip)] * 64)
    assert len(file.read_text().split()) == 1
    if damage != "none":
        file.unlink()
    if damage == "torn":
        file.write_bytes(b"\xff\x00")
    if damage == "folder":
        file.mkdir()
    again = GitLedger(opened(work.path))
    assert again.contains(newer.tip, [str(older.tip)] * 64)
    assert not again.contains(older.tip, [str(newer.tip)] * 64)
    assert not again.contains(newer.tip, [*[str(older.tip)] * 64, "f" * 40])
    assert not again.contains(None, [str(older.tip)] * 64)
