"""An artifact's OCI manifest, as values: media types, descriptors, and a careful reader.

The media types are those of the CNCF ModelPack specification v0.0.7 on an OCI image manifest v1.1. A manifest
comes from a store that anybody may have written, so everything in it is checked before it is believed: digests
that are not digests, names with separators, sizes without end. The blobs themselves are the adapters' matter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from reconciler.domain.names import DIGEST_PATTERN

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
ARTIFACT_TYPE = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
WEIGHT_TYPE = "application/vnd.cncf.model.weight.v1.raw"
DOC_TYPE = "application/vnd.cncf.model.doc.v1.raw"
FILEPATH = "org.cncf.model.filepath"
TITLE = "org.opencontainers.image.title"
REF_NAME = "org.opencontainers.image.ref.name"

MODEL_FILE = "model.onnx"
CARD_FILE = "model-card.json"
MANIFEST_FILE = "manifest.json"

MANIFEST_LIMIT = 1 << 20
BLOB_LIMIT = 1 << 30

_DIGEST = re.compile(DIGEST_PATTERN)
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Descriptor:
    """A blob as a manifest names it: digest, size in bytes, and the file name of a layer ("" for the config)."""

    digest: str
    size: int
    name: str = ""


@dataclass(frozen=True)
class ArtifactManifest:
    """What a manifest says is in an artifact."""

    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and every layer."""
        return (self.config, *self.layers)


def is_digest(value: object) -> bool:
    """True for ``sha256:`` and 64 hexadecimal figures, nothing before or after."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_file_name(value: object) -> bool:
    """True for a plain lower-case file name: no separator, no leading dot, no `..`, at most 64 characters."""
    return isinstance(value, str) and _FILE_NAME.fullmatch(value) is not None


def load_json(content: bytes) -> Any:
    """JSON from a hostile file. Raises ValueError, also for nesting without end and bytes that are not UTF-8."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_manifest(content: bytes) -> ArtifactManifest:
    """Read an artifact's manifest. Raises ValueError saying what is wrong with it."""
    document = load_json(content)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ValueError("it is not an OCI image manifest")
    if document.get("artifactType") != ARTIFACT_TYPE:
        raise ValueError(f"its artifactType is not {ARTIFACT_TYPE}")
    layers = document.get("layers")
    if not isinstance(layers, list) or not 1 <= len(layers) <= 16:
        raise ValueError("it has no layers, or more than 16")
    read = tuple(_layer(layer) for layer in layers)
    names = [layer.name for layer in read]
    if len(set(names)) != len(names) or MANIFEST_FILE in names:
        raise ValueError("two of its files have one name")
    return ArtifactManifest(config=read_descriptor(document.get("config")), layers=read)


def read_descriptor(value: object, limit: int = BLOB_LIMIT) -> Descriptor:
    """Digest and size of a descriptor. Raises ValueError for anything else than a sha256 digest and a sane size."""
    if not isinstance(value, dict) or not is_digest(value.get("digest")):
        raise ValueError("a descriptor has no sha256 digest")
    size = value.get("size")
    if type(size) is not int or not 0 <= size <= limit:
        raise ValueError(f"the size of {value['digest']} is not a number from 0 to {limit}")
    return Descriptor(digest=value["digest"], size=size)


def _layer(value: object) -> Descriptor:
    descriptor = read_descriptor(value)
    annotations = value.get("annotations") if isinstance(value, dict) else None
    name = annotations.get(FILEPATH) if isinstance(annotations, dict) else None
    if not is_file_name(name):
        raise ValueError(f"layer {descriptor.digest} has no plain file name in {FILEPATH}")
    return Descriptor(digest=descriptor.digest, size=descriptor.size, name=str(name))
