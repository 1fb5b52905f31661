"""`--help` beside the help of a bare click program: what every command pays before it does anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.programs import ours, yardstick
from benchmarks.ratio import alternate
from benchmarks.report import Row

RATIO, ROUNDS = 2.0, 11


def rows(scratch: Path) -> Iterator[Row]:
    """One row."""
    yield Row("--help", *alternate(ours(scratch, "--help"), yardstick("bare_click", scratch, "--help"), ROUNDS), RATIO)
