"""Hashes of files that were hashed before, by size, times and inode: losing them costs only time.

Entries are kept only for files that had been still for a while when they were hashed, so that a change within one
tick of the file system's clock is never overlooked. Whoever can forge a file's ctime can forge what is read here;
`verify`, `drift` and `predict` hash the bytes themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from reconciler import files
from reconciler.domain import oci

_STILL = 2_000_000_000  # nanoseconds: the coarsest clock of a file system in use (FAT)
_LIMIT = 64 << 20

Stamp = tuple[int, int, int, int]


class HashCache:
    """Remembers hashes of one target's files in `folder`; None remembers nothing. `still`: for how many nanoseconds
    a file must not have changed for its hash to be kept."""

    def __init__(self, folder: Path | None, target: Path, *, still: int = _STILL) -> None:
        self._still = still
        self._file = folder / f"target-{hashlib.sha256(str(target).encode()).hexdigest()[:32]}.json" if folder else None
        self._known: dict[str, list[object]] = self._load()
        self._changed = False

    def hash(self, key: str, name: str, *, dir_fd: int, limit: int) -> str:
        """The sha256 digest of a file: the one remembered under `key` where nothing about the file has changed.

        Raises FileNotFoundError, OSError, files.Unfit."""
        with files.opened_regular(name, dir_fd=dir_fd, limit=limit) as (_, found):
            stamp = _stamp(found)
        known = self._known.get(key)
        if known and known[:-1] == list(stamp) and oci.is_digest(known[-1]):
            return str(known[-1])
        digest, found = files.hash_regular(name, dir_fd=dir_fd, limit=limit)
        if time.time_ns() - found.st_ctime_ns > self._still:
            self._known[key] = [*_stamp(found), digest]
            self._changed = True
        return digest

    def save(self, keys: set[str]) -> None:
        """Keep what was learned, for the files in `keys` alone; failing to is no matter."""
        if self._file is None or not self._changed:
            return
        kept = {key: value for key, value in self._known.items() if key in keys}
        with suppress(OSError, files.Unfit):
            files.make_folder(self._file.parent)
            with files.opened_folder(self._file.parent, follow=True) as folder:
                files.write_durably(self._file.name, json.dumps(kept).encode(), dir_fd=folder)

    def _load(self) -> dict[str, list[object]]:
        if self._file is None:
            return {}
        try:
            loaded = oci.load_json(files.read_regular(str(self._file), limit=_LIMIT))
        except (OSError, ValueError, files.Unfit):
            return {}
        if not isinstance(loaded, dict):
            return {}
        return {key: value for key, value in loaded.items() if isinstance(value, list) and len(value) == 5}


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
