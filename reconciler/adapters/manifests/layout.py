"""Where files stand in a user's repository, and what a path says that its file must say too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["version", "release", "environment", "signers", "stray", "ignored"]
Touches = tuple[tuple[str, str], ...]

FOLDERS = ("manifests", "environments")
MAX_BYTES = 1 << 20  # of one file: what is larger is refused, not read
KIND_OF: dict[str, str] = {"version": "ModelVersion", "release": "Release", "environment": "Environment"}

_VERSION = re.compile(r"manifests/models/([^/]+)/([^/]+)\.yaml")
_RELEASE = re.compile(r"manifests/releases/([^/]+)\.yaml")
_ENVIRONMENT = re.compile(r"environments/([^/]+)\.yaml")
_SIGNERS = re.compile(r"environments/([^/]+)\.allowed-signers")
_YAML = re.compile(r"(?:manifests|environments)/.*\.ya?ml", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Standing:
    """The role of a path, and the names in it: model and version, or an environment (for a release a guess)."""

    role: Role
    names: tuple[str, ...] = ()

    @property
    def touches(self) -> Touches:
        """What a fault of the whole file holds."""
        if self.role == "version":
            return (("version", f"{self.names[0]}@{self.names[1]}"),)
        return (("environment", self.names[0]),) if self.names else ()


def standing(path: str) -> Standing:
    """What the file at a path of the repository is for. Only `.yaml` at the known places is read."""
    if path.startswith("manifests/"):
        if found := _VERSION.fullmatch(path):
            return Standing("version", (found[1], found[2]))
        if found := _RELEASE.fullmatch(path):
            return Standing("release", (found[1],))
    elif found := _ENVIRONMENT.fullmatch(path):
        return Standing("environment", (found[1],))
    elif found := _SIGNERS.fullmatch(path):
        return Standing("signers", (found[1],))
    return Standing("stray" if _YAML.fullmatch(path) else "ignored")


def version_path(model: str, version: str) -> str:
    return f"manifests/models/{model}/{version}.yaml"


def stray_fix(path: str) -> str:
    """Where a YAML file that is not read should stand."""
    if not path.endswith(".yaml"):
        return "rename it to end in .yaml"
    if path.startswith("manifests/models/"):
        return "model versions are manifests/models/NAME/VERSION.yaml"
    if path.startswith("environments/"):
        return "environments are environments/NAME.yaml"
    return "releases are manifests/releases/NAME.yaml, model versions manifests/models/NAME/VERSION.yaml"
