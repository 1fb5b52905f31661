"""What this machine knows of processes: its boot id, when a process started, who may hold a lock file.

Reads /proc. Where there is none, nothing is believed dead.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_FIRST_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the kernel: the namespace of the machine itself


def host_name() -> str:
    """The name of this machine, with its process namespace inside a container: process ids mean nothing outside it."""
    try:
        namespace = (_PROC / "self/ns/pid").readlink().name
    except OSError:
        namespace = _FIRST_NAMESPACE
    return os.uname().nodename + ("" if namespace == _FIRST_NAMESPACE else f"/{namespace}")


def boot_id() -> str:
    """What identifies this boot of this machine; empty where the system does not say."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def process_start(process: int) -> str | None:
    """When a live process started, in clock ticks since boot; None where there is none (or only a zombie)."""
    try:
        fields = (_PROC / str(process) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


@dataclass(frozen=True)
class Process:
    """A live process of this machine: its command line, its start (seconds since 1970), its folder if readable."""

    id: int
    name: str
    arguments: tuple[bytes, ...]
    started: float
    folder: Path | None

    def has_open(self, path: Path) -> bool:
        """True where the process has the file open (as far as we may look)."""
        try:
            return any(_points_to(each, path) for each in (_PROC / str(self.id) / "fd").iterdir())
        except OSError:
            return False

    def is_redirected(self) -> bool:
        """True where it may work on a repository elsewhere than in its folder (GIT_DIR, --git-dir), or hides that."""
        try:
            environment = (_PROC / str(self.id) / "environ").read_bytes()
        except OSError:
            return True
        return b"GIT_DIR=" in environment or any(word.startswith(b"--git-dir") for word in self.arguments)


def _points_to(link: Path, path: Path) -> bool:
    try:
        return os.readlink(link) == str(path)  # noqa: PTH115 (a deleted file's link text is no path)
    except OSError:
        return False


def processes(owner: int) -> Iterator[Process]:
    """The live processes of one user, this one left out."""
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks = os.sysconf("SC_CLK_TCK")
    for folder in _PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        start = process_start(int(folder.name))
        try:
            if start is None or folder.stat().st_uid != owner:
                continue
            arguments = tuple((folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0"))
            name = (folder / "comm").read_text("utf-8", "replace").strip()
        except OSError:
            continue
        yield Process(int(folder.name), name, arguments, booted + int(start) / ticks, _folder_of(folder))


def _folder_of(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:
        return None


def is_live_system() -> bool:
    """True where /proc tells of processes at all."""
    return process_start(os.getpid()) is not None
