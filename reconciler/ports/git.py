"""Ports of git: manifests and history, proposals, the ledger, and the lease of its one writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reconciler.domain.line import Line
    from reconciler.domain.manifests import Pin
    from reconciler.domain.observed import Signature
    from reconciler.domain.problems import Problem
    from reconciler.domain.receipts import Receipt
    from reconciler.domain.record import Record
    from reconciler.domain.source import Source


@dataclass(frozen=True)
class Entry:
    """A file of a tree: its git mode (`100644`, `100755`, `120000` for a symlink) and its blob id."""

    mode: str
    blob: str


class Trees(Protocol):
    """Files of a commit, or of the working tree (revision None), as blobs."""

    def listing(
        self, revision: str | None, folders: Sequence[str], meanwhile: Callable[[], object] | None = None
    ) -> tuple[str | None, Mapping[str, Entry]]:
        """(commit id, path → entry) of every file below the folders. Raises NeedsPerson where there is no such
        revision. For the working tree the commit is None and blob ids are what git would give the files.
        `meanwhile` is something to do during the wait, once."""

    def contents(self, blobs: Sequence[str], limit: int) -> Mapping[str, bytes | None]:
        """Blob id → content, None where it is larger than `limit` bytes. Only ids that `listing` gave."""


class ManifestSource(Protocol):
    """Reads manifests and environments. Hostile input: parses data, runs nothing."""

    def read(self, revision: str | None) -> Source:
        """Everything at a commit (any revision), or the working tree for None. Faults are values in the Source."""

    def locate(self, source: Source, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """The problems, each that names only a file of `source` and a path now with the line and column of that
        field. Reads those files alone."""

    def pins_at(self, commit: str) -> Mapping[tuple[str, str], Pin]:
        """The pins at a commit, (environment, model) → pin; files that cannot be read count as absent."""

    def rules_at(self, commit: str, environment: str) -> tuple[str | None, str | None]:
        """The blob ids of the environment's file and of its allowed signers at a commit, None where absent."""


@dataclass(frozen=True)
class Commit:
    """A commit on the first-parent line of main."""

    id: str
    parents: tuple[str, ...]
    author: str
    subject: str
    at: datetime


class History(Protocol):
    """Questions about commits. A shallow history that cannot answer raises NeedsPerson with the fetch line."""

    def resolve(self, revision: str) -> str:
        """The commit id of a revision. Raises NeedsPerson where there is none (no commits yet, unknown name)."""

    def main_tip(self) -> str:
        """The tip of the main branch: the remote's where there is a remote, as last fetched."""

    def has_remote(self) -> bool:
        """True where git config names a remote that exists here."""

    def fetch(self) -> Sequence[str]:
        """With a remote: bring main, ledgers, leases and whole history here; says what it did. Else nothing."""

    def is_ancestor(self, older: str, newer: str) -> bool:
        """True where `older` is `newer` or in its history; False too where `older` is not known at all."""

    def changes(self, commit: str, paths: Sequence[str]) -> Iterator[Commit]:
        """First-parent commits reachable from `commit` that changed any of `paths` (roots included), newest first."""

    def commit(self, commit: str) -> Commit:
        """One commit."""

    def merge_bases(self, one: str, two: str) -> Sequence[str]:
        """The best common ancestors of two commits: where what a branch changed is counted from."""

    def authors(self, base: str, tip: str) -> frozenset[str]:
        """E-mail addresses of authors and committers of what is in `tip` and not in `base`, lower case."""

    def signature(self, commit: str, allowed_signers: str) -> Signature:
        """Check the SSH signature of a commit against the text of an allowed-signers file."""

    def keep_source(self, environment: str, commit: str) -> None:
        """Keep `commit` reachable in refs/reconciler/sources/ENV, so that a rewritten main can be mended."""


