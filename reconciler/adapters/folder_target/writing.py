"""Changing a folder target: version folders, the swap, and what a crash left. The caller holds the target's lock.

The only moment that matters to a reader is the rename of a symlink. Everything before it writes names that nobody
reads; everything after it removes what nobody reads any more. A crash in between is cleaned by the next change.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress

from reconciler.adapters.folder_target import layout
from reconciler.adapters.folder_target.layout import DeploymentFile, Marker
from reconciler.adapters.folder_target.reading import Link
from reconciler.tools import files


def write_marker(root: int, marker: Marker) -> None:
    """Remember a generation, durable before anything of it is written. Raises OSError."""
    files.write_durably(layout.MARKER_FILE, layout.dump(marker), dir_fd=root)


def clean(root: int, model: str) -> None:
    """Remove what an interrupted change left of this model. Raises OSError."""
    for name in files.names(root):
        if name.startswith(files.TEMPORARY):
            with suppress(OSError):
                os.unlink(name, dir_fd=root)
    _make(layout.VERSIONS, root)
    with files.opened_below(root, layout.VERSIONS) as versions:
        _make(model, versions)
        with files.opened_below(versions, model) as folder:
            for name in files.names(folder):
                if name.startswith(files.TEMPORARY):
                    _remove(name, folder)


def write_version(root: int, deployment: DeploymentFile, content: Mapping[str, bytes], *, served: str | None) -> str:
    """Write a version folder, whole and durable, and return its name. Raises OSError; then nothing is left.

    The folder that is `served` is never written into, not even to mend it."""
    with files.opened_below(root, layout.VERSIONS, deployment.model) as versions:
        temporary, name = files.temporary_name(), _free_name(deployment, versions, served)
        os.mkdir(temporary, dir_fd=versions)
        try:
            with files.opened_folder(temporary, dir_fd=versions) as folder:
                for file, bytes_ in content.items():
                    files.write_new(file, bytes_, dir_fd=folder)
                files.write_new(layout.DEPLOYMENT_FILE, layout.dump(deployment), dir_fd=folder)
                os.fsync(folder)
            os.rename(temporary, name, src_dir_fd=versions, dst_dir_fd=versions)
        except BaseException:
            _remove(temporary, versions)
            raise
        os.fsync(versions)
        return name


def swap(root: int, model: str, folder: str) -> None:
    """Make the model's symlink name a version folder, by one rename. Raises OSError."""
    temporary = files.temporary_name()
    os.symlink(f"{layout.VERSIONS}/{model}/{folder}", temporary, dir_fd=root)
    try:
        os.rename(temporary, model, src_dir_fd=root, dst_dir_fd=root)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=root)
        raise
    os.fsync(root)


def set_aside(root: int, model: str) -> None:
    """Move what stands where the symlink belongs out of the way; it is somebody's, so it is not removed."""
    _make(layout.SET_ASIDE, root)
    with files.opened_below(root, layout.SET_ASIDE) as aside:
        name = next(name for number in range(10_000) if not files.is_there(name := f"{model}-{number}", dir_fd=aside))
        os.rename(model, name, src_dir_fd=root, dst_dir_fd=aside)
        os.fsync(aside)
    os.fsync(root)


def take_out(root: int, model: str) -> None:
    """Remove the model's symlink. Raises OSError."""
    os.unlink(model, dir_fd=root)
    os.fsync(root)


def prune(root: int, model: str, *keep: str | None) -> None:
    """Remove version folders other than those in `keep`; one that cannot be removed stays for the next time."""
    with files.opened_below(root, layout.VERSIONS, model) as versions:
        for name in files.names(versions):
            if name not in keep:
                _remove(name, versions)


def is_ours(link: Link | None) -> bool:
    """True where a rename may take the place of what stands there: nothing, or a symlink of this target."""
    return link is None or link.folder is not None


def _free_name(deployment: DeploymentFile, versions: int, served: str | None) -> str:
    """`DIGEST-GENERATION`; where that is served and not intact, the same with `.1`, `.2` …"""
    stem = f"{deployment.digest.removeprefix('sha256:')}-{deployment.generation}"
    if stem != served:
        _remove(stem, versions)  # whole, but its writer died before the swap
    candidates = (stem, *(f"{stem}.{number}" for number in range(1, 10_000)))
    return next(name for name in candidates if not files.is_there(name, dir_fd=versions))


def _make(name: str, dir_fd: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=dir_fd)
        os.fsync(dir_fd)


def _remove(name: str, dir_fd: int) -> None:
    with suppress(OSError):
        shutil.rmtree(name, dir_fd=dir_fd)
