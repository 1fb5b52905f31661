"""`RegistrySnapshots`: snapshots in a repository of their own in an OCI registry, by way of a folder here.

```
REPOSITORY:sha256-<figures>   a manifest: `snapshot.json` as its config, one layer for each part's Parquet file
```

The registry is the store; the folder only saves asking it twice. A snapshot that the registry has not is gone, whatever
the folder has. A part that two snapshots share is one blob. A manifest is put when all of its blobs are there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.adapters.snapshots.canonical import snapshot_digest
from reconciler.adapters.snapshots.files import disk_refusals
from reconciler.adapters.snapshots.store import FolderSnapshots
from reconciler.domain import oci
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import SnapshotManifest, SnapshotPart
from reconciler.ports import Extract, Progress
from reconciler.tools.distribution import MANIFEST_TYPE, Repository

ARTIFACT_TYPE = "application/vnd.reconciler.snapshot.v1"
CONFIG_TYPE = "application/vnd.reconciler.snapshot.config.v1+json"
PARQUET_TYPE = "application/vnd.apache.parquet"
_LIMIT = 1 << 36  # bytes of one part's file
_CONFIG_LIMIT = 4 << 20


@dataclass(frozen=True)
class RegistrySnapshots:
    """`SnapshotStore` in a repository; `folder_here` may be lost at any time. What the registry refuses is raised as
    `tools.distribution` says."""

    repository: Repository
    folder_here: FolderSnapshots

    def keep(self, extract: Extract, progress: Progress | None = None) -> SnapshotManifest:
        """See `ports.SnapshotStore`. A snapshot that the registry has is left alone."""
        manifest = self.folder_here.keep(extract, progress)
        with disk_refusals(self.folder_here.store):
            self._push(manifest, progress)
        return manifest

    def folder(self, digest: str) -> Path:
        """See `ports.SnapshotStore`: what is here is verified here, and has to be in the registry all the same."""
        self._bring(digest)
        try:
            return self.folder_here.folder(digest)
        except VerificationFailed:
            self._forget()
            self._bring(digest)
            return self.folder_here.folder(digest)

    def manifest(self, digest: str) -> SnapshotManifest:
        """See `ports.SnapshotStore`."""
        self._bring(digest)
        return self.folder_here.manifest(digest)

    def changed_terms(self, extract: Extract, earlier: str) -> tuple[int, int]:
        """See `ports.SnapshotStore`."""
        self._bring(earlier)
        return self.folder_here.changed_terms(extract, earlier)

    def profile(self, digest: str, *, late_after: int = 0, very_late_after: int = 30) -> Mapping[str, object]:
        """See `ports.SnapshotStore`."""
        self._bring(digest)
        return self.folder_here.profile(digest, late_after=late_after, very_late_after=very_late_after)

    def newest(self, digest: str) -> date | None:
        """See `ports.SnapshotStore`."""
        self._bring(digest)
        return self.folder_here.newest(digest)

    def compare(self, digest: str, other: str) -> Mapping[str, object]:
        """See `ports.SnapshotStore`."""
        self._bring(digest)
        self._bring(other)
        return self.folder_here.compare(digest, other)

    def sizes(self, digests: Sequence[str]) -> Mapping[str, int]:
        """See `ports.SnapshotStore`: a layer that several of them share counts with the first. What another snapshot
        shares too is not known here: the registry frees no more than this, and when it cleans up."""
        seen: set[str] = set()
        out = {}
        for digest in digests:
            found = self.repository.manifest(_tag(digest))
            if found is not None:
                layers = {layer.digest: layer.size for layer in self._read(digest, found).blobs}
                out[digest] = sum(size for blob, size in layers.items() if blob not in seen)
                seen |= layers.keys()
        return out

    def remove(self, digests: Sequence[str]) -> None:
        """See `ports.SnapshotStore`. Raises NeedsPerson where the registry lets nothing be deleted."""
        for digest in digests:
            found = self.repository.manifest(_tag(digest))
            if found is not None:
                self.repository.delete_manifest(f"sha256:{sha256(found).hexdigest()}")
        self.folder_here.remove(digests)

    # --- there and back ------------------------------------------------------------------------------------

    def _push(self, manifest: SnapshotManifest, progress: Progress | None) -> None:
        there = self.repository.manifest(_tag(manifest.digest))
        if there is not None and self._is_whole(manifest.digest, there):
            return
        place = self.folder_here.place(manifest.digest)
        files = {part.file_digest: place / part.file for part in _parts(manifest)}
        config = place / "snapshot.json"
        files[f"sha256:{sha256(config.read_bytes()).hexdigest()}"] = config
        for done, (digest, file) in enumerate(files.items(), 1):
            self.repository.push_blob(digest, file)
            if progress is not None and len(files) > _MANY:
                progress("bringing files to the registry", done, len(files))
        self.repository.put_manifest(_tag(manifest.digest), _image(place, manifest))

    def _is_whole(self, digest: str, content: bytes) -> bool:
        try:
            return all(self.repository.has_blob(blob.digest) for blob in self._read(digest, content).blobs)
        except VerificationFailed:
            return False

    def _bring(self, digest: str) -> None:
        """Let the snapshot be here. Raises VerificationFailed where the registry has it not, or not as it was."""
        content = self.repository.manifest(_tag(digest))
        if content is None:
            raise self._damaged(digest, "is not there")
        image = self._read(digest, content)
        if self.folder_here.place(digest).exists():
            try:
                self.folder_here.manifest(digest)
                return
            except VerificationFailed:
                self._forget()
        with self._told(digest):
            manifest = self._config(digest, image.config)
            sizes = {layer.digest: layer.size for layer in image.layers}
            if {part.file_digest for part in _parts(manifest)} - sizes.keys():
                raise self._damaged(digest, "has not all of its files")

            def bring(part: SnapshotPart, place: Path) -> None:
                self.repository.pull_blob(part.file_digest, sizes[part.file_digest], place)

            self.folder_here.adopt(manifest, bring)

    def _forget(self) -> None:
        """Take away what was found damaged here, with all that may share it: the registry has it as it was."""
        shutil.rmtree(self.folder_here.store)

    def _config(self, digest: str, config: oci.Descriptor) -> SnapshotManifest:
        """`snapshot.json`, if it is that of the digest."""
        with TemporaryDirectory(prefix="reconciler-snapshot-") as folder:
            place = Path(folder) / "snapshot.json"
            self.repository.pull_blob(config.digest, min(config.size, _CONFIG_LIMIT), place)
            try:
                manifest = SnapshotManifest.model_validate_json(place.read_bytes())
            except ValueError:
                raise self._damaged(digest, "is not a snapshot of this project") from None
        if manifest.digest != digest or snapshot_digest(manifest.data_date, manifest.tables) != digest:
            raise self._damaged(digest, "is another one")
        return manifest

    def _read(self, digest: str, content: bytes) -> oci.ArtifactManifest:
        try:
            document = oci.load_json(content)
            if not isinstance(document, dict) or document.get("artifactType") != ARTIFACT_TYPE:
                raise ValueError
            layers = tuple(oci.read_descriptor(layer, _LIMIT) for layer in document["layers"])
            return oci.ArtifactManifest(oci.read_descriptor(document.get("config"), _CONFIG_LIMIT), layers)
        except (ValueError, KeyError, TypeError):
            raise self._damaged(digest, "is not a snapshot of this project") from None

    @contextmanager
    def _told(self, digest: str) -> Iterator[None]:
        """A blob that is gone or altered, told of the snapshot that it is of."""
        try:
            yield
        except VerificationFailed as error:
            if digest in error.message:
                raise
            raise self._damaged(digest, f"is damaged: {error.message}") from error

    def _damaged(self, digest: str, what: str) -> VerificationFailed:
        return VerificationFailed(
            f"snapshot {digest} in {self.repository.address} {what}",
            next_step="restore it in the registry, or take the same data again with reconciler data refresh",
        )


_MANY = 8


def _tag(digest: str) -> str:
    return digest.replace(":", "-", 1)


def _parts(manifest: SnapshotManifest) -> Iterator[SnapshotPart]:
    for table in manifest.tables.values():
        yield from table.parts


def _image(place: Path, manifest: SnapshotManifest) -> bytes:
    """The OCI manifest of a snapshot: equal files give equal bytes."""
    config = (place / "snapshot.json").read_bytes()
    layers = {
        part.file_digest: {
            "mediaType": PARQUET_TYPE,
            "digest": part.file_digest,
            "size": (place / part.file).stat().st_size,
            "annotations": {oci.TITLE: part.file},
        }
        for part in _parts(manifest)
    }
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": ARTIFACT_TYPE,
        "config": {
            "mediaType": CONFIG_TYPE,
            "digest": f"sha256:{sha256(config).hexdigest()}",
            "size": len(config),
        },
        "layers": list(layers.values()),
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
