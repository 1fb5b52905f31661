"""Ports of what is kept outside of git: data, snapshots, artifacts, and the targets that serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from reconciler.domain.inputs import EnvironmentData
    from reconciler.domain.jobs import SnapshotColumn, SnapshotManifest
    from reconciler.domain.observed import Observed, TargetState
    from reconciler.domain.snapshots import Facts
    from reconciler.ports.work import Progress


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
    file: str = ""

    @property
    def where(self) -> str:
        """`line 12`, or where a table is several files `2024.csv line 12`."""
        return f"{self.file} line {self.line}".lstrip()

    @property
    def told(self) -> str:
        """The cause, and in brackets the field where it is one field's."""
        return f"{self.cause} ({self.field})" if self.field else self.cause


Did = Literal["set aside", "left out", "kept"]


@dataclass(frozen=True)
class Finding:
    """Something odd in the data: how many rows, one of them for example (line 0: none), and what was done with them:
    a row that is bad is set aside, one that says nothing of payment is left out. Never a value."""

    table: str
    what: str
    field: str
    rows: int
    line: int
    file: str = ""
    next_step: str = ""
    did: Did = "kept"

    @property
    def where(self) -> str:
        """The example: `line 12`, or `2024.csv line 12`; empty where there is none."""
        return f"{self.file} line {self.line}".lstrip() if self.line else ""


def _in_one_file(table: str, line: int) -> tuple[str, int]:  # noqa: ARG001
    return "", line


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
    asked: Mapping[str, str] = field(default_factory=dict)  # table → what was read, in words without credentials
    entities: Mapping[str, int] = field(default_factory=dict)  # legal entity → good invoices
    key_check: str | None = None  # tells the key that masked the rows from another; None where none did
    facts: Facts | None = None  # what gates ask of the rows, after masking
    excluded: Mapping[str, int] = field(default_factory=dict)  # why invoices are left out → how many
    findings: Sequence[Finding] = ()
    matched: tuple[int, int] | None = None  # settlements whose invoice is there, and all that name one
    read: Mapping[str, int] = field(default_factory=dict)  # table → rows that the source has, of those asked for
    place: Callable[[str, int], tuple[str, int]] = _in_one_file  # (table, line) → (file, its line)


class DataSource(Protocol):
    """Reads an environment's inputs as they were at a date, inside the folders that the runner allows."""

    def extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> AbstractContextManager[Extract]:
        """Raises AuthorMustFix for a source that is not allowed, not there or not readable as described,
        and where more rows are bad than the environment bears."""


class SnapshotStore(Protocol):
    """Content-addressed copies of the data: Parquet, in a folder per digest, or in a registry with a folder per digest
    on this machine. Where a registry is asked, all raise RetryLater when it cannot be reached, NeedsPerson when it
    refuses, and VerificationFailed names the snapshot's digest."""

    def keep(self, extract: Extract, progress: Progress | None = None) -> SnapshotManifest:
        """Write what is not there yet; idempotent. Raises RetryLater when the disk refuses."""

    def folder(self, digest: str) -> Path:
        """The folder of a snapshot whose files were verified. Raises VerificationFailed when gone or altered."""

    def check(self, digest: str) -> None:
        """Verify all that is kept of a snapshot, where it is kept. Raises VerificationFailed when gone or altered."""

    def reach(self) -> None:
        """Find out whether snapshots could be read; raises what reading would."""

    def manifest(self, digest: str) -> SnapshotManifest:
        """Raises VerificationFailed when gone or altered."""

    def absent(self, digests: Sequence[str]) -> list[str]:
        """Those of these that are not there at all; nothing is verified."""

    def receive(self, digest: str, folder: Path) -> None:
        """Take over a snapshot from the folder of another store, which verified it; idempotent. Raises RetryLater when
        the disk refuses, VerificationFailed where the folder's files are not those of the digest."""

    def changed_terms(self, extract: Extract, earlier: str) -> tuple[int, int]:
        """How many invoices of the extract have another due date than in an earlier snapshot, and the line of one
        (0: none). Raises VerificationFailed when that is gone or altered."""

    def profile(self, digest: str, *, late_after: int = 0, very_late_after: int = 30) -> Mapping[str, object]:
        """Rows, outcomes per month, missing values, ranges and newest dates, as plain JSON values."""

    def sizes(self, digests: Sequence[str]) -> Mapping[str, int]:
        """Digest → bytes that removing these would free, for those that are there."""

    def remove(self, digests: Sequence[str]) -> None:
        """Take snapshots away, and parts that no other has; idempotent, whole or not at all. Raises RetryLater when the
        disk refuses."""

    def compare(self, digest: str, other: str) -> Mapping[str, object]:
        """Rows added, removed and changed against another snapshot, by table and part, and columns added and gone, as
        plain JSON values; of files that `folder` has verified."""

    def newest(self, digest: str) -> date | None:
        """The date of the newest invoice or settlement in the files, which `folder` has verified; None without rows."""


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
