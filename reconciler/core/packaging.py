"""The bytes of an artifact's config and manifest, from the digests and sizes of its files.

CNCF ModelPack v0.0.7 on OCI image manifest v1.1. A function of its arguments alone: no date, no run, no machine,
so equal files of the same version give the same artifact digest everywhere. `domain.oci` reads what this writes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.domain import oci

#: The files of an artifact in the order of their layers, and the media type of each.
LAYER_TYPES = {oci.MODEL_FILE: oci.WEIGHT_TYPE, oci.CARD_FILE: oci.DOC_TYPE}


@dataclass(frozen=True)
class Package:
    """An artifact's own bytes: `digest` is the manifest's and names the artifact."""

    config: bytes
    manifest: bytes
    config_digest: str
    digest: str


def package(*, model: str, version: str, fingerprint: str, files: Mapping[str, tuple[str, int]]) -> Package:
    """Config and manifest of an artifact whose `files` are name → (sha256 digest, size in bytes).

    `files` are exactly `model.onnx` and `model-card.json`; raises ValueError otherwise."""
    if set(files) != set(LAYER_TYPES):
        raise ValueError(f"an artifact has exactly the files {', '.join(LAYER_TYPES)}")
    layers = [_layer(name, *files[name]) for name in LAYER_TYPES]
    config = _bytes(
        {
            "descriptor": {"name": model, "version": version, "revision": fingerprint},
            "config": {"format": "onnx", "precision": "float32"},
            "modelfs": {"type": "layers", "diffIds": [layer["digest"] for layer in layers]},
        }
    )
    manifest = _bytes(
        {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST_TYPE,
            "artifactType": oci.ARTIFACT_TYPE,
            "config": {"mediaType": oci.CONFIG_TYPE, "digest": sha256(config), "size": len(config)},
            "layers": layers,
        }
    )
    return Package(config=config, manifest=manifest, config_digest=sha256(config), digest=sha256(manifest))


def sha256(content: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _layer(name: str, digest: str, size: int) -> dict[str, object]:
    # `filepath` is ModelPack's; `title` makes oras and other OCI clients write the file under its name.
    annotations = {oci.FILEPATH: name, oci.TITLE: name}
    return {"mediaType": LAYER_TYPES[name], "digest": digest, "size": size, "annotations": annotations}


def _bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
