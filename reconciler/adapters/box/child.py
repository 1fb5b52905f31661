"""Runs a command line to its end or to a limit: output read and bounded, usage watched, nobody left alive.

Knows processes, pipes and time; not what the command is for. Whatever ends this (an exception of the caller's
signal handler, too) ends the child's whole group first.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.box import watch

_PIECE = 1 << 16
_LINE = 1 << 14
_KEPT_STDERR = 1 << 13


@dataclass(frozen=True)
class Bounds:
    """Sums over all processes of a child: bytes of memory, and of disk in `folders`, seconds, processes."""

    folders: Sequence[Path]
    memory: int
    disk: int
    processor: float
    wall: float
    processes: int


@dataclass(frozen=True)
class Ended:
    """How it ended: the status (negative for a signal), the bound that was reached, and the end of its stderr."""

    status: int
    reached: str | None
    stderr: bytes


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    bounds: Bounds,
    line: Callable[[bytes], None],
    beat: Callable[[], None] = lambda: None,
    info: tuple[int, int] | None = None,
) -> Ended:
    """Run `argv`; `line` is called with each line of its stdout that is not too long, `beat` again and again while
    it runs. `info` is a pipe (taken over) through which the command tells the process that everything in the box ends
    with. Raises OSError where it cannot be started."""
    with ExitStack() as on_failure:
        for end in info or ():
            on_failure.callback(os.close, end)
        process = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=info[1:] if info else (),
        )
        on_failure.pop_all()
    last: int | None = None
    try:
        last = _last_to_end(info) if info else None
        streams = _Streams(process, line)
        reached = _follow(process, streams, bounds, beat)
    finally:
        _end(process, last)
    streams.drain()
    return Ended(process.returncode, reached, streams.stderr)


def _last_to_end(info: tuple[int, int]) -> int | None:
    """A descriptor of the process that bubblewrap's box ends with: bubblewrap itself is gone a moment earlier."""
    reading, writing = info
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read(1 << 12)
    try:
        return _opened(int(json.loads(told)["child-pid"]))
    except (ValueError, KeyError, TypeError):
        return None  # it failed before it began, and says why on stderr


class _Streams:
    """The child's two pipes: lines of stdout are handed on, the end of stderr is kept, the rest is forgotten."""

    def __init__(self, process: subprocess.Popen[bytes], line: Callable[[bytes], None]) -> None:
        assert process.stdout and process.stderr  # noqa: S101  both are pipes
        self._line = line
        self._pending = b""
        self._skipping = False
        self.stderr = b""
        self.selector = selectors.DefaultSelector()
        for stream, take in ((process.stdout, self._stdout), (process.stderr, self._stderr)):
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ, take)

    def wait(self, seconds: float) -> bool:
        """Take what is there, or wait for it this long. True where something that is no stream became readable."""
        other = False
        for key, _ in self.selector.select(seconds):
            if key.data is None:
                other = True
            else:
                self._take(key)
        return other

    def drain(self) -> None:
        """Take what a child that has ended has left in the pipes, and close them."""
        for key in list(self.selector.get_map().values()):
            while self._take(key):
                pass
        self.selector.close()

    def _take(self, key: selectors.SelectorKey) -> bool:
        try:
            piece = os.read(key.fd, _PIECE)
        except BlockingIOError:
            return False
        if piece:
            key.data(piece)
        elif key.fileobj in self.selector.get_map():
            self.selector.unregister(key.fileobj)
        return bool(piece)

    def _stdout(self, piece: bytes) -> None:
        *lines, self._pending = (self._pending + piece).split(b"\n")
        for line in lines:
            if not self._skipping and len(line) <= _LINE:
                self._line(line)
            self._skipping = False
        if len(self._pending) > _LINE:  # a line without end: forget it as it comes
            self._pending, self._skipping = b"", True

    def _stderr(self, piece: bytes) -> None:
        self.stderr = (self.stderr + piece)[-_KEPT_STDERR:]


def _follow(
    process: subprocess.Popen[bytes],
    streams: _Streams,
    bounds: Bounds,
    beat: Callable[[], None],
) -> str | None:
    """Follow the child until it ends (None) or reaches a bound (which)."""
    ended = os.pidfd_open(process.pid)
    streams.selector.register(ended, selectors.EVENT_READ, None)
    deadline, look, cost = time.monotonic() + bounds.wall, 0.0, 0.0
    try:
        # The child is not waited for here: until it is, nobody else can have its process group's number.
        while True:
            now = time.monotonic()
            if now >= deadline:
                return "wall"
            if now >= look:
                if reached := _over(process.pid, bounds):
                    return reached
                beat()
                cost = time.monotonic() - now
                # At most a twentieth of one processor goes into looking, however many processes the machine has.
                look = now + max(0.05, 20 * cost)
            if streams.wait(max(0.0, min(look, deadline) - time.monotonic())):
                return None
    finally:
        streams.selector.unregister(ended)
        os.close(ended)


def _over(child: int, bounds: Bounds) -> str | None:
    used = watch.usage(child)
    if len(used.processes) > bounds.processes:  # first: many processes are much memory, too
        return "processes"
    if used.memory > bounds.memory:
        return "memory"
    if used.processor > bounds.processor:
        return "processor"
    if sum(watch.disk(folder) for folder in bounds.folders) > bounds.disk:
        return "disk"
    return None


def _end(process: subprocess.Popen[bytes], last: int | None) -> None:
    """End the whole group, and everything below it, and wait until it is gone."""
    members = [] if last is None else [last]
    try:
        members += [pidfd for pid in watch.usage(process.pid).processes if (pidfd := _opened(pid)) is not None]
    finally:  # whatever happens here, nothing goes on running
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    _wait_for(members)


def _wait_for(members: Sequence[int]) -> None:
    """Wait until the processes of these descriptors are gone (they have been killed), and close them."""
    with selectors.DefaultSelector() as waiting:
        for pidfd in members:
            waiting.register(pidfd, selectors.EVENT_READ)
        deadline = time.monotonic() + 10
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ in waiting.select(1):
                waiting.unregister(key.fileobj)
    for pidfd in members:
        os.close(pidfd)


def _opened(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
