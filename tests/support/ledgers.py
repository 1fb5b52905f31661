"""Receipts and records for tests of ledgers, and the houses that the ledger and lease contracts run against.

A house gives two users of the same ledgers: two processes in one repository, or two clones of a bare remote. To run
the contracts against something else, add a function to LEDGER_HOUSES or LEASE_HOUSES.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.adapters.git import GitHistory, GitLedger, Refs, Repository
from reconciler.adapters.git.host import process_start
from reconciler.adapters.git.lease import GitLease, Holder
from reconciler.domain.receipts import DeployReceipt, Receipt, RefreshReceipt
from reconciler.domain.record import Deployment, Evidence, Record, Served, Snapshot
from reconciler.ports import Lease, LeaseState, Ledger
from reconciler.testing import FakeLease, FakeLedger, Identity, Leases
from tests.support.repositories import Repo, Workbench

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BY = "Ann <ann@example.com>"


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def deployed(record: Record, model: str = "payment-prediction", letter: str = "a", minute: int = 0) -> Record:
    """The record with this model deployed."""
    at = NOW + timedelta(minutes=minute)
    new = Deployment(
        model=model,
        version="1.0.0",
        digest=digest(letter),
        since=at,
        source_commit="1" * 40,
        pin_commit=None,
        evidence=Evidence(kind="none"),
        served=[Served(version="1.0.0", digest=digest(letter), first=at)],
    )
    return record.model_copy(update={"deployments": {**record.deployments, model: new}})


def deploy(
    environment: str = "production",
    model: str = "payment-prediction",
    letter: str = "a",
    minute: int = 0,
    by: str = BY,
    reason: str = "",
) -> Receipt:
    """A receipt of a deployment."""
    return DeployReceipt(
        environment=environment,
        source_commit="1" * 40,
        at=NOW + timedelta(minutes=minute),
        by=by,
        model=model,
        version="1.0.0",
        digest=digest(letter),
        reason=reason,
    )


def refresh(environment: str = "production", minute: int = 0) -> Receipt:
    """A receipt that touches no deployment."""
    snapshot = Snapshot(digest=digest("5"), data_date="2026-02-28", taken_at=NOW, rows={"invoices": 3}, copy_of="x")
    return RefreshReceipt(environment=environment, at=NOW + timedelta(minutes=minute), by=BY, snapshot=snapshot)


@dataclass
class SetClock:
    """A clock that stands until somebody moves it; its `sleep` moves it, and calls what was planned for then."""

    time: datetime = NOW
    slept: list[float] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()


@dataclass
class LedgerHouse:
    """Two users of the same ledgers. `refresh` brings to a user what the other wrote (a fetch, where it needs one)."""

    first: Ledger
    second: Ledger
    refresh: Callable[[], None]
    repositories: Mapping[str, Repo] = field(default_factory=dict)


@dataclass
class LeaseHouse:
    """Makes leases of the same ledgers for any holder."""

    lease: Callable[[Holder, SetClock], Lease]
    refresh: Callable[[], None]


def holder(who: str = "ann", *, run_url: str | None = None, **other: object) -> Holder:
    """A holder: this process, unless fields say otherwise."""
    me = Holder.present(who, os.getpid(), run_url)
    return Holder(**(me.__dict__ | other))  # type: ignore[arg-type]


@contextmanager
def _two(first: Repo, second: Repo) -> Iterator[tuple[Repository, Repository]]:
    with Repository.discover(first.path) as one, Repository.discover(second.path) as two:
        yield one, two


def _pair(bench: Workbench, *, remote: bool) -> tuple[Repo, Repo]:
    work = bench.repository("work")
    if not remote:
        return work, work
    bare = bench.bare("origin.git", work)
    return bench.clone(bare, "laptop"), bench.clone(bare, "runner", depth=1)


@contextmanager
def _git_ledgers(folder: Path, *, remote: bool) -> Iterator[LedgerHouse]:
    repos = _pair(Workbench(folder), remote=remote)
    with _two(*repos) as (one, two):

        def refresh_both() -> None:
            GitHistory(one).fetch()
            GitHistory(two).fetch()

        refresh_both()
        yield LedgerHouse(GitLedger(one), GitLedger(two), refresh_both, {"first": repos[0], "second": repos[1]})


@contextmanager
def _git_leases(folder: Path, *, remote: bool) -> Iterator[LeaseHouse]:
    repos = _pair(Workbench(folder), remote=remote)
    with _two(*repos) as pair:
        order = [0]

        def make(whose: Holder, clock: SetClock) -> Lease:
            order[0] += 1
            repository = pair[order[0] % 2]
            return GitLease(repository, whose, clock, refs=Refs(repository, sleep=clock.sleep), sleep=clock.sleep)

        yield LeaseHouse(make, lambda: [GitHistory(each).fetch() for each in pair] and None)


@contextmanager
def local_ledgers(folder: Path) -> Iterator[LedgerHouse]:
    with _git_ledgers(folder, remote=False) as house:
        yield house


@contextmanager
def remote_ledgers(folder: Path) -> Iterator[LedgerHouse]:
    with _git_ledgers(folder, remote=True) as house:
        yield house


@contextmanager
def local_leases(folder: Path) -> Iterator[LeaseHouse]:
    with _git_leases(folder, remote=False) as house:
        yield house


@contextmanager
def remote_leases(folder: Path) -> Iterator[LeaseHouse]:
    with _git_leases(folder, remote=True) as house:
        yield house


@contextmanager
def fake_ledgers(_folder: Path) -> Iterator[LedgerHouse]:
    ledger = FakeLedger()
    yield LedgerHouse(ledger, ledger, lambda: None)


@contextmanager
def fake_leases(_folder: Path) -> Iterator[LeaseHouse]:
    shared = Leases()

    def make(whose: Holder, clock: SetClock) -> Lease:
        identity = Identity(**whose.__dict__)
        return FakeLease(shared, clock, identity, sleep=clock.sleep, lives=_lives)

    yield LeaseHouse(make, lambda: None)


def _lives(lease: LeaseState) -> bool:
    return process_start(lease.process) == lease.process_start


LEDGER_HOUSES = [local_ledgers, remote_ledgers, fake_ledgers]
LEASE_HOUSES = [local_leases, remote_leases, fake_leases]
