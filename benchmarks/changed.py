"""Work grows with what changed: a plan after one new file among 10,000, beside a plan after none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks import made
from benchmarks.programs import ours
from benchmarks.ratio import alternate
from benchmarks.report import Row

RATIO, ROUNDS = 1.5, 5


def rows(scratch: Path) -> Iterator[Row]:
    """One row."""
    folder = scratch / "changed"
    made.settled(folder, 100, 100)
    numbers = count(100)

    def change() -> None:
        path, content = made.version_file(0, next(numbers))
        made.commit(folder, {path: content}, "Add a version that nothing pins")

    after = ours(folder, "plan", "--detailed-exitcode", before=change)
    none = ours(folder, "plan", "--detailed-exitcode")
    yield Row("plan, 10,000 files, one new | none", *alternate(after, none, ROUNDS), RATIO)
