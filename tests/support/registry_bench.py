"""A repository of a real registry behind a proxy, machines with an empty folder each, and invoices to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path

from reconciler.adapters.oci_registry import RegistrySnapshots, Runner, open_snapshots
from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.adapters.sources import Allowed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.registry import read_place
from reconciler.ports import SnapshotStore
from tests.support.csv_files import PLAIN, data_of, nothing, plain_csv, source_in
from tests.support.odata_bench import Clock
from tests.support.registry import blob_file
from tests.support.registry_proxy import Proxy

AS_OF = date(2024, 6, 30)
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
        """Keep rows of a CSV file."""
        return keep(self.folder, store, self.rows if rows is None else rows)

    def blob(self, digest: str) -> Path:
        """Where the registry keeps a blob."""
        return blob_file(self.data, digest)


def keep(folder: Path, store: SnapshotStore, rows: Sequence[str]) -> SnapshotManifest:
    """Keep rows of a CSV file in a store."""
    (folder / "i.csv").write_text(plain_csv(*rows))
    with source_in(folder).extract(data_of("i.csv", PLAIN), AS_OF, nothing) as extract:
        return store.keep(extract)


def changed_terms(folder: Path, store: SnapshotStore, rows: Sequence[str], earlier: str) -> tuple[int, int]:
    """How many of these rows have another due date than in an earlier snapshot, and one's line."""
    (folder / "i.csv").write_text(plain_csv(*rows))
    with source_in(folder).extract(data_of("i.csv", PLAIN), AS_OF, nothing) as extract:
        return store.changed_terms(extract, earlier)


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
