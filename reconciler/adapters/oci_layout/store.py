"""`ArtifactStore` over an OCI image layout folder.

Blobs are written under a temporary name, hashed, renamed once and never overwritten; `index.json` alone is
replaced, under a lock that ends with its process. Touches only the folder that it is given. Refuses to believe
anything in it: every read is of a regular file inside the layout, bounded, and hashed before it is handed out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.adapters.oci_layout import audit
from reconciler.adapters.oci_layout import index as index_file
from reconciler.adapters.oci_layout.index import INDEX_FILE, INDEX_LIMIT, LAYOUT_CONTENT, LAYOUT_FILE, restore
from reconciler.domain import oci
from reconciler.domain.errors import NeedsPerson, RetryLater, VerificationFailed
from reconciler.domain.oci import ArtifactManifest, Descriptor
from reconciler.ports import Fault
from reconciler.tools import files

_LOCK = ".reconciler.lock"


class OciLayout:
    """An artifact store in `root`, which need not exist yet. `root` itself may be a symlink; nothing in it may."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # --- reading ---------------------------------------------------------------------------------------

    def find(self, fingerprint: str) -> str | None:
        """The digest under the fingerprint's tag. Raises VerificationFailed for an index that cannot be read."""
        index = self._index()
        return index_file.tagged(index, index_file.tag_of(fingerprint), str(self.root / INDEX_FILE))

    def has(self, digest: str) -> bool:
        """True where the manifest is whole and each of its blobs is a regular file of the right size."""
        try:
            manifest = self._read_manifest(digest)
            with self._blobs() as folder:
                return all(_size(blob.digest, folder) == blob.size for blob in manifest.blobs)
        except (VerificationFailed, OSError):
            return False

    def manifest(self, digest: str) -> bytes:
        """The verified manifest bytes. Raises VerificationFailed."""
        with self._reading(digest), self._blobs() as folder:
            return _verified(Descriptor(digest, -1), folder, self.root, limit=oci.MANIFEST_LIMIT)

    def files(self, digest: str) -> Mapping[str, bytes]:
        """File name → verified bytes of every layer. Raises VerificationFailed."""
        manifest = self._read_manifest(digest)
        with self._reading(digest), self._blobs() as folder:
            return {layer.name: _verified(layer, folder, self.root) for layer in manifest.layers}

    def blobs(self, digest: str) -> Mapping[str, bytes]:
        """Digest → verified bytes of the config and every layer. Raises VerificationFailed."""
        manifest = self._read_manifest(digest)
        with self._reading(digest), self._blobs() as folder:
            return {blob.digest: _verified(blob, folder, self.root) for blob in manifest.blobs}

    def verify(self) -> Iterator[Fault]:
        """Hash everything; one Fault for each blob, manifest or index entry that is wrong. A store that does not
        exist has none."""
        if not self.root.exists():
            return
        try:
            index = self._index()
        except (VerificationFailed, NeedsPerson) as error:
            yield Fault(str(self.root / INDEX_FILE), error.message, error.next_step)
            index = index_file.empty_index()
        yield from audit.layout_faults(self.root)
        try:
            with self._blobs() as folder:
                yield from audit.faults(index, folder, self.root)
        except FileNotFoundError:
            yield from audit.missing_entries(index, self.root)
        except (files.Unfit, OSError) as error:
            yield Fault(str(self.root / "blobs"), f"cannot be read: {error}", restore(str(self.root / "blobs")))

    # --- writing ---------------------------------------------------------------------------------------

    def put(self, manifest: bytes, blobs: Mapping[str, bytes | Path], fingerprint: str) -> str:
        """Store blobs, then the manifest, then the tag; idempotent, and nothing that is there is overwritten.

        Raises VerificationFailed for bytes that are not those of their digest or size, here or in the store, and
        RetryLater when the disk refuses: what was stored until then stays, and the same call completes it."""
        try:
            digest, content = _checked(manifest, blobs)
            files.make_folder(self.root / "blobs" / "sha256")
            with files.opened_folder(self.root, follow=True) as root, files.locked(_LOCK, dir_fd=root):
                self._write_layout(root)
                with self._blobs() as folder:
                    _clean(folder)
                    _clean(root)
                    for each, bytes_ in content.items():
                        self._keep(each, bytes_, folder)
                    os.fsync(folder)
                self._write_tag(root, fingerprint, digest, len(manifest))
        except OSError as error:
            raise self._refused(error) from None
        except files.Unfit as error:
            raise VerificationFailed(f"artifact store {self.root}: {error}", next_step=restore("it")) from None
        return digest

    def _write_layout(self, root: int) -> None:
        if not files.is_there(LAYOUT_FILE, dir_fd=root):
            files.write_durably(LAYOUT_FILE, LAYOUT_CONTENT, dir_fd=root)

    def _keep(self, digest: str, content: bytes, folder: int) -> None:
        name = digest.removeprefix("sha256:")
        if files.is_there(name, dir_fd=folder):
            _verified(Descriptor(digest, len(content)), folder, self.root)
        else:  # under the lock nobody takes the name between the look and the rename
            files.write_durably(name, content, dir_fd=folder)

    def _write_tag(self, root: int, fingerprint: str, digest: str, size: int) -> None:
        index, tag = self._index(), index_file.tag_of(fingerprint)
        if index_file.tagged(index, tag, str(self.root / INDEX_FILE)) != digest:
            files.write_durably(INDEX_FILE, index_file.with_tag(index, tag, digest, size), dir_fd=root)

    def _refused(self, error: OSError) -> RetryLater:
        step = "make room or make it writable, then run the same command again; it goes on where it stopped"
        return files.refusal(error, f"the artifact store {self.root} cannot be written", step)

    # --- inside ----------------------------------------------------------------------------------------

    def _index(self) -> dict[str, Any]:
        where = str(self.root / INDEX_FILE)
        try:
            with files.opened_folder(self.root, follow=True) as root:
                return index_file.parse_index(files.read_regular(INDEX_FILE, dir_fd=root, limit=INDEX_LIMIT), where)
        except FileNotFoundError:
            return index_file.empty_index()
        except files.Unfit as error:
            raise VerificationFailed(f"{where} cannot be read: {error}", next_step=restore(where)) from None
        except OSError as error:
            raise _unreadable(where, error) from None

    def _read_manifest(self, digest: str) -> ArtifactManifest:
        content = self.manifest(digest)
        try:
            return oci.read_manifest(content)
        except ValueError as error:
            raise VerificationFailed(
                f"{digest} in {self.root} is not an artifact of a model: {error}",
                next_step="pin a digest that reconciler history shows, or train the version",
            ) from None

    @contextmanager
    def _blobs(self) -> Iterator[int]:
        with (
            files.opened_folder(self.root, follow=True) as root,
            files.opened_folder("blobs", dir_fd=root) as blobs,
            files.opened_folder("sha256", dir_fd=blobs) as folder,
        ):
            yield folder

    @contextmanager
    def _reading(self, digest: str) -> Iterator[None]:
        if not oci.is_digest(digest):
            raise VerificationFailed(f"not a sha256 digest: {digest[:80]!r}", next_step="check the pin")
        try:
            yield
        except FileNotFoundError:
            raise _gone(digest, self.root) from None
        except files.Unfit as error:
            raise VerificationFailed(f"{self.root}: {error}", next_step=restore(str(self.root))) from None
        except OSError as error:
            raise _unreadable(str(self.root), error) from None


