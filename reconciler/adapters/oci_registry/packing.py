"""A snapshot's folder as an index, manifests and blobs, and how the bytes of these are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.errors import NeedsPerson
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.oci_snapshots import SNAPSHOT_MANIFEST_LIMIT, Packed, pack, read_files, read_index
from reconciler.ports import Progress

_PIECE = 1 << 18
_MANY = 16 << 20


def packed(manifest: SnapshotManifest, folder: Path) -> Packed:
    """A snapshot that is kept in a folder, as it is sent. Raises NeedsPerson for one that could not be read again."""
    files = [part.file for table in manifest.tables.values() for part in table.parts]
    packed = pack(manifest, {file: (folder / file).stat().st_size for file in files})
    try:
        read = [file for content in packed.manifests.values() for file in read_files(content)]
        if read_index(packed.index).whole(read) != manifest:
            raise ValueError("its parts are in another order")
    except ValueError as error:
        raise NeedsPerson(
            f"a snapshot like this cannot be kept in a registry: {error}", next_step="keep snapshots in a folder"
        ) from None
    if max(map(len, (packed.index, *packed.manifests.values()))) > SNAPSHOT_MANIFEST_LIMIT:
        raise NeedsPerson(
            "a snapshot of so many files cannot be kept in a registry", next_step="keep snapshots in a folder"
        )
    return packed


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
