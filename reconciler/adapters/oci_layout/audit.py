"""Hashing a whole layout: what `verify` says about blobs, manifests and index entries. Reads only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.adapters.oci_layout.index import INDEX_FILE, LAYOUT_FILE, restore
from reconciler.domain import oci
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.oci import Descriptor
from reconciler.ports import Fault
from reconciler.tools import files

_HEX = re.compile(r"[0-9a-f]{64}")
_GONE = "copy it back from a backup or another copy of the store; it is never trained again"


def sha256(content: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def altered(digest: str, where: Path, what: str) -> VerificationFailed:
    """The error for a blob that is not what its name says."""
    return VerificationFailed(
        f"blob {digest} in the artifact store is altered: {what}",
        next_step=f"move {where} away and copy it back from a backup or another copy of the store",
    )


def layout_faults(root: Path) -> Iterator[Fault]:
    """A store with an index has an `oci-layout` file of version 1.0.0."""
    try:
        with files.opened_folder(root, follow=True) as folder:
            content = oci.load_json(files.read_regular(LAYOUT_FILE, dir_fd=folder, limit=1 << 16))
        if not isinstance(content, dict) or content.get("imageLayoutVersion") != "1.0.0":
            yield Fault(str(root / LAYOUT_FILE), "it does not say imageLayoutVersion 1.0.0", restore(LAYOUT_FILE))
    except FileNotFoundError:
        if (root / INDEX_FILE).exists():  # without an index it is a store that has not been written yet
            yield Fault(str(root / LAYOUT_FILE), "it is missing", restore(LAYOUT_FILE))
    except (ValueError, files.Unfit, OSError) as error:
        yield Fault(str(root / LAYOUT_FILE), f"cannot be read: {error}", restore(LAYOUT_FILE))


def faults(index: dict[str, Any], folder: int, root: Path) -> Iterator[Fault]:
    """Every blob hashed, then every entry of the index followed to its blobs."""
    sizes: dict[str, int] = {}
    for name in sorted(files.names(folder)):
        if not name.startswith(files.TEMPORARY):
            yield from _blob(name, folder, root / "blobs" / "sha256" / name, sizes)
    told: set[str] = set()
    for entry in index["manifests"]:
        yield from _entry(entry, folder, sizes, told)


def missing_entries(index: dict[str, Any], root: Path) -> Iterator[Fault]:
    """Faults of a layout without a folder of blobs."""
    for entry in index["manifests"]:
        digest = str(entry.get("digest"))[:80]
        yield Fault(f"blob {digest}", f"is in the index and not in the store {root}", _GONE)


def _blob(name: str, folder: int, where: Path, sizes: dict[str, int]) -> Iterator[Fault]:
    """Hash one blob; a good one is noted in `sizes`, a bad one as size -1."""
    if not _HEX.fullmatch(name):
        yield Fault(str(where), "its name is not that of a sha256 blob", "move it away")
        return
    digest = f"sha256:{name}"
    sizes[digest] = -1
    try:
        found, at = files.hash_regular(name, dir_fd=folder, limit=1 << 50)
        if found == digest:
            sizes[digest] = at.st_size
            return
        error = altered(digest, where, "its bytes are not those of the digest")
    except (files.Unfit, OSError) as problem:
        error = altered(digest, where, str(problem))
    yield Fault(f"blob {digest}", error.message, error.next_step)


def _entry(entry: dict[str, Any], folder: int, sizes: dict[str, int], told: set[str]) -> Iterator[Fault]:
    try:
        descriptor = oci.read_descriptor(entry, limit=1 << 50)
    except ValueError as error:
        yield Fault("index.json", f"has an entry that cannot be followed: {error}", restore("index.json"))
        return
    yield from _reference(descriptor, "the index", sizes, told)
    if entry.get("artifactType") != oci.ARTIFACT_TYPE or sizes.get(descriptor.digest, -1) < 0:
        return  # another tool's entry is only hashed; what it means is not ours to say
    name = descriptor.digest.removeprefix("sha256:")
    try:
        manifest = oci.read_manifest(files.read_regular(name, dir_fd=folder, limit=oci.MANIFEST_LIMIT))
    except (ValueError, files.Unfit, OSError) as error:
        yield Fault(f"manifest {descriptor.digest}", f"is not an artifact of a model: {error}", "do not pin it")
        return
    for blob in manifest.blobs:
        yield from _reference(blob, f"manifest {descriptor.digest}", sizes, told)


def _reference(blob: Descriptor, by: str, sizes: dict[str, int], told: set[str]) -> Iterator[Fault]:
    """A blob that something names: there, and of the size that was said. Altered ones were told already."""
    size = sizes.get(blob.digest)
    if size is None and blob.digest not in told:
        told.add(blob.digest)
        yield Fault(f"blob {blob.digest}", f"is named by {by} and is not in the store", _GONE)
    elif size is not None and size not in (-1, blob.size):
        yield Fault(f"blob {blob.digest}", f"has {size} bytes, {by} says {blob.size}", restore("index.json"))
