"""Runs two programs alternately, as whole processes, and compares their times.

Alternately, so that what else the machine does at the time falls on both; the first of each pair changes with every
round. The ratio is that of the shortest times: noise only ever adds. Medians are shown beside it.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """A command line, the folder it runs in, and what is done before each run, outside of the time."""

    argv: Sequence[str]
    cwd: Path
    before: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Times:
    """Seconds of every run of one program."""

    seconds: tuple[float, ...]

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


#: After so many seconds no further round is begun, so that one slow program does not make the table wait.
PATIENCE = 30.0


def alternate(ours: Program, yardstick: Program, rounds: int) -> tuple[Times, Times]:
    """The times of both after one round that is not counted. Raises RuntimeError for a run that fails."""
    begun = time.monotonic()
    times: dict[bool, list[float]] = {True: [], False: []}
    for round_ in range(rounds + 1):
        if round_ > 1 and time.monotonic() - begun > PATIENCE:
            break
        for is_ours in (True, False) if round_ % 2 else (False, True):
            seconds = once(ours if is_ours else yardstick)
            if round_:
                times[is_ours].append(seconds)
    return Times(tuple(times[True])), Times(tuple(times[False]))


def once(program: Program) -> float:
    """The seconds of one run, from its start to its end. Raises RuntimeError with what it said if it fails."""
    program.before()
    start = time.perf_counter()
    done = subprocess.run(program.argv, cwd=program.cwd, capture_output=True, stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")[-1000:]
        raise RuntimeError(f"{' '.join(program.argv)} ended with {done.returncode}: {said}")
    return seconds
