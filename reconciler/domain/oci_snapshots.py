"""A snapshot in a registry: an index of manifests, each of which names the files of one year of a table.

```
index            what the snapshot is: digest, data date, columns (one annotation); and by their digests
  manifest       a year of a table: each Parquet file a layer with its name, its rows and the digest of these
```

A year in which nothing changed is the same manifest again, and is not sent: in one list of all files, the list would be
most of what a second refresh sends. Each manifest is tagged with its own digest, so that no keeper's clearing away of
untagged manifests takes it. Before, a snapshot was one manifest, its config the list of all files: that is still read.

What comes from a registry may have been written by anybody, so all of it is checked before it is believed: that the
files are those of the snapshot is the reader's matter, that they can be files of one is looked at here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import SnapshotManifest, SnapshotPart, SnapshotTable
from reconciler.domain.oci import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    TITLE,
    ArtifactManifest,
    Descriptor,
    load_json,
    read_descriptor,
)

SNAPSHOT_TYPE = "application/vnd.reconciler.snapshot.v1"
FILES_TYPE = "application/vnd.reconciler.snapshot.files.v1"
SNAPSHOT_CONFIG_TYPE = "application/vnd.reconciler.snapshot.config.v1+json"
PARQUET_TYPE = "application/vnd.apache.parquet"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
DESCRIBED, ROWS, ROWS_DIGEST = "vnd.reconciler.snapshot", "vnd.reconciler.rows", "vnd.reconciler.digest"

#: What the manifests of files have as their config: a blob that says nothing.
EMPTY = b"{}"
EMPTY_BLOB = Descriptor(f"sha256:{hashlib.sha256(EMPTY).hexdigest()}", len(EMPTY), "{}")

#: What registries take.
SNAPSHOT_MANIFEST_LIMIT = 4 << 20
SNAPSHOT_CONFIG_LIMIT = 16 << 20
_MOST_FILES = 20_000
_FILE = re.compile(r"[a-z][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9-]{0,62}\.parquet")
_TAG = re.compile(r"snapshot-([0-9a-f]{64})")
_FILES_TAG = re.compile(r"files-([0-9a-f]{64})")


# --- tags ----------------------------------------------------------------------------------------------------------


def tag_of(digest: str) -> str:
    """The tag under which a snapshot is found. Raises VerificationFailed for what is no digest."""
    tag = f"snapshot-{digest.removeprefix('sha256:')}"
    if not digest.startswith("sha256:") or not _TAG.fullmatch(tag):
        raise VerificationFailed(f"{digest[:80]!r} is not a digest", next_step="a digest is sha256: and 64 figures")
    return tag


def digest_of_tag(tag: str) -> str | None:
    """The snapshot that a tag names; None for other tags."""
    found = _TAG.fullmatch(tag)
    return f"sha256:{found[1]}" if found else None


def files_tag(digest: str) -> str:
    """The tag that holds a manifest of files, by its digest."""
    return f"files-{digest.removeprefix('sha256:')}"


def files_of_tag(tag: str) -> str | None:
    """The digest of the manifest of files that a tag holds; None for other tags."""
    found = _FILES_TAG.fullmatch(tag)
    return f"sha256:{found[1]}" if found else None


# --- writing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packed:
    """A snapshot as it is sent: its files, then the manifests that name them (digest → bytes), then the index."""

    files: tuple[Descriptor, ...]
    manifests: Mapping[str, bytes]
    index: bytes


def pack(manifest: SnapshotManifest, sizes: Mapping[str, int]) -> Packed:
    """A snapshot as an index and manifests: the same bytes for the same files. `sizes`: file → bytes."""
    manifests: dict[str, bytes] = {}
    files: list[Descriptor] = []
    members = []
    for name in sorted(manifest.tables):
        parts = sorted(manifest.tables[name].parts, key=lambda part: part.file)
        files += [Descriptor(part.file_digest, sizes[part.file], part.file) for part in parts]
        for _, year in groupby(parts, key=lambda part: part.name[:4]):
            content = _files_manifest(year, sizes)
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            manifests[digest] = content
            members.append({"mediaType": MANIFEST_TYPE, "digest": digest, "size": len(content)})
    return Packed(tuple(files), manifests, _index(manifest, members))


def _files_manifest(parts: Iterable[SnapshotPart], sizes: Mapping[str, int]) -> bytes:
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": FILES_TYPE,
            "config": {"mediaType": EMPTY_TYPE, "digest": EMPTY_BLOB.digest, "size": EMPTY_BLOB.size},
            "layers": [
                {
                    "mediaType": PARQUET_TYPE,
                    "digest": part.file_digest,
                    "size": sizes[part.file],
                    "annotations": {TITLE: part.file, ROWS: str(part.rows), ROWS_DIGEST: part.digest},
                }
                for part in parts
            ],
        }
    )


def _index(manifest: SnapshotManifest, members: Sequence[object]) -> bytes:
    described = manifest.model_dump(mode="json")
    for table in described["tables"].values():
        del table["parts"]
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "artifactType": SNAPSHOT_TYPE,
            "annotations": {DESCRIBED: _canonical(described).decode()},
            "manifests": members,
        }
    )


def _canonical(value: object) -> bytes:
    import rfc8785

    packed: bytes = rfc8785.dumps(value)
    return packed


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Index:
    """What an index says: the snapshot without its parts, and the manifests that name its files."""

    snapshot: SnapshotManifest
    manifests: tuple[Descriptor, ...]

    def whole(self, files: Iterable[tuple[Descriptor, SnapshotPart]]) -> SnapshotManifest:
        """The snapshot with its parts. Raises ValueError for a file of no table of it, or two of one name."""
        parts: dict[str, list[SnapshotPart]] = {name: [] for name in self.snapshot.tables}
        seen: set[str] = set()
        for blob, part in files:
            table = blob.name.partition("/")[0]
            if table not in parts or blob.name in seen:
                raise ValueError(f"{blob.name} is a file of no table, or twice there")
            seen.add(blob.name)
            parts[table].append(part)
        tables = {
            name: SnapshotTable(columns=table.columns, parts=sorted(parts[name], key=lambda part: part.name))
            for name, table in self.snapshot.tables.items()
        }
        return self.snapshot.model_copy(update={"tables": tables})


def is_index(content: bytes) -> bool:
    """Whether a manifest is an index: before, a snapshot was none."""
    try:
        document = load_json(content)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("mediaType") == INDEX_TYPE


def read_index(content: bytes) -> Index:
    """Read a snapshot's index. Raises ValueError saying what is wrong with it."""
    document = _document(content, SNAPSHOT_TYPE)
    members = document.get("manifests")
    if not isinstance(members, list) or len(members) > _MOST_FILES:
        raise ValueError(f"it has no manifests, or more than {_MOST_FILES:,}")
    described = load_json(str(_annotation(document, DESCRIBED) or "").encode())
    tables = described.get("tables") if isinstance(described, dict) else None
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ValueError(f"it does not say in {DESCRIBED} what it is")
    whole = {**described, "tables": {name: {**table, "parts": []} for name, table in tables.items()}}
    members = tuple(read_descriptor(member, SNAPSHOT_MANIFEST_LIMIT) for member in members)
    try:
        return Index(SnapshotManifest.model_validate(whole), members)
    except ValidationError:
        raise ValueError(f"what it says in {DESCRIBED} is no snapshot") from None


