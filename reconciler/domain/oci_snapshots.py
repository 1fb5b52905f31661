"""A snapshot as an OCI manifest: its `snapshot.json` is the config, each of its Parquet files a layer with its name.

What comes from a registry may have been written by anybody, so all of it is checked before it is believed: that the
files are those of the snapshot is the reader's matter, that they can be files of one is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.oci import MANIFEST_TYPE, TITLE, ArtifactManifest, Descriptor, load_json, read_descriptor

SNAPSHOT_TYPE = "application/vnd.reconciler.snapshot.v1"
SNAPSHOT_CONFIG_TYPE = "application/vnd.reconciler.snapshot.config.v1+json"
PARQUET_TYPE = "application/vnd.apache.parquet"

#: What registries take.
SNAPSHOT_MANIFEST_LIMIT = 4 << 20
SNAPSHOT_CONFIG_LIMIT = 16 << 20
_MOST_FILES = 20_000
_FILE = re.compile(r"[a-z][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9-]{0,62}\.parquet")
_TAG = re.compile(r"snapshot-([0-9a-f]{64})")


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


def snapshot_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """The manifest's bytes: the same for the same files."""
    import rfc8785

    packed: bytes = rfc8785.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": SNAPSHOT_TYPE,
            "config": {"mediaType": SNAPSHOT_CONFIG_TYPE, "digest": config.digest, "size": config.size},
            "layers": [
                {
                    "mediaType": PARQUET_TYPE,
                    "digest": layer.digest,
                    "size": layer.size,
                    "annotations": {TITLE: layer.name},
                }
                for layer in sorted(layers, key=lambda layer: layer.name)
            ],
        }
    )
    return packed


def read_snapshot_manifest(content: bytes) -> ArtifactManifest:
    """Read a snapshot's manifest. Raises ValueError saying what is wrong with it."""
    document = load_json(content)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ValueError("it is not an OCI image manifest")
    if document.get("artifactType") != SNAPSHOT_TYPE:
        raise ValueError(f"its artifactType is not {SNAPSHOT_TYPE}")
    layers = document.get("layers")
    if not isinstance(layers, list) or len(layers) > _MOST_FILES:
        raise ValueError(f"it has no layers, or more than {_MOST_FILES:,}")
    read = tuple(_layer(layer) for layer in layers)
    if len({layer.name for layer in read}) != len(read):
        raise ValueError("two of its files have one name")
    return ArtifactManifest(read_descriptor(document.get("config"), SNAPSHOT_CONFIG_LIMIT), read)


def _layer(value: object) -> Descriptor:
    descriptor = read_descriptor(value)
    annotations = value.get("annotations") if isinstance(value, dict) else None
    name = annotations.get(TITLE) if isinstance(annotations, dict) else None
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        raise ValueError(f"layer {descriptor.digest} has no file name of a snapshot in {TITLE}")
    return Descriptor(descriptor.digest, descriptor.size, name)
