"""Ledgers and leases in memory, by compare-and-swap. Records go through their files, as in a ledger's tree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.domain.errors import PlanAgain
from reconciler.domain.record import RECEIPT, Receipt, Record
from reconciler.ports import Intent, LeaseState, LedgerState
from reconciler.testing.clock import FakeClock

EXPIRY = timedelta(minutes=10)


@dataclass(frozen=True)
class LedgerCommit:
    """One commit of a ledger: the receipt as JSON, and the record as files."""

    id: str
    receipt: bytes
    files: Mapping[str, bytes]


class FakeLedger:
    """`ports.Ledger`. `before_append` is called with each receipt before it is durable: raise there to fail."""

    def __init__(self) -> None:
        self.commits: dict[str, list[LedgerCommit]] = {}
        self.before_append: Callable[[Receipt], None] = lambda _receipt: None

    def read(self, environment: str) -> LedgerState:
        """The tip and the record in its tree."""
        commits = self.commits.get(environment)
        if not commits:
            return LedgerState(None, Record(environment=environment))
        return LedgerState(commits[-1].id, Record.from_files(environment, commits[-1].files))

    def append(self, state: LedgerState, receipt: Receipt, record: Record) -> LedgerState:
        """Add a commit on top of `state.tip`. Raises PlanAgain when the ledger has moved."""
        environment = record.environment
        commits = self.commits.get(environment, [])
        if (commits[-1].id if commits else None) != state.tip:
            raise PlanAgain(f"ledger/{environment} has moved", next_step="plan again")
        self.before_append(receipt)
        content = RECEIPT.dump_json(receipt)
        identity = hashlib.sha1((state.tip or "").encode() + content, usedforsecurity=False).hexdigest()
        commit = LedgerCommit(identity, content, record.files())
        self.commits[environment] = [*commits, commit]
        return LedgerState(identity, record)

    def receipts(self, environment: str, model: str | None = None) -> Iterator[tuple[str, Receipt]]:
        """(commit id, receipt), newest first; with `model`, those that changed its deployment's file."""
        commits = self.commits.get(environment, [])
        before = [None, *commits]
        path = f"deployments/{model}.json"
        for older, commit in reversed(list(zip(before, commits, strict=False))):
            if model is None or commit.files.get(path) != (older.files.get(path) if older else None):
                yield commit.id, RECEIPT.validate_json(commit.receipt)

    def contains(self, environment: str, commit: str) -> bool:
        """True where `commit` is in the ledger."""
        return any(found.id == commit for found in self.commits.get(environment, []))

    def trees(self, environment: str) -> Iterator[tuple[str, Receipt, Record]]:
        """(commit id, receipt, record), oldest first."""
        for commit in self.commits.get(environment, []):
            yield commit.id, RECEIPT.validate_json(commit.receipt), Record.from_files(environment, commit.files)

    # --- what goes wrong ------------------------------------------------------------------------------

    def lose(self, environment: str) -> list[LedgerCommit]:
        """The ledger is gone; returns what it was."""
        return self.commits.pop(environment, [])

    def rewind(self, environment: str, by: int = 1) -> None:
        """Somebody put an older ledger in its place."""
        self.commits[environment] = self.commits[environment][:-by]

    def count(self) -> int:
        """How many receipts all ledgers have."""
        return sum(len(commits) for commits in self.commits.values())


@dataclass
class Leases:
    """The refs of all leases, and which processes live: what several holders share."""

    clock: FakeClock
    states: dict[str, LeaseState] = field(default_factory=dict)
    dead: set[tuple[str, int]] = field(default_factory=set)
    taken: int = 0


class FakeLease:
    """`ports.Lease` for one holder. Waiting lets the fake clock go on."""

    def __init__(self, shared: Leases, *, holder: str = "somebody", host: str = "laptop", process: int = 1) -> None:
        self.shared = shared
        self.holder = holder
        self.host = host
        self.process = process

    def read(self, environment: str) -> LeaseState | None:
        """The lease as it is."""
        return self.shared.states.get(environment)

    def acquire(self, environment: str, wait: timedelta) -> LeaseState:
        """Take it, or take it over. Raises PlanAgain when somebody else holds it and `wait` has passed."""
        before = self.read(environment)
        if before is not None and not self._is_free(before):
            self.shared.clock.advance(min(wait, max(timedelta(0), before.expires - self._now())))
            if not self._is_free(before):
                raise PlanAgain(f"{before.holder} holds the lease of {environment}", next_step="wait for it")
        taken = LeaseState(
            environment=environment,
            holder=self.holder,
            host=self.host,
            boot_id="boot",
            process=self.process,
            process_start="0",
            run_url=None,
            expires=self._now() + EXPIRY,
            generation=(before.generation if before else 0) + 1,
            held=True,
            intent=before.intent if before else None,
        )
        self.shared.states[environment] = taken
        self.shared.taken += 1
        return taken

    def renew(self, lease: LeaseState, intent: Intent | None = None) -> LeaseState:
        """Extend it. Raises PlanAgain when it is not ours any more."""
        if self.read(lease.environment) != lease:
            raise PlanAgain(f"the lease of {lease.environment} is not ours any more", next_step="plan again")
        renewed = replace(lease, expires=self._now() + EXPIRY, intent=intent or lease.intent)
        self.shared.states[lease.environment] = renewed
        return renewed

    def release(self, lease: LeaseState) -> None:
        """Give it back; a lease that was lost, and the lease of a dead holder, are left as they are."""
        dead = (self.host, self.process) in self.shared.dead
        if not dead and self.read(lease.environment) == lease:
            self.shared.states[lease.environment] = replace(lease, held=False)

    def break_(self, environment: str) -> LeaseState | None:
        """End another's lease."""
        before = self.read(environment)
        if before is None or not before.held:
            return None
        self.shared.states[environment] = replace(before, held=False)
        return before

    # --- what goes wrong ------------------------------------------------------------------------------

    def die(self) -> None:
        """The process of this holder is killed: it releases nothing, and others on its host can tell."""
        self.shared.dead.add((self.host, self.process))

    def _is_free(self, lease: LeaseState) -> bool:
        dead = lease.host == self.host and (lease.host, lease.process) in self.shared.dead
        return not lease.held or lease.expires <= self._now() or dead

    def _now(self) -> datetime:
        return self.shared.clock.now()
