"""Artifacts and snapshots in memory, and data that makes snapshots. Bytes are hashed as the real stores do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.domain import oci
from reconciler.domain.errors import DiskRefused, VerificationFailed
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.snapshots import Facts
from reconciler.ports import Extract, Fault, Progress


def sha256(content: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class FakeStore:
    """`ports.ArtifactStore`. `full` makes `put` fail as a full disk does, so many times."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.full = 0

    def find(self, fingerprint: str) -> str | None:
        """The manifest digest under the fingerprint's tag."""
        return self.tags.get(fingerprint)

    def has(self, digest: str) -> bool:
        """True where the manifest and all its blobs are there with the right sizes (not hashed)."""
        try:
            manifest = oci.read_manifest(self.content[digest])
        except (KeyError, ValueError):
            return False
        return all(len(self.content.get(blob.digest, b"")) == blob.size for blob in manifest.blobs)

    def put(self, manifest: bytes, blobs: Mapping[str, bytes | Path], fingerprint: str) -> str:
        """Store blobs, manifest and tag. Raises DiskRefused when full, VerificationFailed for other bytes."""
        if self.full:
            self.full -= 1
            raise DiskRefused("the disk of the store is full", next_step="make room, then apply again")
        try:
            wanted = oci.read_manifest(manifest)
        except ValueError as error:
            raise VerificationFailed(f"this manifest is not a model's: {error}") from error
        given = {digest: _bytes(content) for digest, content in blobs.items()}
        for blob in wanted.blobs:
            if blob.digest not in given and blob.digest not in self.content:
                raise VerificationFailed(f"{blob.digest} was not given")
        for digest, content in given.items():
            if sha256(content) != digest:
                raise VerificationFailed(f"the bytes given for {digest} are others")
        self.content.update(given)
        self.content[sha256(manifest)] = manifest
        self.tags[fingerprint] = sha256(manifest)
        return sha256(manifest)

    def files(self, digest: str) -> Mapping[str, bytes]:
        """File name → verified bytes of every layer."""
        return {layer.name: self._verified(layer.digest) for layer in oci.read_manifest(self.manifest(digest)).layers}

    def manifest(self, digest: str) -> bytes:
        """The verified manifest bytes."""
        return self._verified(digest)

    def blobs(self, digest: str) -> Mapping[str, bytes]:
        """Digest → verified bytes of the config and every layer."""
        return {blob.digest: self._verified(blob.digest) for blob in oci.read_manifest(self.manifest(digest)).blobs}

    def verify(self) -> Iterator[Fault]:
        """Hash everything."""
        for digest, content in sorted(self.content.items()):
            if sha256(content) != digest:
                yield Fault(digest, "its bytes are others", "restore it from a copy")
        for digest in sorted(set(self.tags.values())):
            if not self.has(digest):
                yield Fault(digest, "a part of it is missing", "restore it from a copy")

    # --- what goes wrong ------------------------------------------------------------------------------

    def flip(self, digest: str, name: str = oci.MODEL_FILE) -> None:
        """Change a byte of one of an artifact's files."""
        layer = next(layer for layer in oci.read_manifest(self.content[digest]).layers if layer.name == name)
        content = self.content[layer.digest]
        self.content[layer.digest] = bytes([content[0] ^ 1]) + content[1:]

    def lose(self, digest: str) -> None:
        """An artifact's manifest is gone."""
        del self.content[digest]

    def _verified(self, digest: str) -> bytes:
        content = self.content.get(digest) if oci.is_digest(digest) else None
        if content is None or sha256(content) != digest:
            found = "is not in the store" if content is None else "was altered"
            raise VerificationFailed(f"{digest} {found}", next_step="reconciler verify")
        return content


def _bytes(content: bytes | Path) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content


