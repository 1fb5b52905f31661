"""Entity sets of a real OData service, read with user and password."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.sources.rigs.table import Cell, Rig, Table
from tests.support.odata import PASSWORD, USER, ODataServer, server


@dataclass
class ODataRig:
    """The tables of one test."""

    root: Path
    running: ODataServer
    #: Names are identifiers; these are words of its queries.
    odd_names: Mapping[str, str] = field(
        default_factory=lambda: {"Account": "in", "Amount": "and", "DataAreaId": "order_größe"}
    )

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.running.port}"})

    @property
    def variables(self) -> Mapping[str, str]:
        return {"RECONCILER_CREDENTIALS_ERP": PASSWORD}

    def put(self, name: str, table: Table) -> dict[str, Any]:
        columns = {
            column: "exact" if kind == "number" and _is_long([row[i] for row in table.rows]) else kind
            for i, (column, kind) in enumerate(table.columns.items())
        }
        self.running.put(name, columns, table.rows, protected=True)
        authentication = {"kind": "basic", "user": USER, "credentials": "erp"}
        return {"kind": "odata", "url": self.running.url, "entity": name, "authentication": authentication}

    def drop(self, name: str) -> None:
        self.running.drop(name)


def _is_long(cells: Sequence[Cell]) -> bool:
    """The server's SQLite keeps fifteen digits of a decimal."""
    return any(isinstance(cell, Decimal) and len(cell.as_tuple().digits) > 15 for cell in cells)


@contextmanager
def odata_rig(folder: Path) -> Iterator[Rig]:
    running = server()
    running.reset()
    yield ODataRig(folder, running)
