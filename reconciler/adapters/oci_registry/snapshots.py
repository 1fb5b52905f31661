"""`RegistrySnapshots`: snapshots in a repository of their own in an OCI registry.

A snapshot is an index, found by the tag `snapshot-<64 figures>`, of manifests, each Parquet file a layer of one
(`domain/oci_snapshots.py`). Files and manifests that are there are not sent again, and the index is put last, so that a
snapshot is whole or not there. What is read is hashed, its rows digested again by the folder store of the working copy.
That a snapshot is in the registry is asked each time, also where its files are on this machine: they shorten the work,
and change no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from reconciler.adapters.oci_registry.describing import Descriptions, Files, Said
from reconciler.adapters.oci_registry.packing import Sending, Told, packed
from reconciler.adapters.oci_registry.registry import Registry
from reconciler.adapters.oci_registry.wire import Altered
from reconciler.adapters.oci_registry.working_copy import WorkingCopy, silent
from reconciler.domain.errors import NeedsPerson, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.oci import Descriptor
from reconciler.domain.oci_snapshots import EMPTY, EMPTY_BLOB, digest_of_tag, files_of_tag, files_tag, tag_of
from reconciler.ports import Extract, Progress
from reconciler.tools.described import PLAIN

_MANY_FILES = 100


@dataclass(frozen=True)
class Described:
    """What the registry has of a snapshot: what it says of it, the JSON that describes it, and the same read."""

    digest: str
    said: Said
    content: bytes
    snapshot: SnapshotManifest


@dataclass(frozen=True)
class RegistrySnapshots:
    """`SnapshotStore` in the repository of `registry`; `progress` is told of bytes that are sent and fetched."""

    registry: Registry
    copy: WorkingCopy
    progress: Progress = silent
    _known: dict[str, Described] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)
    _lists: dict[str, Files] = field(default_factory=dict)

    def telling(self, progress: Progress) -> RegistrySnapshots:
        """The same, which tells somebody else, also of what is done with the copy here."""
        return replace(self, progress=progress, copy=replace(self.copy, progress=progress))

    def keep(self, extract: Extract, progress: Progress | None = None) -> SnapshotManifest:
        """See `ports.SnapshotStore`: kept in the working copy first, then sent. One that is there with all its files is
        left alone, whoever wrote it."""
        with self.copy.locked():
            manifest = self.copy.local.keep(extract, progress)
        with self.copy.disk_refusals():
            self._send(manifest)
        return manifest

    def manifest(self, digest: str) -> SnapshotManifest:
        """See `ports.SnapshotStore`."""
        return self._described(digest).snapshot

    def folder(self, digest: str) -> Path:
        """See `ports.SnapshotStore`: the folder of the working copy."""
        found = self._described(digest)
        with suppress(VerificationFailed):
            return self.copy.local.folder(digest)
        return self._fetched(found)

    def check(self, digest: str) -> None:
        """See `ports.SnapshotStore`: every file is read from the registry, once for all snapshots that share it."""
        self._fetched(self._described(digest), afresh=True)

    def reach(self) -> None:
        """See `ports.SnapshotStore`."""
        self.registry.reach()

    def absent(self, digests: Sequence[str]) -> list[str]:
        """See `ports.SnapshotStore`."""
        there = set(self._tagged()) if digests else set()
        return [digest for digest in digests if digest not in there]

    def receive(self, digest: str, folder: Path) -> None:
        """See `ports.SnapshotStore`: by way of the working copy."""
        with self.copy.locked():
            self.copy.local.receive(digest, folder)
        with self.copy.disk_refusals():
            self._send(self.copy.local.manifest(digest))

    def changed_terms(self, extract: Extract, earlier: str) -> tuple[int, int]:
        """See `ports.SnapshotStore`."""
        found = self._described(earlier)
        with suppress(VerificationFailed):
            return self.copy.local.changed_terms(extract, earlier)
        self._fetched(found)
        return self.copy.local.changed_terms(extract, earlier)

    def profile(self, digest: str, *, late_after: int = 0, very_late_after: int = 30) -> Mapping[str, object]:
        """See `ports.SnapshotStore`."""
        self.folder(digest)
        return self.copy.local.profile(digest, late_after=late_after, very_late_after=very_late_after)

    def newest(self, digest: str) -> date | None:
        """See `ports.SnapshotStore`."""
        return self.copy.local.newest(digest)

    def compare(self, digest: str, other: str) -> Mapping[str, object]:
        """See `ports.SnapshotStore`."""
        return self.copy.local.compare(digest, other)

    # --- what may go ---------------------------------------------------------------------------------------

    def sizes(self, digests: Sequence[str]) -> Mapping[str, int]:
        """See `ports.SnapshotStore`: what the registry's own clearing away will free after a removal."""
        if not digests:
            return {}
        there = {digest: self._blobs(digest) for digest in self._each(list(self._tagged()))}
        stay = {blob for digest, blobs in there.items() if digest not in digests for blob in blobs}
        out: dict[str, int] = {}
        for digest in dict.fromkeys(digests):
            if digest in there:
                own = {blob: size for blob, size in there[digest].items() if blob not in stay}
                stay |= own.keys()
                out[digest] = sum(own.values())
        return out

    def remove(self, digests: Sequence[str]) -> None:
        """See `ports.SnapshotStore`: their manifests are deleted, and what is here of them and of others that the
        registry has no more. Raises NeedsPerson where the registry deletes nothing."""
        for digest in digests:
            tag = tag_of(digest)
            self._known.pop(digest, None)
            found = self.registry.manifest(tag)
            if found is not None:
                self.registry.delete_manifest(found[0])
                if self.registry.manifest(tag) is not None:
                    raise NeedsPerson(
                        f"{self.registry.wire.place} still has {tag} after it was deleted", next_step="tell its keeper"
                    )
        there = set(self._tagged())
        self._sweep_lists(there)
        with self.copy.locked():
            self.copy.local.remove([digest for digest in self.copy.digests() if digest not in there])

    def _sweep_lists(self, there: Iterable[str]) -> None:
        """Delete manifests of files that no snapshot names. Where one that stays cannot be read, all are left."""
        wanted: set[str] = set()
        try:
            for digest in self._each(list(there)):
                said = self._descriptions.of(digest)
                wanted |= {said.digest, *(each.digest for each in said.manifests)} if said is not None else set()
        except VerificationFailed:
            return
        for tag in list(self.registry.tags()):
            held = files_of_tag(tag)
            if held is not None and held not in wanted:
                self.registry.delete_manifest(held)

    def _tagged(self) -> Iterator[str]:
        for tag in self.registry.tags():
            digest = digest_of_tag(tag)
            if digest is not None:
                yield digest

    def _each(self, digests: Sequence[str]) -> Iterator[str]:
        """Each snapshot, as the registry is asked for it."""
        for number, digest in enumerate(digests):
            self.progress("asking the registry for copies", number, len(digests))
            yield digest

    def _blobs(self, digest: str) -> dict[str, int]:
        """Blob → bytes of a snapshot in the registry; none where its manifest cannot be read."""
        with suppress(VerificationFailed):
            said = self._descriptions.of(digest)
            if said is not None:
                return {blob.digest: blob.size for blob in (*said.blobs, *said.manifests)}
        return {}

    # --- writing -------------------------------------------------------------------------------------------

    def _send(self, manifest: SnapshotManifest) -> None:
        digest, folder = manifest.digest, self.copy.folder(manifest.digest)
        sent = packed(manifest, folder)
        if self._is_there(digest):
            return
        self._known.pop(digest, None)
        with self._naming(digest):
            missing = [blob for blob in self._asked(sent.files) if not self.registry.has(blob)]
            told = Told(self.progress, "sending the snapshot (bytes)", sum(blob.size for blob in missing))
            for blob in missing:
                self.registry.push(blob, Sending(folder / blob.name, told))
            if not self.registry.has(EMPTY_BLOB):
                self.registry.push(EMPTY_BLOB, lambda: iter([EMPTY]))
            for named, content in sent.manifests.items():
                if not self.registry.holds(files_tag(named), named):
                    self.registry.put_manifest(files_tag(named), content)
            self.registry.put_manifest(tag_of(digest), sent.index)

    def _is_there(self, digest: str) -> bool:
        """Whether all of a snapshot is there. Raises Altered for what sending would not mend."""
        try:
            said = self._described(digest).said
            with self._naming(digest):
                held = all(self.registry.holds(files_tag(each.digest), each.digest) for each in said.manifests)
                return held and all(map(self.registry.has, self._asked(said.blobs)))
        except Altered:
            raise
        except VerificationFailed:
            return False

    def _asked(self, blobs: Sequence[Descriptor]) -> Iterator[Descriptor]:
        """Each of the blobs; of many it is told how far one is."""
        for number, blob in enumerate(blobs):
            if len(blobs) >= _MANY_FILES:
                self.progress("asking the registry for files", number, len(blobs))
            yield blob

    # --- reading -------------------------------------------------------------------------------------------

    @property
    def _descriptions(self) -> Descriptions:
        return Descriptions(self.registry, self._lists)

    def _described(self, digest: str) -> Described:
        """What the registry has under a snapshot's tag, verified but for the files. Raises VerificationFailed."""
        if digest not in self._known:
            with self._naming(digest):
                said = self._descriptions.of(digest)
                if said is None:
                    raise self.registry.wire.missing(f"there is no {tag_of(digest)}")
                self._known[digest] = self._checked(digest, said)
        return self._known[digest]

    def _checked(self, digest: str, said: Said) -> Described:
        content = self._descriptions.content(said)
        with self.copy.locked(), self.copy.incoming(0) as incoming:
            place = incoming.store / digest.removeprefix("sha256:")
            place.mkdir()
            (place / PLAIN).write_bytes(content)
            try:
                snapshot = incoming.manifest(digest)
            except VerificationFailed:
                raise self.registry.wire.missing("what describes it is not of this digest") from None
        wanted = {part.file: part.file_digest for table in snapshot.tables.values() for part in table.parts}
        if {file.name: file.digest for file in said.files} != wanted:
            raise self.registry.wire.missing(f"its files are not those of its {PLAIN}")
        return Described(digest, said, content, snapshot)

    def _fetched(self, found: Described, *, afresh: bool = False) -> Path:
        """The folder of a snapshot once its files are here and its rows verified. `afresh`: believe of the files that
        are here only those that this process read from the registry."""
        with self.copy.locked(), self._naming(found.digest):
            files = found.said.files
            with self.copy.incoming(sum(file.size for file in files)) as incoming:
                place = incoming.store / found.digest.removeprefix("sha256:")
                place.mkdir()
                (place / PLAIN).write_bytes(found.content)
                self._files(found, place, afresh=afresh)
                try:
                    return self.copy.local.adopt(incoming, found.digest)
                except VerificationFailed:
                    raise self.registry.wire.missing("its files do not hold the rows of its digest") from None

    def _files(self, found: Described, place: Path, *, afresh: bool) -> None:
        files = found.said.files
        told = Told(self.progress, "fetching the snapshot (bytes)", sum(file.size for file in files))
        for file in files:
            fresh = place / file.name
            fresh.parent.mkdir(exist_ok=True)
            if (not afresh or file.digest in self._read) and self.copy.lend(file.digest, fresh):
                told(file.size)
                continue
            self.registry.fetch(file, fresh, told)
            self._read.add(file.digest)

    @contextmanager
    def _naming(self, digest: str) -> Iterator[None]:
        """Say of what fails verification which snapshot it is of."""
        try:
            yield
        except VerificationFailed as error:
            raise type(error)(f"snapshot {digest} in {error.message}", next_step=error.next_step) from None
