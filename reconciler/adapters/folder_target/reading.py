"""What a folder target holds: reads with suspicion, changes nothing.

Bytes are tied to the digest through `manifest.json`: a deployment is intact when the manifest's own sha256 is the
digest, and each layer's is the one that the manifest names.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass

from reconciler.adapters.folder_target import layout
from reconciler.adapters.folder_target.layout import DEPLOYMENT_FILE, DeploymentFile, Marker
from reconciler.domain import oci
from reconciler.domain.observed import Observed
from reconciler.tools import files


class Unreadable(Exception):
    """A target whose marker cannot be believed: its state is `unknown`."""


@dataclass(frozen=True)
class Link:
    """What stands under a model's name: the version folder it names, or why it names none."""

    folder: str | None
    detail: str = ""


def read_marker(root: int, environment: str) -> Marker | None:
    """The marker, or None where the folder has none and nothing of ours. Raises Unreadable, OSError."""
    try:
        marker = layout.parse(Marker, files.read_regular(layout.MARKER_FILE, dir_fd=root, limit=layout.SMALL))
    except FileNotFoundError:
        if _has_something_of_ours(root):
            raise Unreadable(f"it holds models and has no marker {layout.MARKER_FILE}") from None
        return None
    except (ValueError, files.Unfit) as error:
        raise Unreadable(f"its marker {layout.MARKER_FILE} cannot be read: {error}") from None
    assert isinstance(marker, Marker)  # noqa: S101  parse gives the kind that it was asked for
    if marker.environment != environment:
        raise Unreadable(f"its marker says that it is the target of {marker.environment}, not of {environment}")
    return marker


def models(root: int) -> list[str]:
    """Names under which a model stands or stood, sorted; other files of the folder are not ours to mention."""
    kept = set(_names(root, layout.VERSIONS))
    found = [name for name in files.names(root) if layout.is_model(name)]
    return sorted(name for name in found if name in kept or _is_link_of_ours(root, name))


def read_link(root: int, model: str) -> Link | None:
    """What stands under a model's name; None where nothing does."""
    try:
        target = os.readlink(model, dir_fd=root)
    except FileNotFoundError:
        return None
    except OSError:
        return Link(None, "a file or folder stands where its symlink was")
    folder = layout.linked_folder(model, target)
    return Link(folder, "" if folder else "its symlink points outside the target's versions")


def observe_model(root: int, model: str, link: Link) -> Observed:
    """One model as found; anything wrong is a detail of the answer, never an exception."""
    if link.folder is None:
        return Observed(model, None, None, 0, None, intact=False, detail=link.detail)
    deployment: DeploymentFile | None = None
    try:
        with files.opened_below(root, layout.VERSIONS, model, link.folder) as folder:
            deployment = read_deployment(folder, model)
            return deployment.observed(_difference(folder, deployment))
    except FileNotFoundError:
        detail = "its symlink points to nothing" if deployment is None else "a file is missing"
    except (ValueError, files.Unfit, OSError) as error:
        detail = str(error)
    if deployment is not None:
        return deployment.observed(detail)
    return Observed(model, None, None, 0, None, intact=False, detail=detail)


def read_deployment(folder: int, model: str) -> DeploymentFile:
    """`deployment.json` of an open version folder. Raises ValueError where it is not the model's, OSError."""
    try:
        content = files.read_regular(DEPLOYMENT_FILE, dir_fd=folder, limit=layout.SMALL)
        deployment = layout.parse(DeploymentFile, content)
    except (ValueError, files.Unfit) as error:
        raise ValueError(f"{DEPLOYMENT_FILE} cannot be read: {error}") from None
    except FileNotFoundError:
        raise ValueError(f"{DEPLOYMENT_FILE} is missing") from None
    assert isinstance(deployment, DeploymentFile)  # noqa: S101  parse gives the kind that it was asked for
    if deployment.model != model:
        raise ValueError(f"{DEPLOYMENT_FILE} is that of {deployment.model}")
    return deployment


def read_bytes(folder: int, deployment: DeploymentFile) -> dict[str, bytes]:
    """Every file of a deployment, read once and hashed as read. Raises ValueError where one is not the digest's."""
    content = {oci.MANIFEST_FILE: _read(folder, oci.MANIFEST_FILE, oci.MANIFEST_LIMIT)}
    manifest = _manifest(content[oci.MANIFEST_FILE], deployment)
    for layer in manifest.layers:
        content[layer.name] = _read(folder, layer.name, layer.size)
        if digest_of(content[layer.name]) != layer.digest:
            raise ValueError(f"the bytes of {layer.name} are not those of the digest")
    return content


def _difference(folder: int, deployment: DeploymentFile) -> str:
    """Why the bytes are not those of the digest; "" where they are."""
    manifest = _manifest(_read(folder, oci.MANIFEST_FILE, oci.MANIFEST_LIMIT), deployment)
    for layer in manifest.layers:
        try:
            if files.hash_regular(layer.name, dir_fd=folder, limit=layer.size)[0] != layer.digest:
                return f"the bytes of {layer.name} are not those of the digest"
        except FileNotFoundError:
            return f"{layer.name} is missing"
        except files.Unfit as error:
            return f"{layer.name}: {error}"
    return ""


def _manifest(content: bytes, deployment: DeploymentFile) -> oci.ArtifactManifest:
    if digest_of(content) != deployment.digest:
        raise ValueError(f"{oci.MANIFEST_FILE} is not that of the digest")
    manifest = oci.read_manifest(content)
    expected = {layer.name: layer.digest for layer in manifest.layers} | {oci.MANIFEST_FILE: deployment.digest}
    if deployment.files != expected:
        raise ValueError(f"{DEPLOYMENT_FILE} names other files than the digest has")
    return manifest


def _read(folder: int, name: str, limit: int) -> bytes:
    try:
        return files.read_regular(name, dir_fd=folder, limit=limit)
    except FileNotFoundError:
        raise ValueError(f"{name} is missing") from None
    except files.Unfit as error:
        raise ValueError(f"{name}: {error}") from None


def _has_something_of_ours(root: int) -> bool:
    return bool(_names(root, layout.VERSIONS)) or any(_is_link_of_ours(root, name) for name in files.names(root))


def _is_link_of_ours(root: int, name: str) -> bool:
    try:
        if not stat.S_ISLNK(os.stat(name, dir_fd=root, follow_symlinks=False).st_mode):
            return False
        return os.readlink(name, dir_fd=root).startswith(f"{layout.VERSIONS}/")
    except OSError:
        return False


def _names(root: int, folder: str) -> list[str]:
    try:
        with files.opened_folder(folder, dir_fd=root) as opened:
            return files.names(opened)
    except FileNotFoundError:
        return []
    except files.Unfit as error:
        raise Unreadable(str(error)) from None


def digest_of(content: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