class FakeSnapshots:
    """`ports.SnapshotStore`: it keeps what an extract says of itself, no rows."""

    def __init__(self) -> None:
        self.kept: dict[str, SnapshotManifest] = {}

    def keep(self, extract: Extract, progress: Progress | None = None) -> SnapshotManifest:  # noqa: ARG002
        """A snapshot whose digest is of the data date and the counts."""
        facts = [extract.data_date.isoformat(), sorted(extract.rows.items()), sorted(extract.set_aside.items())]
        digest = sha256(json.dumps(facts).encode())
        manifest = SnapshotManifest(digest=digest, data_date=extract.data_date.isoformat(), tables={})
        self.kept[digest] = manifest
        return manifest

    def folder(self, digest: str) -> Path:
        """A path that names the snapshot; nothing is there."""
        return Path("/snapshots") / self.manifest(digest).digest

    def manifest(self, digest: str) -> SnapshotManifest:
        """Raises VerificationFailed when gone."""
        if digest not in self.kept:
            raise VerificationFailed(f"snapshot {digest} is gone", next_step="refresh the data")
        return self.kept[digest]

    def check(self, digest: str) -> None:
        """Raises VerificationFailed when gone."""
        self.manifest(digest)

    def reach(self) -> None:
        """Memory can be reached."""

    def absent(self, digests: Sequence[str]) -> list[str]:
        """Those that are not kept."""
        return [digest for digest in digests if digest not in self.kept]

    def receive(self, digest: str, folder: Path) -> None:  # noqa: ARG002
        """Keep a snapshot of that digest."""
        self.kept[digest] = SnapshotManifest(digest=digest, data_date="2026-03-01", tables={})

    def changed_terms(self, extract: Extract, earlier: str) -> tuple[int, int]:  # noqa: ARG002
        """None: no rows are kept."""
        self.manifest(earlier)
        return 0, 0

    def profile(self, digest: str, *, late_after: int = 0, very_late_after: int = 30) -> Mapping[str, object]:  # noqa: ARG002
        """What is known of the snapshot: its date."""
        return {"data_date": self.manifest(digest).data_date}

    def sizes(self, digests: Sequence[str]) -> Mapping[str, int]:
        """A thousand bytes each."""
        return {digest: 1000 for digest in digests if digest in self.kept}

    def remove(self, digests: Sequence[str]) -> None:
        """Forget them."""
        for digest in digests:
            self.kept.pop(digest, None)

    def compare(self, digest: str, other: str) -> Mapping[str, object]:
        """No table: no rows are kept."""
        return {"tables": {}} if self.manifest(digest) and self.manifest(other) else {}

    def newest(self, digest: str) -> date | None:
        """The data date: an extract of these fakes ends there."""
        return date.fromisoformat(self.manifest(digest).data_date)


@dataclass
class FakeData:
    """`ports.DataSource`: says what the next extract is like."""

    data_date: date = date(2026, 3, 1)
    rows: dict[str, int] = field(default_factory=lambda: {"invoices": 1000, "customers": 50})
    set_aside: dict[str, int] = field(default_factory=dict)
    entities: dict[str, int] = field(default_factory=dict)
    newest: date | None = None
    facts: Facts | None = None
    excluded: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> Iterator[Extract]:  # noqa: ARG002
        """An extract that names no file."""
        what = Extract(Path("/extract"), as_of or self.data_date, dict(self.rows), self.set_aside)
        yield replace(
            what, newest=self.newest, entities=dict(self.entities), facts=self.facts, excluded=dict(self.excluded)
        )


@dataclass
class FakeScorer:
    """`ports.Scorer`: the same three probabilities for a number of invoices. `written` is path → columns."""

    invoices: int = 2
    written: dict[Path, Mapping[str, list[Any]]] = field(default_factory=dict)

    def predict(self, **_: Any) -> Mapping[str, list[Any]]:
        """A column for each outcome."""
        columns: dict[str, list[Any]] = {"invoice": [str(number) for number in range(self.invoices)]}
        shares = {"on_time": 0.5, "late": 0.3, "very_late": 0.2}
        return columns | {name: [value] * self.invoices for name, value in shares.items()}

    def write(self, columns: Mapping[str, list[Any]], path: Path) -> None:
        """Remember what was asked to be written."""
        self.written[path] = columns

    def as_csv(self, columns: Mapping[str, list[Any]]) -> str:
        """Header and rows, with commas."""
        rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
        return "".join(",".join(map(str, row)) + "\n" for row in rows)
