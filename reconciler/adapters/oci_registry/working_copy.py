"""The copy on this machine of what a registry keeps, below the repository's git folder: losing it costs time only.

```
CACHE/store/         a folder store: what was kept or fetched here, found by its digest, its parts shared
CACHE/incoming/      a fetch that is not whole yet, one at a time
CACHE/lock           held while something is fetched or kept
```

Nothing here is forced to the disk: what a power cut leaves has other hashes than it should, and is fetched anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from reconciler.domain.errors import DiskRefused, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.ports import Progress, SnapshotStore
from reconciler.tools import files
from reconciler.tools.described import description


class Local(SnapshotStore, Protocol):
    """A folder store, with what a fetch needs beside the port."""

    @property
    def store(self) -> Path:
        """Its folder; a snapshot's is below it, by the 64 figures of its digest."""

    def adopt(self, other: Self, digest: str) -> Path:
        """Take a snapshot over from a store on the same disk once that has verified it. Raises VerificationFailed."""


def silent(_label: str, _done: int, _total: int) -> None:
    """A progress that shows nothing."""


@dataclass(frozen=True)
class WorkingCopy:
    """In the folder `place`; `open_local` opens a folder store, which tells `progress` of rows."""

    place: Path
    open_local: Callable[[Path, Progress], Local]
    progress: Progress = silent

    @property
    def local(self) -> Local:
        """The store of what is here."""
        return self.open_local(self.place / "store", self.progress)

    def folder(self, digest: str) -> Path:
        """Where a snapshot lies, if it does."""
        return self.local.store / digest.removeprefix("sha256:")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; waits for it. An OSError inside, as of a full disk, is told as one of this folder."""
        with self.disk_refusals():
            files.make_folder(self.place)
            with files.opened_folder(self.place) as folder, files.locked("lock", dir_fd=folder):
                yield

    @contextmanager
    def incoming(self, bytes_: int) -> Iterator[Local]:
        """An empty store for so many bytes to come, gone in the end; the caller holds the lock. What a killed process
        left there goes first."""
        place = self.place / "incoming"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        if shutil.disk_usage(place).free < bytes_:
            raise DiskRefused(
                f"the disk of {self.place} has no room for a snapshot of {bytes_ >> 20:,} MiB", next_step="free space"
            )
        try:
            yield self.open_local(place, self.progress)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def lend(self, digest: str, file: Path) -> bool:
        """Give a file that is here already, by the hash of its bytes, a second name; False where it is not here, or
        has other bytes than it was fetched with."""
        for manifest, folder in self._there():
            for table in manifest.tables.values():
                for part in table.parts:
                    if part.file_digest == digest and _linked(folder / part.file, file, digest):
                        return True
        return False

    def digests(self) -> list[str]:
        """The snapshots that are here, whole or not."""
        return [f"sha256:{folder.name}" for folder in self._folders()]

    def _there(self) -> Iterator[tuple[SnapshotManifest, Path]]:
        for folder in self._folders():
            with suppress(OSError, ValueError):
                yield SnapshotManifest.model_validate_json(description(folder)), folder

    def _folders(self) -> Iterator[Path]:
        store = self.local.store
        for path in sorted(store.iterdir()) if store.is_dir() else ():
            if len(path.name) == 64 and path.is_dir():
                yield path

    @contextmanager
    def disk_refusals(self) -> Iterator[None]:
        """Turn an OSError into RetryLater that names this folder."""
        try:
            yield
        except OSError as error:
            step = "free space or mend its permissions, then run it again; it may be deleted"
            raise files.refusal(error, f"the folder {self.place} refused", step) from error
        except files.Unfit as error:
            raise VerificationFailed(f"{self.place}: {error}", next_step="delete it; it is a copy") from error


def _linked(source: Path, place: Path, digest: str) -> bool:
    try:
        with source.open("rb") as stream:
            if f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}" != digest:
                return False
        os.link(source, place)
    except OSError:
        return False
    return True
