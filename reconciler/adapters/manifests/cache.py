"""What was read of each blob, kept in one JSON file: losing or corrupting it costs only time.

Keyed by kind and blob id, under a digest of the code that reads (this package, the models, and the files that say the
versions of pydantic and PyYAML). The first line is the sha256 of the rest. Plain JSON values only. A cache that
cannot be read or written is none: nothing here raises. It is not fsynced, because a torn file fails its first line.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import reconciler.domain

FILE = "manifests.json"
_SPARE = 2000

Entry = dict[str, Any]


class Cache:
    """Entries by key. `save` writes when something was added; entries not asked for are let go when they are many."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder is not None else None
        self._entries: dict[str, Entry] | None = None
        self._used: set[str] = set()
        self._changed = False

    def get(self, key: str) -> Entry | None:
        entry = self.load().get(key)
        if entry is not None:
            self._used.add(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        self.load()[key] = entry
        self._used.add(key)
        self._changed = True

    def save(self) -> None:
        """Write by rename, if anything is new."""
        if self._file is None or not self._changed:
            return
        self._changed = False
        body = json.dumps({"reader": reader_digest(), "files": self._kept()}, separators=(",", ":")).encode()
        temporary = self._file.with_name(f".{FILE}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            for leftover in self._file.parent.glob(f".{FILE}.*"):  # of a writer that was killed
                leftover.unlink(missing_ok=True)
            temporary.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            temporary.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _kept(self) -> dict[str, Entry]:
        entries = self.load()
        if len(entries) > 2 * len(self._used) + _SPARE:
            return {key: entry for key, entry in entries.items() if key in self._used}
        return entries

    def load(self) -> dict[str, Entry]:
        """All that is kept, read once: it may be called ahead of the first question."""
        if self._entries is None:
            self._entries = _read(self._file) if self._file is not None else {}
        return self._entries


def _read(file: Path) -> dict[str, Entry]:
    try:
        head, _, body = file.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != head:
            return {}
        with _no_collector():
            content = json.loads(body)
        entries: dict[str, Entry] = content["files"] if content["reader"] == reader_digest() else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return entries


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """Thousands of new dictionaries, none of them garbage: the collector would take as long as the reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def reader_digest() -> str:
    """Identifies the code that turns bytes into entries: any change of it makes every entry old."""
    summed = hashlib.sha256()
    for file in _code():
        with contextlib.suppress(OSError):
            summed.update(file.read_bytes())
    return summed.hexdigest()


def _code() -> Iterator[Path]:
    for folder in (Path(__file__).parent, *map(Path, reconciler.domain.__path__)):
        yield from sorted(folder.glob("*.py"))
    for library, file in (("yaml", "__init__.py"), ("pydantic", "version.py")):  # not imported: these say the version
        found = find_spec(library)
        yield Path(str(found.origin if found else "")).with_name(file)
