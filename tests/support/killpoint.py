"""Killing a whole process group at its N-th fsync, rename or link, counted across all its processes.

    library = killpoint.build(tmp_path_factory.mktemp("killpoint"))
    whole = killpoint.run(library, argv, cwd=folder)              # counts: whole.points, whole.log
    cut = killpoint.run(library, argv, at=3, cwd=folder)          # dies just before the third: cut.killed

Children inherit the library through LD_PRELOAD, so git's own processes count too. A boxed child does not (its
environment is empty): it dies with its parent and is not counted. What was killed is gone when `run` returns.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.components import leave_out

SOURCE = Path(__file__).with_name("killpoint.c")


@dataclass(frozen=True)
class Killed:
    """What came of one run. `points` were reached (the one it died at included); `log` has a line for each."""

    returncode: int
    points: int
    log: tuple[str, ...]
    stdout: str
    stderr: str

    @property
    def killed(self) -> bool:
        return self.returncode == -signal.SIGKILL


def not_durable(log: Sequence[str]) -> list[str]:
    """The renames of a log that a power failure could undo or empty: each must come right after an fsync of what is
    renamed (a file, or a folder after its files), and be followed by an fsync of the folder it happens in."""
    calls = [tuple(line.split(" ", 2)) for line in log]
    found = []
    for at, (_, call, path) in enumerate(calls):
        synced_before = at > 0 and calls[at - 1][1] == "fsync" and ".tmp-" in calls[at - 1][2]
        after = calls[at + 1] if at + 1 < len(calls) else ("", "", "")
        synced_after = after[1] == "fsync" and ".tmp-" not in after[2]
        if call.startswith("rename") and not (synced_before and synced_after):
            found.append(f"{log[at]} ({path})")
    return found


def build(folder: Path) -> Path:
    """Compile the library into `folder`; skips by name where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        leave_out("not installed: gcc (apt-get install gcc libc6-dev)")
    library = folder / "killpoint.so"
    argv = [str(compiler), "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        leave_out(f"killpoint.c does not compile here: {done.stderr.strip()[:300]}")
    return library


def run(
    library: Path,
    argv: Sequence[str],
    *,
    at: int = 0,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Killed:
    """Run `argv` as its own process group, to its end or to its `at`-th point (0: to its end)."""
    with tempfile.TemporaryDirectory(prefix="killpoint-") as folder:
        counter, log = Path(folder, "counter"), Path(folder, "log")
        counter.write_bytes(bytes(128))
        environment = {
            **(os.environ if env is None else env),
            "LD_PRELOAD": str(library),
            "KILLPOINT_FILE": str(counter),
            "KILLPOINT_AT": str(at),
            "KILLPOINT_LOG": str(log),
        }
        out, err = Path(folder, "out"), Path(folder, "err")
        with out.open("wb") as stdout, err.open("wb") as stderr:
            # Files, not pipes: a pipe held open by a stray grandchild would make this wait for it.
            process = subprocess.Popen(
                argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                start_new_session=True,
            )  # fmt: skip
            try:
                returncode = process.wait(timeout=timeout)
            finally:
                _end_group(process)
        points = struct.unpack("<q", counter.read_bytes()[:8])[0]
        lines = tuple(log.read_text(errors="replace").splitlines()) if log.exists() else ()
        return Killed(returncode, points, lines, out.read_text(errors="replace"), err.read_text(errors="replace"))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Nothing of the group is alive when this returns."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    while members := _group(process.pid):
        for pid in members:
            if (pidfd := _open(pid)) is not None:
                select.select([pidfd], [], [], 10)
                os.close(pidfd)
    process.wait()


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _group(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found
