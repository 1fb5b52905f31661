"""`make bench`: measures every promise, prints one table, and ends with 1 where one was not kept.

python -m benchmarks [NAME…]      some of them: start, history, plan, changed, features, refresh
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import changed, features, history_10000, plan_1000, refresh, start
from benchmarks.report import Figure, Row, table

ALL: dict[str, Callable[[Path], Iterator[Row | Figure]]] = {
    "start": start.rows,
    "history": history_10000.rows,
    "plan": plan_1000.rows,
    "changed": changed.rows,
    "features": features.rows,
    "refresh": refresh.rows,
}


def main(names: list[str]) -> int:
    """Measure, print, and say by the exit code whether every promise was kept."""
    if unknown := set(names) - ALL.keys():
        print(f"no such benchmark: {', '.join(sorted(unknown))} (there are {', '.join(ALL)})", file=sys.stderr)
        return 64
    found: list[Row | Figure] = []
    # In memory where that is possible: making the repositories would otherwise wait for the disk a thousand times.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-", dir=memory if memory.is_dir() else None) as scratch:
        for name in names or ALL:
            print(f"measuring {name} …", file=sys.stderr)
            found.extend(ALL[name](Path(scratch)))
    print(table(found))
    missed = sum(not row.kept for row in found)
    print(f"\n{len(found) - missed} kept or shown, {missed} missed")
    return 1 if missed else 0


sys.exit(main(sys.argv[1:]))
