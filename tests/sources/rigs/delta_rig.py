"""Delta tables, as another program writes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deltalake import write_deltalake

from tests.sources.rigs.parquet_rig import frame
from tests.sources.rigs.table import FileRig, Rig, Table


class _Delta(FileRig):
    def put(self, name: str, table: Table) -> dict[str, Any]:
        write_deltalake(self.root / name, frame(table), mode="overwrite", schema_mode="overwrite")
        return {"kind": "delta", "path": name}

    def drop(self, name: str) -> None:
        shutil.rmtree(self.root / name)


@contextmanager
def delta_rig(folder: Path) -> Iterator[Rig]:
    yield _Delta(folder)
