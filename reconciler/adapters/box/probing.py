"""Which walls really hold here: a child inside them tries to get out, and is seen to fail.

The probe's own server, socket and secret stand outside for the purpose, so that a connect or a read that fails does
so because of the walls. Touches a temporary folder and 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.box.walls import CANDIDATES, Cell, Walls, command
from reconciler.domain.record import Isolation
from reconciler.tools import files

_PROBE = Path(__file__).with_name("probe.py")
_NETWORK, _FILES = ("connect", "send", "local"), ("read", "write")


@dataclass(frozen=True)
class Found:
    """Walls, and what a probe saw of them; `started` is False where nothing runs inside at all."""

    walls: Walls
    started: bool
    network: bool
    files: bool
    detail: str = ""

    @property
    def isolation(self) -> Isolation:
        """What was really got, in the words of the receipt."""
        return Isolation(
            network=self.walls.network if self.network else "none", files=self.walls.files if self.files else "none"
        )


def best(candidates: Sequence[Walls] = CANDIDATES) -> Found:
    """The first walls that shut out network and files; else those that shut out most."""
    tried: list[Found] = []
    for walls in candidates:
        found = probe(walls)
        if found.network and found.files:
            return found
        tried.append(found)
    return max(tried, key=lambda each: (each.started, each.network + each.files))


def probe(walls: Walls) -> Found:
    """Run the probe inside these walls."""
    with _outside() as (out, arguments, environment):
        cell = Cell(
            argv=[sys.executable, "-I", "-S", str(_PROBE), str(out), *arguments],
            folder=out,
            read=(),
            write=(out,),
            environment=environment,
        )
        try:
            done = subprocess.run(
                command(walls, cell),
                env=dict(environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=30,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Found(walls, started=False, network=False, files=False, detail=str(error)[:200])
        tried = _answer(out)
        if tried is None:
            detail = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
            return Found(walls, started=False, network=False, files=False, detail=detail)
        network, shut = not any(tried[key] for key in _NETWORK), not any(tried[key] for key in _FILES)
        return Found(walls, started=True, network=network, files=shut)


@contextmanager
def _outside() -> Iterator[tuple[Path, list[str], dict[str, str]]]:
    """A folder for the probe, what it is told to try (all of it succeeds from outside), and an environment."""
    with ExitStack() as stack:
        base = stack.enter_context(files.passing_folder("probe")).resolve()
        out, outside = base / "out", base / "outside"
        out.mkdir()
        outside.mkdir()
        (outside / "secret").write_text("secret")
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        _bind(local, outside, "socket")
        local.listen()
        ports = [str(tcp.getsockname()[1]), str(udp.getsockname()[1])]
        yield out, [*ports, str(outside / "secret"), str(outside / "socket")], {"PATH": "/usr/bin:/bin"}


def _bind(local: socket.socket, folder: Path, name: str) -> None:
    """Through the folder's descriptor: the path of a socket may have 108 bytes, and TMPDIR may be longer."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        local.bind(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)


def _answer(out: Path) -> dict[str, bool] | None:
    with suppress(OSError, ValueError, files.Unfit):
        answer = json.loads(files.read_regular(str(out / "probe.json"), limit=1 << 12))
        if isinstance(answer, dict) and all(isinstance(answer.get(key), bool) for key in (*_NETWORK, *_FILES)):
            return answer
    return None
