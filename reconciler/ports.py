"""What the use cases ask of the world, as small Protocols. Adapters answer; `testing.py` has the fakes.

Every method says what it raises. Errors are those of `domain.errors`: `PlanAgain` for a lost race,
`VerificationFailed` for bytes that are not what they should be, `NeedsPerson` and `RetryLater` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from reconciler.domain.jobs import Job, ModelCard, Result, SnapshotColumn, SnapshotManifest
from reconciler.domain.manifests import Environment, EnvironmentData, Pin
from reconciler.domain.observed import Observed, Signature, TargetState
from reconciler.domain.problems import Place, Problem
from reconciler.domain.record import Isolation, Receipt, Record
from reconciler.domain.source import Source

Progress = Callable[[str, int, int], None]
"""Called with a label, how much is done and how much there is (0: not known)."""


# --- git: source and history -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A file of a tree: its git mode (`100644`, `100755`, `120000` for a symlink) and its blob id."""

    mode: str
    blob: str


class Trees(Protocol):
    """Files of a commit, or of the working tree (revision None), as blobs."""

    def listing(self, revision: str | None, folders: Sequence[str]) -> tuple[str | None, Mapping[str, Entry]]:
        """(commit id, path → entry) of every file below the folders. Raises NeedsPerson where there is no such
        revision. For the working tree the commit is None and blob ids are what git would give the files."""

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

    def propose(self, branch: str, base: str, files: Mapping[str, bytes], message: str) -> str:
        """Make (or replace) `branch` as one commit on `base` with these files changed; pushes where there is a
        remote. Returns the commit id. The working tree and HEAD stay as they are."""

    def read_file(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file at a commit, None where absent."""


# --- git: ledger and lease ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class LedgerState:
    """A ledger as read: its tip (None where there is no ledger yet) and the record in its tree."""

    tip: str | None
    record: Record


class Ledger(Protocol):
    """The append-only record of receipts, a branch per environment."""

    def read(self, environment: str) -> LedgerState:
        """Raises NeedsPerson where a remote has ledgers and none was fetched; VerificationFailed on a bad tree."""

    def append(self, state: LedgerState, receipt: Receipt, record: Record) -> LedgerState:
        """Commit `receipt` with `record` as the tree on top of `state.tip`, by compare-and-swap.

        Raises PlanAgain when the ledger has moved. After it returns, the receipt is durable (and pushed)."""

    def receipts(self, environment: str, model: str | None = None) -> Iterator[tuple[str, Receipt]]:
        """(commit id, receipt), newest first; with `model`, those that touched its deployment."""

    def contains(self, environment: str, commits: Sequence[str]) -> bool:
        """True where every one of `commits` is in the ledger's history."""

    def trees(self, environment: str) -> Iterator[tuple[str, Receipt, Record]]:
        """(commit id, receipt, record in its tree), oldest first: what `verify` replays."""


@dataclass(frozen=True)
class Intent:
    """What a holder is about to store, named before it does; and how it came about (the box's walls for network and
    files, the libraries), so that whoever finds the bytes after a crash records what the holder would have."""

    fingerprint: str
    digest: str
    network: str = ""
    files: str = ""
    lock_digest: str = ""

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

    def acquire(self, environment: str, wait: timedelta) -> LeaseState:
        """Take it, or take it over from a dead or expired holder (its intent is kept). Raises PlanAgain when
        somebody else holds it and `wait` has passed."""

    def renew(self, lease: LeaseState, intent: Intent | None = None) -> LeaseState:
        """Extend it before an effect; `intent` names what is about to be stored (None keeps the present one).
        Raises PlanAgain when it was lost."""

    def release(self, lease: LeaseState) -> None:
        """Give it back; the generation stays. Never raises for a lease that was lost."""

    def break_(self, environment: str) -> LeaseState | None:
        """End another's lease; returns what was broken."""


# --- stores ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """Something that a verification found: where, what, and what to do."""

    where: str
    what: str
    next_step: str = ""


class ArtifactStore(Protocol):
    """An OCI image layout, addressed by manifest digest; `fp-<fingerprint>` tags find a training's artifact."""

    def find(self, fingerprint: str) -> str | None:
        """The manifest digest under the fingerprint's tag."""

    def has(self, digest: str) -> bool:
        """True where the manifest and all its blobs are there with the right sizes (not hashed)."""

    def put(self, manifest: bytes, blobs: Mapping[str, bytes | Path], fingerprint: str) -> str:
        """Store blobs (digest → content), then the manifest, then the tag; idempotent. Returns the digest.
        Raises RetryLater when the disk refuses, VerificationFailed when bytes do not match their digest."""

    def files(self, digest: str) -> Mapping[str, bytes]:
        """File name → verified bytes of every layer. Raises VerificationFailed for anything altered or gone."""

    def manifest(self, digest: str) -> bytes:
        """The verified manifest bytes. Raises VerificationFailed."""

    def blobs(self, digest: str) -> Mapping[str, bytes]:
        """Digest → verified bytes of the config and every layer: what `put` of another store needs."""

    def verify(self) -> Iterator[Fault]:
        """Hash everything; one Fault for each blob, manifest or index entry that is wrong."""


@dataclass(frozen=True)
class BadRow:
    """Why a row was set aside: never its value."""

    cause: str
    line: int
    field: str


@dataclass(frozen=True)
class Extract:
    """Typed, checked rows, ready to become a snapshot: a folder of this process with one Parquet file a table."""

    folder: Path
    data_date: date
    rows: Mapping[str, int]
    set_aside: Mapping[str, int] = field(default_factory=dict)
    examples: Sequence[BadRow] = ()
    columns: Mapping[str, Sequence[SnapshotColumn]] = field(default_factory=dict)
    newest: date | None = None  # the newest invoice or settlement date among the rows


@dataclass(frozen=True)
class Sample:
    """What a person's file looks like: how it is written, and its columns as texts, by the header's order.

    `columns[i]` holds the cells below `header[i]`: all of them, or an even sample where the file has more rows
    than were asked for (`rows` is how many it has)."""

    path: str
    encoding: Literal["utf-8", "utf-16", "latin-1"]
    marked: bool
    delimiter: str
    header: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    rows: int


class TableLook(Protocol):
    """Looks at a file that nobody has described yet."""

    def look(self, path: Path, most: int) -> Sample:
        """Raises AuthorMustFix for what is not a regular, readable, non-empty file of lines with a header."""


class DataSource(Protocol):
    """Reads an environment's inputs as they were at a date, inside the folders that the runner allows."""

    def extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> AbstractContextManager[Extract]:
        """Raises AuthorMustFix for a source that is not allowed, not there or not readable as described,
        and where more rows are bad than the environment bears."""


class SnapshotStore(Protocol):
    """Content-addressed copies of the data: Parquet, in a folder per digest."""

    def keep(self, extract: Extract) -> SnapshotManifest:
        """Write what is not there yet; idempotent. Raises RetryLater when the disk refuses."""

    def folder(self, digest: str) -> Path:
        """The folder of a snapshot whose files were verified. Raises VerificationFailed when gone or altered."""

    def manifest(self, digest: str) -> SnapshotManifest:
        """Raises VerificationFailed when gone or altered."""

    def profile(self, digest: str, *, late_after: int = 0, very_late_after: int = 30) -> Mapping[str, object]:
        """Rows, outcomes per month, missing values, ranges and newest dates, as plain JSON values."""


class Beginnings(Protocol):
    """Makes a new repository, whole or not at all."""

    def begin(self, folder: Path) -> AbstractContextManager[Path]:
        """A new, empty repository (branch main) under a temporary name beside `folder`, which may be absent or an
        empty folder. When the context ends well it takes its place there; otherwise nothing is left.
        Raises AuthorMustFix where something is there already, RetryLater when the disk refuses."""

    def commit(self, repository: Path, files: Mapping[str, bytes], message: str, *, allow: Sequence[Path] = ()) -> str:
        """Write and commit these files; name folders in git config `reconciler.dataAllow`. Returns the commit id."""


# --- the box -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """What came of a job: its result, the files it left (name → path, inside `folder`), the box it had."""

    result: Result
    files: Mapping[str, Path]
    isolation: Isolation


@dataclass(frozen=True)
class BoxRules:
    """How a job is boxed: `required` refuses where the box cannot be had; the limits end it as a machine failure."""

    required: bool = True
    memory: int = 4 << 30
    processor: timedelta = timedelta(minutes=30)
    wall: timedelta = timedelta(minutes=30)


class Trainer(Protocol):
    """Runs a job in the box: no network, no home, no credentials, none of the parent's environment."""

    def run(self, job: Job, rules: BoxRules, progress: Progress) -> AbstractContextManager[Ran]:
        """Failures of the job are values (`JobFailure`); its files live until the context ends. `progress` is called
        again and again while the job runs, also where nothing new is known. Folders named by
        the job are shown to the box read-only. Raises NeedsPerson where isolation is required and not to be had."""

    def lock_digest(self) -> str:
        """What identifies the installed libraries: sha256 of the sorted name==version lines of the house."""


# --- targets -----------------------------------------------------------------------------------------------


class Target(Protocol):
    """Where an environment's deployed models are read from."""

    def observe(self, *, hash_bytes: bool = False) -> TargetState:
        """What is there. Without `hash_bytes` a file's size and time stand for bytes that were hashed before."""

    def deploy(self, model: str, deployment: Observed, files: Mapping[str, bytes]) -> None:
        """Set the model by one rename; marks an empty target as this environment's. Refuses an older generation
        (PlanAgain); RetryLater when the disk refuses; nothing is half done."""

    def withdraw(self, model: str, generation: int) -> None:
        """Take the model out; idempotent. Refuses an older generation (PlanAgain)."""

    def files(self, model: str) -> tuple[Observed, Mapping[str, bytes]]:
        """What is served, read once and hashed. Raises NeedsPerson when nothing is, VerificationFailed when the
        bytes are not those of the digest."""


class Scorer(Protocol):
    """Gives open invoices their probabilities, with bytes that the caller has verified."""

    def predict(self, ask: ScoringAsk, progress: Progress) -> Mapping[str, list[Any]]:
        """Column name → values, one per open invoice. Raises VerificationFailed where model and card do not fit."""

    def write(self, columns: Mapping[str, list[Any]], path: Path) -> None:
        """Write by the name's ending (.csv, .parquet, .json), all or nothing. Raises AuthorMustFix, RetryLater."""

    def as_csv(self, columns: Mapping[str, list[Any]]) -> str:
        """The same as CSV text."""


@dataclass(frozen=True)
class ScoringAsk:
    """The model's verified bytes, its card, a verified snapshot's folder, the as-of date, and constant columns."""

    model: bytes
    card: ModelCard
    snapshot: Path
    as_of: date
    labels: Mapping[str, str]


# --- the rest ----------------------------------------------------------------------------------------------


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, in UTC."""


class ManifestFiles(Protocol):
    """Files of a working tree that a person asked to have put in form or written."""

    def find(self, paths: Sequence[Path]) -> Sequence[Path]:
        """The paths that are files, and every `.yaml` below those that are folders, sorted; no symlinks.
        Raises AuthorMustFix for a path that is not there."""

    def read(self, path: Path) -> bytes:
        """The bytes of a regular file of at most 1 MiB. Raises AuthorMustFix."""

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file by one rename, its folder made where absent. Raises RetryLater when the disk refuses."""


class ManifestEditor(Protocol):
    """Edits a person's file by splicing bytes at a node's marks; refuses if anything else would change."""

    def set_pin(self, content: bytes, model: str, pin: Pin, file: str) -> bytes:
        """The release with this one pin set. Raises AuthorMustFix with the line where it cannot be done safely."""

    def set_version(self, content: bytes, version: str, file: str) -> bytes:
        """The manifest with `metadata.version` set and nothing else changed. Raises AuthorMustFix as `set_pin`."""

    def environment(self, file: str, content: bytes) -> Environment:
        """The Environment in these bytes (rules that a ledger has adopted). Raises VerificationFailed if it is none."""

    def parse(self, file: str, content: bytes) -> tuple[object, tuple[Problem, ...]]:
        """The document as plain values, and every fault with its place."""

    def place_of(self, file: str, content: bytes, path: Sequence[str]) -> Place:
        """Where a field stands in a file."""

    def tidy(self, file: str, content: bytes) -> bytes:
        """The file in its usual form: key order, indentation, spacing; comments stay. Applying it twice is
        applying it once. Raises AuthorMustFix where the file is not YAML or its meaning would change."""
