"""`Tries`: a mapping that nobody has agreed to yet, tried on all rows as a refresh would read them; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.allow import Allowed
from reconciler.adapters.sources.asking import Access
from reconciler.adapters.sources.source import Sources
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.task import TaskSpec
from reconciler.ports import Progress, Trial
from reconciler.tools.duck import connect, literal, value_free

_MOST = 50_000


@dataclass(frozen=True)
class Tries:
    """`ports.Trials` for every kind of source. `secret` gives the runner's credentials by name."""

    secret: Callable[[str], str]
    task: TaskSpec

    def try_out(self, data: EnvironmentData, allow: Sequence[str], as_of: date | None, progress: Progress) -> Trial:
        """See `ports.Trials`."""
        root = Path("/")
        source = Sources(Access(root, Allowed.of(root, allow), self.secret), self.task)
        with source.extract(data, as_of, progress) as extract:
            days = _days(extract.folder, extract.rows["invoices"])
        matched, named = extract.matched or (0, 0)
        return Trial(extract.rows, named, matched, *days)


def _days(folder: Path, rows: int) -> list[Sequence[Any]]:
    """When invoices were dated, due and settled: of all, or of each n-th by its line."""
    every = max(1, -(-rows // _MOST))
    table = literal(str(folder / "invoices.parquet"))
    asked = f"SELECT invoice_date, due_date, settled_date FROM read_parquet({table}) ORDER BY line"  # noqa: S608
    with value_free("read", folder), connect(folder) as database:
        found = database.execute(f"SELECT * FROM ({asked}) QUALIFY row_number() OVER () % {every} = 0")  # noqa: S608
        return [list(column) for column in zip(*found.fetchall(), strict=True)] or [[], [], []]
