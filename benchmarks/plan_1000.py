"""`plan` with nothing to do on 1,000 ModelVersions and 3 environments.

Beside it a Python process that imports click, defines one pydantic model and calls `git ls-tree -r HEAD` once.
Cold is without the cache in `<git common dir>/reconciler`. Two shapes: every version is a model of its own, deployed
in all three environments (3,000 deployments to look at); and 50 models with 20 versions each.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks import made
from benchmarks.programs import ours, yardstick
from benchmarks.ratio import alternate
from benchmarks.report import Row

RATIO, SECONDS, ROUNDS = 3.0, 0.5, 7


def rows(scratch: Path) -> Iterator[Row]:
    """Warm with its limits and cold as a figure, for each shape."""
    for models, versions in ((1000, 1), (50, 20)):
        folder = scratch / f"plan-{models}"
        made.settled(folder, models, versions)
        least = yardstick("bare_plan", folder)
        shape = f"{models:,} models x {versions}"

        def forget(folder: Path = folder) -> None:
            shutil.rmtree(folder / ".git/reconciler", ignore_errors=True)

        plan = ours(folder, "plan", "--detailed-exitcode")  # 2, a failure here, where there is anything to do
        yield Row(f"plan, {shape}, warm", *alternate(plan, least, ROUNDS), RATIO, SECONDS)
        cold = ours(folder, "plan", "--detailed-exitcode", before=forget)
        yield Row(f"plan, {shape}, cold", *alternate(cold, least, 3))
