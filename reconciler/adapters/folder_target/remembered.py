"""Deployments that were found intact before, by size, times and inode of their files: losing them costs only time.

One is kept only once its files had been still for a while, so that a change within one tick of the file system's
clock is never overlooked. Whoever can forge a file's ctime can forge what is read here; `apply`, `verify`, `drift`
and `predict` hash the bytes themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reconciler.adapters.folder_target.layout import DEPLOYMENT_FILE, VERSIONS
from reconciler.domain import oci
from reconciler.domain.observed import Observed
from reconciler.tools import files

_STILL = 2_000_000_000  # nanoseconds: the coarsest clock of a file system in use (FAT)
_LIMIT = 64 << 20
_FILES = (DEPLOYMENT_FILE, oci.MANIFEST_FILE, oci.MODEL_FILE, oci.CARD_FILE)

Stamps = list[list[int]]


class Remembered:
    """What was found in one target, kept in `folder`; None remembers nothing. `still`: for how many nanoseconds the
    files must not have changed for a deployment to be kept."""

    def __init__(self, folder: Path | None, target: Path, *, still: int = _STILL) -> None:
        self._still = still
        self._file = folder / f"target-{hashlib.sha256(str(target).encode()).hexdigest()[:32]}.json" if folder else None
        self._known: dict[str, Any] = self._load()
        self._found: dict[str, Any] = {}

    def recall(self, root: int, model: str, folder: str) -> Observed | None:
        """The deployment in a version folder as it was found, where nothing about its files has changed since."""
        known = self._known.get(f"{model}/{folder}")
        if not isinstance(known, list) or len(known) != 2 or known[0] != _stamps(root, model, folder):
            return None
        try:
            observed = Observed(**known[1])
        except TypeError:
            return None
        self._found[f"{model}/{folder}"] = known
        return observed

    def learn(self, root: int, folder: str, observed: Observed) -> None:
        """Remember a deployment that was just hashed and found intact."""
        stamps = _stamps(root, observed.model, folder) if self._file and observed.intact else None
        if stamps and time.time_ns() - max(stamp[2] for stamp in stamps) > self._still:
            self._found[f"{observed.model}/{folder}"] = [stamps, asdict(observed)]

    def save(self) -> None:
        """Keep what was found this time, and nothing else; failing to is no matter."""
        if self._file is None or self._found == self._known:
            return
        with suppress(OSError, files.Unfit):
            files.make_folder(self._file.parent)
            with files.opened_folder(self._file.parent, follow=True) as folder:
                files.write_durably(self._file.name, json.dumps(self._found).encode(), dir_fd=folder)

    def _load(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        try:
            loaded = oci.load_json(files.read_regular(str(self._file), limit=_LIMIT))
        except (OSError, ValueError, files.Unfit):
            return {}
        return loaded if isinstance(loaded, dict) else {}


def _stamps(root: int, model: str, folder: str) -> Stamps | None:
    """Size, times and inode of a deployment's files; None where one is missing."""
    place = f"{VERSIONS}/{model}/{folder}"
    try:
        found = [os.stat(f"{place}/{name}", dir_fd=root, follow_symlinks=False) for name in _FILES]
    except OSError:
        return None
    return [[each.st_size, each.st_mtime_ns, each.st_ctime_ns, each.st_ino] for each in found]
