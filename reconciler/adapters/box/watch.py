"""How much a child and everything that it started uses: memory, processor time, processes. Reads /proc alone.

Limits of the kernel (`inside.py`) are per process; these sums are what a limit of the environment means.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Resident memory in bytes (its own, not that of mapped files), processor time in seconds, process ids."""

    memory: int
    processor: float
    processes: tuple[int, ...]


def usage(child: int) -> Usage:
    """What `child`, its descendants and its process group use at this moment; gone processes count as nothing."""
    family = _family(child)
    memory = sum(_memory(pid) for pid in family)
    ticks = sum(own for own in family.values())
    return Usage(memory, ticks / _TICKS, tuple(family))


def disk(folder: Path) -> int:
    """Bytes that are allocated below a folder; symlinks are not followed."""
    total, stack = 0, [str(folder)]
    while stack:
        with suppress(OSError), os.scandir(stack.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
    return total


def _family(child: int) -> dict[int, int]:
    """Process id → ticks used (with those of its waited-for children), of everything that belongs to `child`."""
    with os.scandir(_PROC) as entries:
        pids = [entry.name for entry in entries if entry.name.isdigit()]
    stats = {int(pid): stat for pid in pids if (stat := _stat(pid))}
    family = {pid for pid, (_, group, _) in stats.items() if pid == child or group == child}
    while more := {pid for pid, (parent, _, _) in stats.items() if parent in family} - family:
        family |= more
    return {pid: stats[pid][2] for pid in sorted(family)}


def _stat(pid: str) -> tuple[int, int, int] | None:
    """(parent, process group, ticks), None where the process is gone."""
    try:
        fields = (_PROC / pid / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[1]), int(fields[2]), sum(int(value) for value in fields[11:15])
    except (OSError, IndexError, ValueError):
        return None


def _memory(pid: int) -> int:
    kilobytes = 0
    with suppress(OSError, ValueError, IndexError):
        for line in (_PROC / str(pid) / "status").read_text(errors="replace").splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                kilobytes += int(line.split()[1])
    return kilobytes << 10
