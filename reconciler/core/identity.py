"""Identities: recipe digest, fingerprint, exam digest (design section 5).

Each is the sha256 of canonical JSON (RFC 8785), so that key order, spacing and comments never matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

import rfc8785

from reconciler.domain.manifests import Exam


def canonical(value: Any) -> bytes:
    """Canonical JSON (RFC 8785) of plain values; dates become ISO strings. Raises ValueError for what JSON lacks."""
    try:
        return bytes(rfc8785.dumps(_plain(value)))
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from error


def digest_of(content: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def plain_recipe(written_spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec that the author wrote, as JSON values: what is hashed, recorded and given to the box."""
    plain = _plain(written_spec)
    assert isinstance(plain, dict)  # noqa: S101  a spec is a mapping: the schema said so
    return plain


def recipe_digest(name: str, version: str, written_spec: Mapping[str, Any]) -> str:
    """The identity of what the author wrote: name, version and the spec keys as written, defaults left out."""
    return digest_of(canonical({"name": name, "version": version, "spec": written_spec}))


def fingerprint(recipe: str, snapshot: str, task_revision: int) -> str:
    """What decides an artifact: recipe digest + snapshot digest + task revision."""
    return digest_of(canonical({"recipe": recipe, "snapshot": snapshot, "taskRevision": task_revision}))


def exam_digest(exam: Exam) -> str:
    """The identity of an exam with its defaults filled in: two spellings of one exam are one exam."""
    return digest_of(canonical(exam.model_dump(mode="json", by_alias=True)))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value
