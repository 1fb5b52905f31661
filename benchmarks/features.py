"""Features at two million invoices: beside DuckDB SQL, polars and pandas by hand, and as the ledger grows tenfold.

Each program runs as a process that tells its own seconds, so that what libraries take to load is left out; its peak
memory is that of the whole process. Before anything is compared, every value of every yardstick must be ours: one
that computes something else is no yardstick. The fastest of them is then run alternately with ours.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import ledger
from benchmarks.programs import yardstick
from benchmarks.ratio import Times
from benchmarks.report import Figure, Row

SMALL, LARGE = 200_000, 2_000_000
YARDSTICKS = ("polars", "pandas", "duckdb")
RATIO, GIBIBYTES, SECONDS, ROUNDS = 1.5, 4.0, 10.0, 5
#: Relative to 1 + the value: ours are float32, as models get them.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class _Run:
    """What one process told; `whole` is from its start to its end."""

    read: float
    compute: float
    processor: float
    peak: int
    whole: float


def rows(scratch: Path) -> Iterator[Row | Figure]:
    """Speed beside the fastest yardstick, with its memory; growth; open invoices."""
    growth = {}
    for size in (SMALL, LARGE):
        folder = scratch / f"ledger-{size}"
        begun = time.perf_counter()
        ledger.write(folder, size)
        _say(f"wrote {size:,} invoices in {time.perf_counter() - begun:.1f} s")
        fastest = _fastest(folder, scratch)
        ours, theirs = _alternate(folder, fastest)
        growth[size] = min(run.processor for run in ours)
        yield _compared(f"history of {size:,} | {fastest}", ours, theirs, "compute", RATIO if size == LARGE else None)
        yield _compared(f"reading {size:,} | {fastest}", ours, theirs, "read", None)
        yield Figure(f"memory, history of {size:,}", max(run.peak for run in ours) / 2**30, "GiB", GIBIBYTES)
    steps = LARGE * math.log(LARGE) / (SMALL * math.log(SMALL))
    yield Figure("growth of history, tenfold | n log n", growth[LARGE] / growth[SMALL] / steps, "x", RATIO)
    whole = min(_run("ours", scratch / f"ledger-{LARGE}", "open").whole for _ in range(3))
    yield Figure(f"10,000 open of {LARGE:,}, whole process", whole, "s", SECONDS)


def _fastest(folder: Path, scratch: Path) -> str:
    """The yardstick that took the least time of those that computed what we compute, which all must."""
    mine, theirs = scratch / "ours.npy", scratch / "theirs.npy"
    _run("ours", folder, str(mine))
    seconds = {}
    for name in YARDSTICKS:
        seconds[name] = _run(name, folder, str(theirs)).compute
        for one, other in zip(np.load(mine, mmap_mode="r"), np.load(theirs, mmap_mode="r"), strict=True):
            if not bool(np.all(np.abs(one - other) <= TOLERANCE * (1 + np.abs(one)))):
                raise RuntimeError(f"{name} computes other values than we do: it is no yardstick, or we are wrong")
        theirs.unlink()
    mine.unlink()
    return min(seconds, key=lambda name: seconds[name])


def _alternate(folder: Path, fastest: str) -> tuple[list[_Run], list[_Run]]:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_run("ours", folder))
        theirs.append(_run(fastest, folder))
    return ours, theirs


def _run(name: str, folder: Path, *arguments: str) -> _Run:
    program = yardstick(f"history_{name}", folder, str(folder), *arguments)
    begun = time.perf_counter()
    done = subprocess.run(program.argv, cwd=program.cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    whole = time.perf_counter() - begun
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-1000:]}")
    found = _Run(**json.loads(done.stdout), whole=whole)
    _say(f"{name}: read in {found.read:.2f} s, computed in {found.compute:.2f} s, {found.peak / 2**30:.2f} GiB")
    return found


def _compared(what: str, ours: list[_Run], theirs: list[_Run], part: str, limit: float | None) -> Row:
    mine, other = (Times(tuple(getattr(run, part) for run in runs)) for runs in (ours, theirs))
    return Row(what, mine, other, limit)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
