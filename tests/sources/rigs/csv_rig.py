"""CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sources.rigs.table import Cell, FileRig, Rig, Table


class _Csv(FileRig):
    def put(self, name: str, table: Table) -> dict[str, Any]:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([_text(cell) for cell in row] for row in table.rows)
        fresh = self.root / f"{name}.tmp"
        fresh.write_bytes(text.getvalue().encode())
        fresh.replace(self.root / f"{name}.csv")
        return {"kind": "csv", "path": f"{name}.csv"}

    def drop(self, name: str) -> None:
        (self.root / f"{name}.csv").unlink()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case datetime():
            return cell.strftime("%Y-%m-%dT%H:%M:%S%z")
        case _:
            return str(cell)


@contextmanager
def csv_rig(folder: Path) -> Iterator[Rig]:
    yield _Csv(folder)
