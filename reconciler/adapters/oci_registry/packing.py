"""A snapshot's folder as a manifest and blobs, and how the bytes of these are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.errors import NeedsPerson
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.oci import Descriptor
from reconciler.domain.oci_snapshots import SNAPSHOT_MANIFEST_LIMIT, read_snapshot_manifest, snapshot_manifest
from reconciler.ports import Progress

CONFIG = "snapshot.json"
_PIECE = 1 << 18
_MANY = 16 << 20


def packed(manifest: SnapshotManifest, folder: Path) -> tuple[bytes, list[Descriptor]]:
    """The manifest of a snapshot that is kept in a folder, and its blobs, each with its file's name. Raises NeedsPerson
    for one that could not be read again."""
    content = (folder / CONFIG).read_bytes()
    config = Descriptor(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), CONFIG)
    parts = [part for table in manifest.tables.values() for part in table.parts]
    layers = [Descriptor(part.file_digest, (folder / part.file).stat().st_size, part.file) for part in parts]
    packed = snapshot_manifest(config, layers)
    try:
        read_snapshot_manifest(packed)
    except ValueError as error:
        raise NeedsPerson(
            f"a snapshot like this cannot be kept in a registry: {error}", next_step="keep snapshots in a folder"
        ) from None
    if len(packed) > SNAPSHOT_MANIFEST_LIMIT:
        raise NeedsPerson(
            "a snapshot of so many files cannot be kept in a registry", next_step="keep snapshots in a folder"
        )
    return packed, [config, *layers]


@dataclass
class Told:
    """Bytes that were sent or fetched; few are not told."""

    progress: Progress
    label: str
    total: int
    done: int = 0

    def __call__(self, number: int) -> None:
        self.done += number
        if self.total >= _MANY:
            self.progress(self.label, self.done, self.total)


@dataclass
class Sending:
    """A file's bytes, told as they are sent; a second try begins them, and what is told, anew."""

    path: Path
    told: Told
    sent: int = 0

    def __call__(self) -> Iterator[bytes]:
        self.told(-self.sent)
        self.sent = 0
        with self.path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece
                self.sent += len(piece)
                self.told(len(piece))
