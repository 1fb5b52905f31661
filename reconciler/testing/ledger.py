"""Ledgers and leases in memory, by compare-and-swap. Records go through their files, as in a ledger's tree."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from reconciler.domain.errors import PlanAgain
from reconciler.domain.line import Line
from reconciler.domain.receipts import RECEIPT, Receipt
from reconciler.domain.record import Record
from reconciler.domain.summary import line_of
from reconciler.ports import Clock, Intent, LeaseState, LedgerState
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
        self._lock = threading.Lock()
        self.before_append: Callable[[Receipt], None] = lambda _receipt: None

    def read(self, environment: str) -> LedgerState:
        """The tip and the record in its tree."""
        commits = self.commits.get(environment)
        if not commits:
            return LedgerState(None, Record(environment=environment))
        return LedgerState(commits[-1].id, Record.from_files(environment, commits[-1].files))

    def read_all(self, environments: Iterable[str]) -> Mapping[str, LedgerState]:
        """`read` of many."""
        return {name: self.read(name) for name in environments}

    def append(self, state: LedgerState, receipt: Receipt, record: Record) -> LedgerState:
        """Add a commit on top of `state.tip`. Raises PlanAgain when the ledger has moved."""
        environment = record.environment
        self.before_append(receipt)
        content = RECEIPT.dump_json(receipt)
        identity = hashlib.sha1((state.tip or "").encode() + content, usedforsecurity=False).hexdigest()
        with self._lock:
            commits = self.commits.get(environment, [])
            if (commits[-1].id if commits else None) != state.tip:
                raise PlanAgain(f"ledger/{environment} has moved", next_step="plan again")
            self.commits[environment] = [*commits, LedgerCommit(identity, content, record.files())]
        return LedgerState(identity, record)

    def receipts(self, environment: str, model: str | None = None) -> Iterator[tuple[str, Receipt]]:
        """(commit id, receipt), newest first; with `model`, those that changed its deployment's file."""
        commits = self.commits.get(environment, [])
        before = [None, *commits]
        path = f"deployments/{model}.json"
        for older, commit in reversed(list(zip(before, commits, strict=False))):
            if model is None or commit.files.get(path) != (older.files.get(path) if older else None):
                yield commit.id, RECEIPT.validate_json(commit.receipt)

    def lines(self, environment: str, model: str | None = None) -> Iterator[Line]:
        """The line of each of `receipts`."""
        return (line_of(*found) for found in self.receipts(environment, model))

    def contains(self, tip: str | None, commits: Sequence[str]) -> bool:
        """True where all of them are in the history of a ledger that ends at `tip`."""
        for ledger in self.commits.values():
            ids = [found.id for found in ledger]
            if tip in ids:
                return set(ids[: ids.index(tip) + 1]).issuperset(commits)
        return not commits

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
    """The refs of all leases, and which processes are dead: what several holders share."""

    states: dict[str, LeaseState] = field(default_factory=dict)
    dead: set[tuple[str, int]] = field(default_factory=set)
    taken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lives(self, lease: LeaseState) -> bool:
        """Whether the process of a holder lives, as others on its host can tell."""
        return (lease.host, lease.process) not in self.dead


@dataclass(frozen=True)
class Identity:
    """Who takes leases: a person or CI run, and the process that would have to be dead for a takeover."""

    who: str = "somebody"
    host: str = "laptop"
    boot_id: str = "boot"
    process: int = 1
    process_start: str = "0"
    run_url: str | None = None


class FakeLease:
    """`ports.Lease` for one holder. Waiting calls `sleep`, which by default lets a fake clock go on."""

    def __init__(
        self,
        shared: Leases,
        clock: Clock,
        identity: Identity,
        *,
        sleep: Callable[[float], None] | None = None,
        lives: Callable[[LeaseState], bool] | None = None,
    ) -> None:
        self.shared = shared
        self.identity = identity
        self._clock = clock
        self._sleep = sleep or self._let_time_pass
        self._lives = lives or shared.lives

    def read(self, environment: str) -> LeaseState | None:
        """The lease as it is."""
        return self.shared.states.get(environment)

    def acquire(self, environment: str, wait: timedelta, *, above: int = 0) -> LeaseState:
        """Take it, or take it over. Raises PlanAgain when somebody else holds it and `wait` has passed."""
        deadline = self._clock.now() + wait
        while True:
            with self.shared.lock:
                before = self.read(environment)
                if before is None or self._is_free(before):
                    return self._take(environment, before, above)
            left = (deadline - self._clock.now()).total_seconds()
            if left <= 0:
                raise PlanAgain(
                    f"{before.holder} on {before.host} holds the lease of {environment}",
                    next_step="wait for it; reconciler lease break --reason ends it",
                )
            self._sleep(min(2.0, left))

    def ended(self, lease: LeaseState) -> bool:
        """Whether its process has ended, as far as this host can tell."""
        here = lease.host == self.identity.host
        return here and (lease.boot_id != self.identity.boot_id or not self._lives(lease))

    def renew(self, lease: LeaseState, intent: Intent | None = None) -> LeaseState:
        """Extend it. Raises PlanAgain when it is not ours any more."""
        with self.shared.lock:
            if self.read(lease.environment) != lease:
                raise PlanAgain(f"the lease of {lease.environment} is not ours any more", next_step="plan again")
            renewed = replace(lease, expires=self._clock.now() + EXPIRY, intent=intent or lease.intent)
            self.shared.states[lease.environment] = renewed
            return renewed

    def release(self, lease: LeaseState) -> None:
        """Give it back; a lease that was lost, and the lease of a dead holder, are left as they are."""
        with self.shared.lock:
            if self.shared.lives(lease) and self.read(lease.environment) == lease:
                self.shared.states[lease.environment] = replace(lease, held=False)

    def break_(self, environment: str, *, above: int = 0) -> LeaseState | None:  # noqa: ARG002  none is damaged here
        """End another's lease."""
        with self.shared.lock:
            before = self.read(environment)
            if before is None or not before.held:
                return None
            self.shared.states[environment] = replace(before, held=False)
            return before

    # --- what goes wrong ------------------------------------------------------------------------------

    def die(self) -> None:
        """The process of this holder is killed: it releases nothing, and others on its host can tell."""
        self.shared.dead.add((self.identity.host, self.identity.process))

    # --- inside ----------------------------------------------------------------------------------------

    def _take(self, environment: str, before: LeaseState | None, above: int) -> LeaseState:
        me = self.identity
        taken = LeaseState(
            environment=environment,
            holder=me.who,
            host=me.host,
            boot_id=me.boot_id,
            process=me.process,
            process_start=me.process_start,
            run_url=me.run_url,
            expires=self._clock.now() + EXPIRY,
            generation=max(before.generation if before else 0, above) + 1,
            held=True,
            intent=before.intent if before else None,
        )
        self.shared.states[environment] = taken
        self.shared.taken += 1
        return taken

    def _is_free(self, lease: LeaseState) -> bool:
        me = self.identity
        if not lease.held or lease.expires <= self._clock.now():
            return True
        if lease.host == me.host:
            return self.ended(lease)
        return lease.run_url is not None and lease.run_url == me.run_url

    def _let_time_pass(self, seconds: float) -> None:
        if not isinstance(self._clock, FakeClock):
            raise TypeError("a FakeLease on another clock needs a sleep")
        self._clock.advance(timedelta(seconds=seconds))
