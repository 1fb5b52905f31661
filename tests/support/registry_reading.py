"""What a registry holds of a snapshot, what a new machine says of it, and what a stranger may put there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.oci_registry.registry import Registry
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.oci import Descriptor
from reconciler.domain.oci_snapshots import tag_of
from tests.support.artifacts import sha256
from tests.support.registry_before import snapshot_manifest
from tests.support.registry_bench import Bench


def packed(bench: Bench, digest: str) -> tuple[str, dict[str, Any]]:
    """(digest, document) of a snapshot's index in the registry."""
    found = bench.machine().registry.manifest(tag_of(digest))
    assert found is not None
    return found[0], json.loads(found[1])


def lists(bench: Bench, digest: str) -> dict[str, dict[str, Any]]:
    """Digest → document of the manifests that name a snapshot's files."""
    registry, found = bench.machine().registry, {}
    for member in packed(bench, digest)[1]["manifests"]:
        _, content = registry.manifest(member["digest"]) or ("", b"{}")
        found[member["digest"]] = json.loads(content)
    return found


def layers_of(bench: Bench, digest: str) -> list[dict[str, Any]]:
    """The layers of all of these."""
    return [layer for document in lists(bench, digest).values() for layer in document["layers"]]


def read_again(bench: Bench, digest: str) -> Path:
    return bench.machine().folder(digest)


def refused(bench: Bench, digest: str) -> VerificationFailed:
    """What a new machine says of a snapshot that it may not believe; its digest is always named."""
    with pytest.raises(VerificationFailed, match=digest) as caught:
        read_again(bench, digest)
    assert caught.value.exit_code == 5
    assert caught.value.next_step
    return caught.value


def send(registry: Registry, content: bytes, name: str = "") -> Descriptor:
    """Send bytes as a blob."""
    blob = Descriptor(sha256(content), len(content), name)
    registry.push(blob, lambda: iter([content]))
    return blob


def tag(registry: Registry, digest: str, config: Descriptor, layers: list[Descriptor]) -> None:
    """Put a manifest of before under a snapshot's tag."""
    registry.put_manifest(tag_of(digest), snapshot_manifest(config, layers))


def point(registry: Registry, digest: str, year: dict[str, Any]) -> None:
    """Let the index of a snapshot name another manifest of files."""
    content = json.dumps(year).encode()
    registry.put_manifest("of-somebody", content)
    _, index = registry.manifest(tag_of(digest)) or ("", b"")
    document = json.loads(index)
    document["manifests"] = [{**document["manifests"][0], "digest": sha256(content), "size": len(content)}]
    registry.put_manifest(tag_of(digest), json.dumps(document).encode())