class Branches(Protocol):
    """Writes proposals: a branch with one commit that changes files. Never main."""

    def propose(
        self, branch: str, base: str, files: Mapping[str, bytes], message: str, *, replace: bool = False
    ) -> str:
        """Make `branch` as one commit on `base` with these files changed; pushes where there is a remote. An earlier
        proposal is replaced. Raises AuthorMustFix where the branch has other commits (unless `replace`), and where it
        is checked out. Returns the commit id. The working tree and HEAD stay as they are."""

    def tip(self, branch: str) -> str | None:
        """The commit that a branch has, on the remote or else here, None where there is none: tells whether `propose`
        replaces one."""

    def read_file(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file at a commit, None where absent."""


@dataclass(frozen=True)
class LedgerState:
    """A ledger as read: its tip (None where there is no ledger yet) and the record in its tree."""

    tip: str | None
    record: Record


class Ledger(Protocol):
    """The append-only record of receipts, a branch per environment."""

    def read(self, environment: str) -> LedgerState:
        """Raises NeedsPerson where a remote has ledgers and none was fetched; VerificationFailed on a bad tree."""

    def read_all(self, environments: Iterable[str]) -> Mapping[str, LedgerState]:
        """`read` of many, their tips as they were at one moment."""

    def append(self, state: LedgerState, receipt: Receipt, record: Record) -> LedgerState:
        """Commit `receipt` with `record` as the tree on top of `state.tip`, by compare-and-swap.

        Raises PlanAgain when the ledger has moved. After it returns, the receipt is durable (and pushed)."""

    def receipts(self, environment: str, model: str | None = None) -> Iterator[tuple[str, Receipt]]:
        """(commit id, receipt), newest first; with `model`, those that touched its deployment."""

    def lines(self, environment: str, model: str | None = None) -> Iterator[Line]:
        """What history shows of each of `receipts`, in their order; fit for very many."""

    def contains(self, tip: str | None, commits: Sequence[str]) -> bool:
        """True where every one of `commits` is in the history of a ledger that ends at `tip`."""

    def trees(self, environment: str) -> Iterator[tuple[str, Receipt, Record]]:
        """(commit id, receipt, record in its tree), oldest first: what `verify` replays."""


@dataclass(frozen=True)
class Intent:
    """What a holder is about to store, named before it does; and how it came about (the box's walls for network and
    files, the libraries, what the leak guard did, as JSON), so that whoever finds the bytes after a crash records what
    the holder would have."""

    fingerprint: str
    digest: str
    network: str = ""
    files: str = ""
    lock_digest: str = ""
    guard: str = ""

    def names(self, fingerprint: str, digest: str) -> bool:
        """True for the intent to store these bytes under this fingerprint."""
        return (self.fingerprint, self.digest) == (fingerprint, digest)


@dataclass(frozen=True)
class LeaseState:
    """Who holds (or held) the lease of one environment's ledger."""

    environment: str
    holder: str
    host: str
    boot_id: str
    process: int
    process_start: str
    run_url: str | None
    expires: datetime
    generation: int
    held: bool
    intent: Intent | None = None


class Lease(Protocol):
    """One writer per ledger: refs/reconciler/leases/ENV, by compare-and-swap."""

    def read(self, environment: str) -> LeaseState | None: ...

    def acquire(self, environment: str, wait: timedelta, *, above: int = 0) -> LeaseState:
        """Take it, or take it over from a dead or expired holder (its intent is kept), under a generation above all
        before and above `above`: what ledger and target have seen, should the lease be lost. Raises PlanAgain when
        somebody else holds it and `wait` has passed, VerificationFailed for one that cannot be read."""

    def ended(self, lease: LeaseState) -> bool:
        """True where the holder's process has provably ended: it ran on this host, and is gone or of an older boot."""

    def renew(self, lease: LeaseState, intent: Intent | None = None) -> LeaseState:
        """Extend it before an effect; `intent` names what is about to be stored (None keeps the present one).
        Raises PlanAgain when it was lost."""

    def release(self, lease: LeaseState) -> None:
        """Give it back; the generation stays. Never raises for a lease that was lost."""

    def break_(self, environment: str, *, above: int = 0) -> LeaseState | None:
        """End another's lease, also one that cannot be read (whose generation is then above `above`); returns what
        was broken."""
