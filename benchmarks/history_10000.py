"""`history` of one model over 10,000 receipts, beside `git log` of the same path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import made
from benchmarks.programs import ours
from benchmarks.ratio import Program, alternate
from benchmarks.report import Row

RATIO, ROUNDS, RECEIPTS = 2.0, 5, 10_000


def rows(scratch: Path) -> Iterator[Row]:
    """One row."""
    folder = scratch / "history"
    model = made.with_history(folder, RECEIPTS)
    log = Program(["git", "log", "ledger/production", "--", f"deployments/{model}.json"], folder)
    history = ours(folder, "history", model, "-e", "production")
    yield Row(f"history, {RECEIPTS:,} receipts", *alternate(history, log, ROUNDS), RATIO)
