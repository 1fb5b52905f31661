"""What a registry has of a snapshot: its files by name, from an index or from the one manifest of before.

Only said here, not believed: hashes are checked as everything is read, and what is put together has to be the snapshot
of its digest, which `snapshots.py` asks of the folder store.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reconciler.adapters.oci_registry.registry import Registry
from reconciler.domain.jobs import SnapshotPart
from reconciler.domain.oci import Descriptor
from reconciler.domain.oci_snapshots import (
    EMPTY_BLOB,
    files_tag,
    is_index,
    read_files,
    read_index,
    read_snapshot_manifest,
    tag_of,
)
from reconciler.tools.described import PLAIN

Files = list[tuple[Descriptor, SnapshotPart]]


@dataclass(frozen=True)
class Said:
    """The files of a snapshot, the manifests that name them (none: it is one manifest itself), another blob that these
    need, and the JSON that describes it."""

    digest: str
    files: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    other: Descriptor
    content: bytes | None = None

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All that are to be there."""
        return (self.other, *self.files)


@dataclass(frozen=True)
class Descriptions:
    """Reads them from a registry; a manifest that several snapshots share is read once."""

    registry: Registry
    _read: dict[str, Files] = field(default_factory=dict)

    def of(self, digest: str) -> Said | None:
        """What is under a snapshot's tag; None where nothing is. Raises VerificationFailed for what is gone or altered
        or no snapshot's."""
        found = self.registry.manifest(tag_of(digest))
        if found is None:
            return None
        try:
            return self._indexed(*found) if is_index(found[1]) else self._single(*found)
        except ValueError as error:
            raise self.registry.wire.missing(f"its manifest is no snapshot's: {error}") from None

    def _indexed(self, digest: str, content: bytes) -> Said:
        index = read_index(content)
        files = [file for member in index.manifests for file in self._files(member)]
        described = index.whole(files).model_dump_json().encode()
        return Said(digest, tuple(blob for blob, _ in files), index.manifests, EMPTY_BLOB, described)

    def _files(self, member: Descriptor) -> Files:
        if member.digest not in self._read:
            found = self.registry.manifest(member.digest)
            if found is None:
                raise self.registry.wire.missing(f"{files_tag(member.digest)}, a list of its files, is gone")
            self._read[member.digest] = read_files(found[1])
        return self._read[member.digest]

    def _single(self, digest: str, content: bytes) -> Said:
        manifest = read_snapshot_manifest(content)
        return Said(digest, manifest.layers, (), replace(manifest.config, name=PLAIN))

    def content(self, said: Said) -> bytes:
        """The JSON that describes a snapshot. Raises VerificationFailed where it is a blob that is gone or altered."""
        return said.content if said.content is not None else self.registry.blob(said.other)
