"""`index.json` of a layout: read with suspicion, changed by one entry, everything else in it preserved."""

from __future__ import annotations

import json
from typing import Any

from reconciler.domain import oci
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.oci import ARTIFACT_TYPE, INDEX_TYPE, MANIFEST_TYPE, REF_NAME

INDEX_FILE = "index.json"
INDEX_LIMIT = 32 << 20
LAYOUT_FILE = "oci-layout"
LAYOUT_CONTENT = b'{"imageLayoutVersion":"1.0.0"}'


def tag_of(fingerprint: str) -> str:
    """The tag under which a training's artifact is found: ``fp-`` and 64 hexadecimal figures."""
    if not oci.is_digest(fingerprint):
        raise ValueError(f"not a fingerprint: {fingerprint!r}")
    return f"fp-{fingerprint.removeprefix('sha256:')}"


def empty_index() -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}


def parse_index(content: bytes, where: str) -> dict[str, Any]:
    """The index as plain values. Raises VerificationFailed where it is not one."""
    try:
        index = oci.load_json(content)
        if not isinstance(index, dict) or index.get("schemaVersion") != 2:
            raise ValueError("it is not an OCI image index")
        entries = index.get("manifests")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError("it has no list of manifests")
    except ValueError as error:
        raise VerificationFailed(f"{where} cannot be read: {error}", next_step=restore(where)) from None
    return index


def tagged(index: dict[str, Any], tag: str, where: str) -> str | None:
    """The digest under a tag. Raises VerificationFailed where the tag is there twice, or without a digest."""
    found = {str(entry.get("digest")) for entry in index["manifests"] if _tag(entry) == tag}
    if not found:
        return None
    if len(found) > 1 or not oci.is_digest(next(iter(found))):
        raise VerificationFailed(
            f"{where} has tag {tag} more than once or without a sha256 digest", next_step=restore(where)
        )
    return found.pop()


def with_tag(index: dict[str, Any], tag: str, digest: str, size: int) -> bytes:
    """The index with `tag` on `digest` and nothing else changed; an artifact that had the tag stays, untagged."""
    entries = [_untagged(entry) if _tag(entry) == tag else entry for entry in index["manifests"]]
    entry = {
        "mediaType": MANIFEST_TYPE,
        "digest": digest,
        "size": size,
        "artifactType": ARTIFACT_TYPE,
        "annotations": {REF_NAME: tag},
    }
    return json.dumps({**index, "manifests": [*entries, entry]}, indent=2).encode() + b"\n"


def restore(where: str) -> str:
    """What to do about a file of the store that is not what it should be."""
    return f"restore {where} from a backup or another copy of the store, then run reconciler verify"


def _tag(entry: dict[str, Any]) -> object:
    annotations = entry.get("annotations")
    return annotations.get(REF_NAME) if isinstance(annotations, dict) else None


def _untagged(entry: dict[str, Any]) -> dict[str, Any]:
    annotations = {key: value for key, value in entry["annotations"].items() if key != REF_NAME}
    return {**entry, "annotations": annotations}