def read_files(content: bytes) -> list[tuple[Descriptor, SnapshotPart]]:
    """Read a manifest of files: each as a blob and as a part. Raises ValueError saying what is wrong with it."""
    return [(_layer(layer), _part(layer)) for layer in _layers(_document(content, FILES_TYPE))]


def _part(layer: object) -> SnapshotPart:
    blob = _layer(layer)
    try:
        return SnapshotPart.model_validate(
            {
                "name": blob.name.partition("/")[2].removesuffix(".parquet"),
                "file": blob.name,
                "rows": _annotation(layer, ROWS),
                "digest": _annotation(layer, ROWS_DIGEST),
                "file_digest": blob.digest,
            }
        )
    except ValidationError:
        raise ValueError(f"{blob.name} has no number and digest of its rows") from None


def read_snapshot_manifest(content: bytes) -> ArtifactManifest:
    """Read a snapshot that is one manifest, as it was before. Raises ValueError saying what is wrong with it."""
    document = _document(content, SNAPSHOT_TYPE)
    read = tuple(map(_layer, _layers(document)))
    if len({layer.name for layer in read}) != len(read):
        raise ValueError("two of its files have one name")
    return ArtifactManifest(read_descriptor(document.get("config"), SNAPSHOT_CONFIG_LIMIT), read)


def _document(content: bytes, kind: str) -> dict[str, Any]:
    document = load_json(content)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ValueError("it is not an OCI image manifest")
    if document.get("artifactType") != kind:
        raise ValueError(f"its artifactType is not {kind}")
    return document


def _layers(document: Mapping[str, Any]) -> list[Any]:
    layers = document.get("layers")
    if not isinstance(layers, list) or len(layers) > _MOST_FILES:
        raise ValueError(f"it has no layers, or more than {_MOST_FILES:,}")
    return layers


def _layer(value: object) -> Descriptor:
    descriptor = read_descriptor(value)
    name = _annotation(value, TITLE)
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        raise ValueError(f"layer {descriptor.digest} has no file name of a snapshot in {TITLE}")
    return Descriptor(descriptor.digest, descriptor.size, name)


def _annotation(value: object, key: str) -> object:
    annotations = value.get("annotations") if isinstance(value, dict) else None
    return annotations.get(key) if isinstance(annotations, dict) else None
