"""Removes the lock files that a killed git left on our refs, and only those.

git makes `REF.lock`, writes it, closes it and renames it; killed in between, the file stays and fails every later
write. A lock file counts as dead where all of this is true:

- it locks one of our refs, the shallow file or the packed refs; never the index, a branch of the user, HEAD;
- no live process of its owner has it open, and no git process that works in this repository started before the file
  was last written. One that started later cannot have made it; one that made it is alive or has left it for good;
- it is the same file, unchanged, half a second after it was written (ten minutes on a network file system): in
  another container or on another machine its maker would be invisible here, but no ref transaction takes that long.

Looking and removing happen under a lock on the folder itself, so two reconcilers cannot remove each other's fresh one.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.adapters.git.host import Process, is_live_system, processes

_PATIENCE = 0.5
_NETWORK_PATIENCE = 600.0
_CLOCKS_DIFFER = 2.0  # seconds that a file's time and a process's start may be apart and still be one moment
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "lustre", "afs"})
_READERS = frozenset(
    {b"cat-file", b"ls-tree", b"rev-list", b"log", b"daemon", b"fsmonitor--daemon", b"credential-cache"}
)
_OURS = ("refs/heads/ledger", "refs/heads/reconciler", "refs/reconciler", "refs/reconciler-remote", "refs/remotes")
_FILES = ("packed-refs.lock", "shallow.lock")


class Locks:
    """The lock files of one git folder. `sleep` waits so many seconds."""

    def __init__(self, git_dir: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._git_dir = git_dir.resolve()
        self._sleep = sleep

    def clear(self) -> tuple[Path, ...]:
        """Remove every dead lock file on our refs; returns what was removed."""
        found = [path for name in _OURS for path in sorted((self._git_dir / name).rglob("*.lock"))]
        found += [self._git_dir / name for name in _FILES]
        return tuple(path for path in found if path.is_file() and self.clear_one(path))

    def clear_one(self, path: Path) -> bool:
        """Remove this lock file if it is ours and dead; True where it is gone afterwards."""
        path = Path(os.path.normpath(path))
        if not self._is_ours(path):
            return False
        with suppress(OSError), self._alone():
            return self._dead(path) and self._gone(path)
        return False

    def _is_ours(self, path: Path) -> bool:
        if not path.is_relative_to(self._git_dir) or path.suffix != ".lock":
            return False
        inside = path.relative_to(self._git_dir)
        return str(inside) in _FILES or any(inside.is_relative_to(name) for name in _OURS)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(self._git_dir, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _dead(self, path: Path) -> bool:
        try:
            first = path.lstat()
        except FileNotFoundError:
            return True
        patience = _NETWORK_PATIENCE if _file_system(self._git_dir) in _NETWORK else _PATIENCE
        waiting = patience - (time.time() - first.st_mtime)
        if waiting > _PATIENCE:
            return False
        if waiting > 0:
            self._sleep(waiting)
        if not is_live_system() or any(self._may_hold(each, path, first) for each in processes(first.st_uid)):
            return False
        try:
            second = path.lstat()
        except FileNotFoundError:
            return True
        return (first.st_ino, first.st_mtime_ns, first.st_size) == (second.st_ino, second.st_mtime_ns, second.st_size)

    def _may_hold(self, process: Process, path: Path, lock: os.stat_result) -> bool:
        if process.has_open(path):
            return True
        if not process.name.startswith("git") or process.started > lock.st_mtime + _CLOCKS_DIFFER:
            return False
        if _READERS.intersection(process.arguments):
            return False
        if process.folder is None or process.is_redirected():
            return True
        return any(process.folder.is_relative_to(folder) for folder in self._work_folders())

    def _work_folders(self) -> tuple[Path, ...]:
        linked = [self._git_dir]
        if self._git_dir.name == ".git":
            linked.append(self._git_dir.parent)
        for note in (self._git_dir / "worktrees").glob("*/gitdir"):
            with suppress(OSError):
                linked.append(Path(note.read_text("utf-8", "surrogateescape").strip()).parent)
        return tuple(linked)

    def _gone(self, path: Path) -> bool:
        path.unlink(missing_ok=True)
        return True


def _file_system(path: Path) -> str:
    """The kind of file system that holds `path`, as the kernel names it; empty where it does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    best = ("", "")
    for mount in mounts:
        left, _, right = mount.partition(" - ")
        point = left.split(" ")[4]
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, right.split(" ")[0])
    return best[1]
