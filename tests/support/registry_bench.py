"""A repository of a real registry behind a proxy, machines with an empty folder each, and invoices to keep."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path

import duckdb

from reconciler.adapters.oci_registry import RegistrySnapshots, Runner, open_snapshots
from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.adapters.sources import Allowed
from reconciler.domain.jobs import SnapshotColumn, SnapshotManifest
from reconciler.domain.registry import read_place
from reconciler.ports import Extract, SnapshotStore
from reconciler.tools.duck import TYPES
from tests.support.odata_bench import Clock
from tests.support.registry import blob_file
from tests.support.registry_proxy import Proxy

AS_OF = date(2024, 6, 30)
COLUMNS = [SnapshotColumn(name=name, type=kind, known_at="invoice-date") for name, kind in (
    ("legal_entity", "text"), ("invoice", "text"), ("instalment", "whole"), ("customer", "text"),
    ("invoice_date", "date"), ("due_date", "date"), ("settled_date", "date"), ("amount", "number"),
)]  # fmt: skip
_MARKS = count(1)


def own_rows() -> list[str]:
    """Five invoices of five months that no other test has: a registry keeps equal files of all repositories once, so
    that a damaged one would be everybody's."""
    mark = next(_MARKS)
    return [f"F{mark}-{month},K{month % 3},2024-{month:02}-05,2024-{month:02}-25,,{month}.5" for month in range(1, 6)]


@dataclass
class Bench:
    """`data` is where the registry keeps its own; `name` the repository."""

    folder: Path
    data: Path
    proxy: Proxy
    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    allowed: Sequence[str] | None = None
    clock: Clock = field(default_factory=Clock)
    told: list[tuple[str, int, int]] = field(default_factory=list)
    machines: int = 0
    rows: list[str] = field(default_factory=own_rows)

    @property
    def place(self) -> str:
        return f"oci://{self.proxy.host}/{self.name}"

    def machine(self, place: str | None = None) -> RegistrySnapshots:
        """The store as a machine sees it that never saw it before."""
        self.machines += 1
        allowed = Allowed.of(self.folder, self.allowed if self.allowed is not None else [f"//{self.proxy.host}"])
        runner = Runner(self.variables, allowed.check_host, allowed.check_repository, self.clock)
        opened = open_snapshots(
            read_place(place or self.place),
            runner,
            self.folder / f"machine-{self.machines}",
            open_local=FolderSnapshots,
        )
        return RegistrySnapshots(opened.registry, opened.copy, lambda *told: self.told.append(told))

    def keep(self, store: SnapshotStore, rows: Sequence[str] | None = None) -> SnapshotManifest:
        """Keep invoices: `number,customer,date,due,settled,amount`."""
        return keep(self.folder, store, self.rows if rows is None else rows)

    def blob(self, digest: str) -> Path:
        """Where the registry keeps a blob."""
        return blob_file(self.data, digest)


@contextmanager
def extract(folder: Path, rows: Sequence[str]) -> Iterator[Extract]:
    """Rows as a data source leaves them."""
    cells = [row.split(",") for row in rows]
    with tempfile.TemporaryDirectory(dir=folder) as name, duckdb.connect() as database:
        columns = ", ".join(f"{column.name} {TYPES[column.type]}" for column in COLUMNS)
        database.execute(f"CREATE TABLE invoices ({columns}, line BIGINT)")
        written = "".join(
            f"main\t{number}\t1\t{customer}\t{made}\t{due}\t{settled}\t{amount}\t{line}\n"
            for line, (number, customer, made, due, settled, amount) in enumerate(cells, 2)
        )
        (Path(name) / "rows").write_text(written)
        database.execute(f"COPY invoices FROM '{name}/rows' (FORMAT csv, DELIMITER '\t', HEADER false)")
        database.execute(f"COPY invoices TO '{name}/invoices.parquet' (FORMAT parquet)")
        yield Extract(Path(name), AS_OF, {"invoices": len(rows)}, columns={"invoices": COLUMNS})


def keep(folder: Path, store: SnapshotStore, rows: Sequence[str]) -> SnapshotManifest:
    """Keep rows in a store."""
    with extract(folder, rows) as made:
        return store.keep(made)


def changed_terms(folder: Path, store: SnapshotStore, rows: Sequence[str], earlier: str) -> tuple[int, int]:
    """How many of these rows have another due date than in an earlier snapshot, and one's line."""
    with extract(folder, rows) as made:
        return store.changed_terms(made, earlier)


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
