"""A snapshot in a registry as it was sent before there were indexes: one manifest, `snapshot.json` its config."""

from __future__ import annotations

from collections.abc import Sequence

import rfc8785

from reconciler.domain.oci import MANIFEST_TYPE, TITLE, Descriptor
from reconciler.domain.oci_snapshots import PARQUET_TYPE, SNAPSHOT_CONFIG_TYPE, SNAPSHOT_TYPE


def snapshot_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """The manifest's bytes."""
    return rfc8785.dumps(
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