def _checked(manifest: bytes, blobs: Mapping[str, bytes | Path]) -> tuple[str, dict[str, bytes]]:
    """The manifest's digest, and everything to store in its order, each hashed. Raises VerificationFailed."""
    try:
        read = oci.read_manifest(manifest)
    except ValueError as error:
        raise VerificationFailed(f"the manifest to store is refused: {error}", next_step="train again") from None
    content: dict[str, bytes] = {}
    for blob in read.blobs:
        if blob.digest not in blobs:
            raise VerificationFailed(f"blob {blob.digest} is named by the manifest and was not given")
        given = blobs[blob.digest]
        bytes_ = given if isinstance(given, bytes) else files.read_regular(str(given), limit=oci.BLOB_LIMIT)
        if len(bytes_) != blob.size or audit.sha256(bytes_) != blob.digest:
            raise VerificationFailed(
                f"the bytes given for {blob.digest} are not those of the digest",
                next_step="nothing was stored under it; train again, or copy again from the store that has it",
            )
        content[blob.digest] = bytes_
    digest = audit.sha256(manifest)
    return digest, {**content, digest: manifest}


def _verified(blob: Descriptor, folder: int, root: Path, *, limit: int = oci.BLOB_LIMIT) -> bytes:
    """The bytes of a blob, read once and hashed. A size of -1 is any size up to `limit`."""
    name = blob.digest.removeprefix("sha256:")
    where = root / "blobs" / "sha256" / name
    try:
        content = files.read_regular(name, dir_fd=folder, limit=limit if blob.size < 0 else blob.size)
    except FileNotFoundError:
        raise _gone(blob.digest, root) from None
    except files.Unfit as error:
        raise audit.altered(blob.digest, where, str(error)) from None
    if blob.size >= 0 and len(content) != blob.size:
        raise audit.altered(blob.digest, where, f"it has {len(content)} bytes of {blob.size}")
    if audit.sha256(content) != blob.digest:
        raise audit.altered(blob.digest, where, "its bytes are not those of the digest")
    return content


def _gone(digest: str, root: Path) -> VerificationFailed:
    return VerificationFailed(
        f"blob {digest} is not in the artifact store {root}",
        next_step="copy it back from a backup or another copy of the store; it is never trained again",
    )


def _size(digest: str, folder: int) -> int:
    with files.opened_regular(digest.removeprefix("sha256:"), dir_fd=folder, limit=oci.BLOB_LIMIT) as (_, found):
        return found.st_size


def _clean(folder: int) -> None:
    """Remove what a crash left; the caller holds the lock, so no living writer has such a name."""
    for name in files.names(folder):
        if name.startswith(files.TEMPORARY):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def _unreadable(where: str, error: OSError) -> NeedsPerson:
    return NeedsPerson(f"{where} cannot be read: {error.strerror or error}", next_step="check its permissions")
