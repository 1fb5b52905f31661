"""Small artifacts for tests: files, and the config and manifest that package them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from reconciler.core.packaging import package


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Made:
    """An artifact in memory: what `ArtifactStore.put` and `Target.deploy` take."""

    model: str
    version: str
    digest: str
    fingerprint: str
    manifest: bytes
    blobs: dict[str, bytes]
    files: dict[str, bytes]

    @property
    def deployable(self) -> dict[str, bytes]:
        return {**self.files, "manifest.json": self.manifest}


def artifact(version: str = "1.0.0", *, model: str = "payment-prediction", salt: str = "") -> Made:
    """An artifact whose bytes are a function of the arguments. Not a real model: stores and targets never parse it."""
    files = {
        "model.onnx": f"onnx of {model} {version} {salt}\n".encode() * 20,
        "model-card.json": f'{{"model": "{model}", "version": "{version}"}}\n'.encode(),
    }
    fingerprint = sha256(f"{model} {version} {salt}".encode())
    sizes = {name: (sha256(content), len(content)) for name, content in files.items()}
    made = package(model=model, version=version, fingerprint=fingerprint, files=sizes)
    blobs = {made.config_digest: made.config, **{sha256(content): content for content in files.values()}}
    return Made(model, version, made.digest, fingerprint, made.manifest, blobs, files)
