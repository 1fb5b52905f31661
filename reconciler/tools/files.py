"""Durable writing and careful reading of files: what every adapter with a folder needs, and nothing more.

Used by adapters alone. Writing: a temporary name beside the final place, fsync of the file, rename, fsync of the
folder; a crash leaves the old file, the new file, or a name that starts with `TEMPORARY`. Reading: only regular
files, never through a symlink, never more than a limit. All functions take an open folder (`dir_fd`), so that
nobody can swap the folder between a check and its use. They raise OSError; `Unfit` for a file that is not read.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from reconciler.domain.errors import DiskRefused, RetryLater
from reconciler.tools.undisturbed import undisturbed

TEMPORARY = ".tmp-"
_LOCKED = ".locked"
_CHUNK = 1 << 20


class Unfit(Exception):
    """A file that may not be read: a symlink, not a regular file, or too large."""


@contextmanager
def opened_folder(path: str | Path, *, dir_fd: int | None = None, follow: bool = False) -> Iterator[int]:
    """An open folder; a symlink at `path` itself is followed only with `follow`. Raises OSError, Unfit."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        folder = os.open(path, flags, dir_fd=dir_fd)
    except NotADirectoryError:
        raise Unfit(f"{Path(path).name} is not a folder (symlinks are not followed)") from None
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def opened_below(root: int, *parts: str) -> Iterator[int]:
    """An open folder some steps below an open one; none of the steps may be a symlink. Raises OSError, Unfit."""
    with ExitStack() as stack:
        folder = root
        for part in parts:
            folder = stack.enter_context(opened_folder(part, dir_fd=folder))
        yield folder


@contextmanager
def opened_regular(name: str, *, dir_fd: int | None = None, limit: int) -> Iterator[tuple[int, os.stat_result]]:
    """An open regular file of at most `limit` bytes, and its stat. Raises FileNotFoundError, OSError, Unfit."""
    # O_NONBLOCK: opening a FIFO that somebody planted must not wait for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ELOOP:  # O_NOFOLLOW met a symlink
            raise Unfit("it is a symlink") from None
        raise
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise Unfit("it is not a regular file")
        if found.st_size > limit:
            raise Unfit(f"it is larger than {limit} bytes")
        yield file, found
    finally:
        os.close(file)


def read_regular(name: str, *, dir_fd: int | None = None, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes, in one read. Raises as `opened_regular`."""
    with opened_regular(name, dir_fd=dir_fd, limit=limit) as (file, _):
        with os.fdopen(file, "rb", closefd=False) as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise Unfit(f"it is larger than {limit} bytes")
        return content


def hash_regular(name: str, *, dir_fd: int | None = None, limit: int) -> tuple[str, os.stat_result]:
    """(``sha256:…``, stat) of a regular file, read in pieces. Raises as `opened_regular`."""
    digest = hashlib.sha256()
    with opened_regular(name, dir_fd=dir_fd, limit=limit) as (file, found):
        while piece := os.read(file, _CHUNK):
            digest.update(piece)
        return f"sha256:{digest.hexdigest()}", found


def names(folder: int) -> list[str]:
    """The names in an open folder, in no order. Raises OSError."""
    return os.listdir(folder)


def is_there(name: str, *, dir_fd: int) -> bool:
    """True where the name is taken, by whatever it is. Raises OSError."""
    try:
        os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def temporary_name() -> str:
    """A name that nobody else has; what starts with `TEMPORARY` is a leftover once its writer is gone."""
    return f"{TEMPORARY}{os.urandom(8).hex()}"


def write_new(name: str, content: bytes, *, dir_fd: int) -> None:
    """Write and fsync a file that must not exist yet; a failure leaves nothing. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o666, dir_fd=dir_fd)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=dir_fd)
        raise


def write_durably(name: str, content: bytes, *, dir_fd: int) -> None:
    """Put `content` under `name` by one rename, durable when this returns. Raises OSError; then nothing changed."""
    temporary = temporary_name()
    write_new(temporary, content, dir_fd=dir_fd)
    try:
        os.rename(temporary, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=dir_fd)
        raise
    os.fsync(dir_fd)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, each durable. Raises OSError; FileExistsError where something else is."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir()
    with opened_folder(path.parent, follow=True) as parent:
        os.fsync(parent)
    if not path.is_dir():
        raise FileExistsError(errno.EEXIST, "it exists and is not a folder", str(path))


@contextmanager
def locked(name: str, *, dir_fd: int) -> Iterator[None]:
    """Hold an exclusive lock; waits for it. It ends with the process, so a crash never leaves it. Raises OSError."""
    file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=dir_fd)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def is_refusal(error: OSError) -> bool:
    """Whether a disk refused: it is full (of bytes or of inodes), over its quota, or read-only."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def refusal(error: OSError, what: str, next_step: str) -> RetryLater:
    """What a person is told where the system refuses `what`, such as a store with its path."""
    kind = DiskRefused if is_refusal(error) else RetryLater
    return kind(f"{what}: {error.strerror or type(error).__name__}", next_step=next_step)


@contextmanager
def passing_folder(what: str, *, place: Path | None = None, prefix: str = "") -> Iterator[Path]:
    """An empty temporary folder for `what`, gone at the end. While it lives, this process holds a lock on it, so that
    the next one can tell what a killed process left, and takes that away first. `place` and `prefix`: where and with
    which name, if not in TMPDIR. Raises OSError."""
    place = Path(tempfile.gettempdir()) if place is None else place
    _sweep(place, prefix or "reconciler-")
    prefix = prefix or f"reconciler-{what}-"
    with ExitStack() as stack:
        with undisturbed():
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=place))
            handle = stack.enter_context(opened_folder(name))
            with suppress(OSError):  # a disk without locks or room: nothing is known of it, and nobody takes it away
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.mkdir(_LOCKED, 0o700, dir_fd=handle)
        yield Path(name)


def _sweep(place: Path, prefix: str) -> None:
    """Take away the passing folders of this user that were locked once and are not any more: their process is dead."""
    for path in place.iterdir():
        if not path.name.startswith(prefix):
            continue
        with suppress(OSError, Unfit), opened_folder(path) as handle:
            if os.fstat(handle).st_uid != os.geteuid():
                continue
            os.stat(_LOCKED, dir_fd=handle, follow_symlinks=False)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(path)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it as far as it can be, also where whoever wrote it took its own rights away."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for below in folder.rglob("*"):
            with suppress(OSError):
                if below.is_dir() and not below.is_symlink():
                    below.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
