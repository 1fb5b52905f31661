"""What a box is made of: how a command line is wrapped so that it runs without network, home or other files.

Three ways, best first. Bubblewrap builds a file system of what is named and nothing else, in new namespaces. Without
it the child shuts itself in (`inside.py`): Landlock for files, a network namespace or seccomp for the network. Which
of them really hold on a machine is found by `probing`, never by looking for a program or a kernel version.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

INSIDE = Path(__file__).with_name("inside.py")
PACKAGE = Path(__file__).parents[2].resolve()
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
#: The dynamic linker's, and which CPU this is: OpenBLAS and onnxruntime choose by it.
_SMALL = ("/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu")
#: Where files are there and not to be opened, some libraries give up (DuckDB on a cgroup's limits); in bubblewrap
#: they are not there at all, which every library bears.
_KERNEL = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/fs/cgroup")
_DEV_READ = ("/dev/zero", "/dev/urandom", "/dev/random")
_SECCOMP_ON = ("x86_64", "aarch64")
_SHARED_MEMORY = 16 << 20
_TMP = 64 << 20


@dataclass(frozen=True)
class Walls:
    """One way to shut a child in. `network` and `files` are the words for the receipt, if the probe holds."""

    network: str
    files: str
    bubblewrap: bool = False
    namespaces: bool = False
    landlock: bool = False
    seccomp: bool = False


#: Best first. The last shuts nothing in but the limits; it is used only where `best-effort` allows it.
CANDIDATES = (
    Walls("bubblewrap", "bubblewrap", bubblewrap=True, seccomp=True),
    Walls("namespace", "landlock", namespaces=True, landlock=True, seccomp=True),
    Walls("seccomp", "landlock", landlock=True, seccomp=True),
    Walls("landlock", "landlock", landlock=True),
    Walls("namespace", "none", namespaces=True, seccomp=True),
    Walls("seccomp", "none", seccomp=True),
    Walls("none", "none"),
)


@dataclass(frozen=True)
class Cell:
    """One run: the program, what it may read and write (folders or files), its environment and its limits."""

    argv: Sequence[str]
    folder: Path
    read: Sequence[Path]
    write: Sequence[Path]
    environment: Mapping[str, str]
    limits: Mapping[str, int] = field(default_factory=dict)


def command(walls: Walls, cell: Cell, *, info: int | None = None) -> list[str]:
    """The command line that runs the cell inside these walls; bubblewrap writes the id of the process that all of the
    box ends with to the descriptor `info`."""
    spec = {
        "argv": list(cell.argv),
        "folder": str(cell.folder),
        "limits": dict(cell.limits),
        "namespaces": walls.namespaces,
        "landlock": walls.landlock,
        "seccomp": walls.seccomp and platform.machine() in _SECCOMP_ON,
        "drop": not walls.bubblewrap and walls.network != "none",
        "parent": 0 if walls.bubblewrap else os.getpid(),
        "read": [str(path) for path in (*needed_by_python(), *cell.read)] + [*_SYSTEM, *_SMALL, *_KERNEL, *_DEV_READ],
        "write": [str(path) for path in cell.write] + ["/dev/null"],
    }
    inner = [sys.executable, "-I", "-S", str(INSIDE), json.dumps(spec)]
    if not walls.bubblewrap:
        return inner
    told = [] if info is None else ["--info-fd", str(info)]
    return [*_bubblewrap(cell), *told, "--", *inner]


def needed_by_python() -> tuple[Path, ...]:
    """What the interpreter and this package are made of: prefixes, and the package's own folder alone.

    A prefix that the home folder lies in is left out: it would show the home folder. Nothing starts then, and the
    probe says so."""
    home = Path("~").expanduser()
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    found = dict.fromkeys([*(Path(prefix) for prefix in prefixes), PACKAGE])
    return tuple(path for path in found if path.exists() and not home.is_relative_to(path))


def _bubblewrap(cell: Cell) -> list[str]:
    argv = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    argv += ["--cap-drop", "ALL", "--hostname", "box", "--clearenv"]
    for name, value in cell.environment.items():
        argv += ["--setenv", name, value]
    for place in _SYSTEM:
        path = Path(place)
        if path.is_symlink():  # /bin → usr/bin on a merged system
            argv += ["--symlink", str(path.readlink()), place]
        elif path.exists():
            argv += ["--ro-bind", place, place]
    for place in _SMALL:
        argv += ["--ro-bind-try", place, place]
    argv += ["--proc", "/proc", "--dev", "/dev", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm"]  # noqa: S108
    argv += ["--remount-ro", "/dev", "--size", str(_TMP), "--tmpfs", "/tmp"]  # noqa: S108
    for path in (*needed_by_python(), *cell.read):
        if not _is_below(path, _SYSTEM):
            argv += ["--ro-bind", str(path), str(path)]
    for path in cell.write:
        argv += ["--bind", str(path), str(path)]
    return [*argv, "--chdir", str(cell.folder)]


def _is_below(path: Path, places: Sequence[str]) -> bool:
    return any(path.is_relative_to(place) and not Path(place).is_symlink() for place in places)
