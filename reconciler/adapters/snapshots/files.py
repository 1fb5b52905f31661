"""Files that are whole or not there: hashed, forced to the disk, renamed into place."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.tools import files


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, read in blocks."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def force(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Write a new file and force it to the disk."""
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def link_or_copy(source: Path, place: Path) -> None:
    """Give a file a second name, or a copy where the disk has no links."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)
        force(place)


@contextmanager
def disk_refusals(store: Path) -> Iterator[None]:
    """Turn an OSError (no space, read-only, no inodes) into RetryLater that names the store."""
    try:
        yield
    except OSError as error:
        step = "free space or mend its permissions, then run it again; nothing is half done"
        raise files.refusal(error, f"the snapshot store {store} refused", step) from error
