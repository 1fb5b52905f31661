"""`FolderSnapshots`: a folder with one folder per snapshot and a pool of the parts that snapshots share.

```
STORE/parts/<part digest>.parquet          and <part digest>.json: the hash of that file
STORE/<snapshot digest>/snapshot.json.gz   and invoices/2013-09.parquet, customers/all.parquet: names of pool files
```

A part that is in the pool is not written again. A snapshot is built under a temporary name beside its final
place and renamed when all of it is on the disk.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.adapters.snapshots.canonical import key_of, snapshot_digest, sort_parts
from reconciler.adapters.snapshots.compare import compared
from reconciler.adapters.snapshots.files import disk_refusals, file_digest, force, link_or_copy, write
from reconciler.adapters.snapshots.parts import digests, pooled, written
from reconciler.adapters.snapshots.profile import profile_of
from reconciler.adapters.snapshots.sweeping import leftovers, remove, sizes
from reconciler.domain.errors import RetryLater, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest, SnapshotPart, SnapshotTable
from reconciler.ports import Extract, Progress
from reconciler.tools.described import NAME, compress, description
from reconciler.tools.duck import TYPES, Counted, connect, literal, quoted, told

_POSTED = {"invoices": ("invoice_date", "settled_date", "known_date"), "settlements": ("paid_on", "recorded_on")}


def _silent(_label: str, _done: int, _total: int) -> None:
    """A progress that shows nothing."""


@dataclass(frozen=True)
class FolderSnapshots:
    """`SnapshotStore` in the folder `store`, which is made when something is first kept. `progress` is told of rows
    that are verified, profiled and compared."""

    store: Path
    progress: Progress = _silent

    def keep(self, extract: Extract, progress: Progress | None = None) -> SnapshotManifest:
        """See `ports.SnapshotStore`. A snapshot that is there and verifies is left alone; a damaged one is
        replaced from the extract, which is what makes a refresh mend it."""
        with disk_refusals(self.store), _machine_faults():
            (self.store / "parts").mkdir(parents=True, exist_ok=True)
            leftovers(self.store)
            spill = self.store / ".tmp-spill"
            with connect(self.store, extract.folder, spill=spill) as database:
                writing = _Writing(database, extract, progress or _silent)
                tables = {name: self._table(writing, name) for name in sorted(extract.columns)}
            data_date = extract.data_date.isoformat()
            manifest = SnapshotManifest(
                digest=snapshot_digest(data_date, tables), data_date=data_date, tables=tables
            )  # fmt: skip
            self._settle(manifest)
        return manifest

    def manifest(self, digest: str) -> SnapshotManifest:
        """See `ports.SnapshotStore`: checks that the manifest is the one that the digest names, not the files."""
        try:
            manifest = SnapshotManifest.model_validate_json(description(self._place(digest)))
            names = {p.file for t in manifest.tables.values() for p in t.parts}
            sound = all(_is_inside(name) for name in names) and manifest.digest == digest
            if sound and snapshot_digest(manifest.data_date, manifest.tables) == digest:
                return manifest
        except FileNotFoundError:
            raise _damaged(digest, NAME, "is not there", self.store) from None
        except (ValueError, OSError):
            pass
        raise _damaged(digest, NAME, "is not the one of this digest", self.store)

    def folder(self, digest: str) -> Path:
        """See `ports.SnapshotStore`: checks the hash of every file, then the canonical digest of every part."""
        manifest = self.manifest(digest)
        place = self._place(digest)
        for part in _parts(manifest):
            self._check_file(digest, place, part)
        with _machine_faults(), connect(place) as database:
            for name, table in manifest.tables.items():
                held = self._digested(database, name, table, _relation(place, table))
                for part in table.parts:
                    if held.pop(part.name, None) != part.digest:
                        raise _damaged(digest, part.file, "does not hold the rows of its digest", self.store)
                if held:
                    raise _damaged(digest, name, f"holds rows of {min(held)} too", self.store)
        return place

    def _digested(self, database: Any, name: str, table: SnapshotTable, relation: str) -> dict[str, str]:
        """Part → digest of the rows that a table's files hold."""
        rows = sum(part.rows for part in table.parts)
        counted = Counted(self.progress, f"verifying {name} (rows)", rows)
        with told(database, self.progress, f"sorting {name} (rows)", rows):
            found = sort_parts(database, relation, name, table.columns)
        return digests(database, (name, table.columns), found, counted)

    def check(self, digest: str) -> None:
        """See `ports.SnapshotStore`."""
        self.folder(digest)

    def reach(self) -> None:
        """See `ports.SnapshotStore`: a folder is made when something is first kept."""

    def absent(self, digests: Sequence[str]) -> list[str]:
        """See `ports.SnapshotStore`."""
        return [digest for digest in digests if not self._place(digest).is_dir()]

    def receive(self, digest: str, folder: Path) -> None:
        """See `ports.SnapshotStore`: copied, as the folder may be on another disk."""
        with disk_refusals(self.store):
            self.store.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".tmp-", dir=self.store) as name:
                shutil.copytree(folder, Path(name) / _figures(digest))
                self.adopt(FolderSnapshots(Path(name)), digest)

    def adopt(self, other: FolderSnapshots, digest: str) -> Path:
        """Take a snapshot over from a store on the same disk, once that has verified it; its parts join the pool, so
        that they need not be written again. Raises VerificationFailed as `folder`."""
        fresh, manifest = other.folder(digest), other.manifest(digest)
        with disk_refusals(self.store):
            (self.store / "parts").mkdir(parents=True, exist_ok=True)
            for part in _parts(manifest):
                pooled(fresh / part.file, self._pool(part.digest))
            self._put(fresh, self._place(digest))
        return self._place(digest)

    def profile(self, digest: str, *, late_after: int = 0, very_late_after: int = 30) -> Mapping[str, object]:
        """See `ports.SnapshotStore`: counts, shares and ranges; no account, no invoice number."""
        place = self.folder(digest)
        manifest = self.manifest(digest)
        relations = {name: _relation(place, table) for name, table in manifest.tables.items()}
        with _machine_faults(), connect(place) as database:
            return profile_of(database, manifest, relations, (late_after, very_late_after), self.progress)

    def newest(self, digest: str) -> date | None:
        """See `ports.SnapshotStore`."""
        place, manifest = self._place(digest), self.manifest(digest)
        newest = [
            f"SELECT max(greatest({', '.join(dates)})) AS day FROM {_relation(place, table)}"  # noqa: S608
            for name, table in manifest.tables.items()
            if (dates := [column.name for column in table.columns if column.name in _POSTED.get(name, ())])
        ]
        with _machine_faults(), connect(place) as database:
            rows = " UNION ALL ".join(newest)
            found: date | None = database.execute(f"SELECT max(day) FROM ({rows})").fetchone()[0]  # noqa: S608
        return found

    def sizes(self, digests: Sequence[str]) -> Mapping[str, int]:
        """See `ports.SnapshotStore`."""
        return sizes(self.store, digests)

    def remove(self, digests: Sequence[str]) -> None:
        """See `ports.SnapshotStore`."""
        if not self.store.is_dir():
            return
        with disk_refusals(self.store):
            leftovers(self.store)
            remove(self.store, [f"sha256:{_figures(digest)}" for digest in digests])

    def compare(self, digest: str, other: str) -> Mapping[str, object]:
        """See `ports.SnapshotStore`."""
        places = self._place(digest), self._place(other)
        now, then = ((self.manifest(each), partial(_relation, self._place(each))) for each in (digest, other))
        rows = sum(part.rows for part in _parts(now[0]))
        with _machine_faults(), connect(*places) as database, told(database, self.progress, "comparing (rows)", rows):
            return compared(database, now, then)

    def changed_terms(self, extract: Extract, earlier: str) -> tuple[int, int]:
        """See `ports.SnapshotStore`: rows are matched by their key. Of the earlier one the files' hashes are checked,
        not the rows' digests: what this says is told, and decides nothing."""
        place, table = self._place(earlier), self.manifest(earlier).tables["invoices"]
        for part in table.parts:
            self._check_file(earlier, place, part)
        fresh = f"read_parquet({literal(str(extract.folder / 'invoices.parquet'))})"
        key = ", ".join(map(quoted, key_of("invoices", table.columns)))
        with _machine_faults(), connect(self.store, extract.folder) as database:
            found: tuple[int, int] = database.execute(
                f"SELECT count(*), coalesce(min(line), 0) FROM {fresh} AS fresh JOIN {_relation(place, table)} AS old "  # noqa: S608
                f"USING ({key}) WHERE fresh.due_date <> old.due_date"
            ).fetchone()
        return found

    # --- writing -------------------------------------------------------------------------------------------

    def _table(self, writing: _Writing, name: str) -> SnapshotTable:
        columns, parts = list(writing.extract.columns[name]), []
        for part in written(writing.database, (name, columns), writing.sorted(name), self._pool):
            parts.append(part)
            writing.tell("writing", name, part.rows)
        return SnapshotTable(columns=columns, parts=parts)

    def _settle(self, manifest: SnapshotManifest) -> None:
        place = self._place(manifest.digest)
        if place.exists():
            try:
                if {p.file_digest for p in _parts(self.manifest(manifest.digest))} == {
                    p.file_digest for p in _parts(manifest)
                }:
                    self.folder(manifest.digest)
                    return
            except VerificationFailed:
                pass
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=self.store) as name:
            fresh = Path(name) / "snapshot"
            self._build(manifest, fresh)
            self._put(fresh, place)

    def _put(self, fresh: Path, place: Path) -> None:
        """Put a snapshot's folder in its place, and what was there aside."""
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=self.store) as name:
            if place.exists():
                place.rename(Path(name) / "damaged")
            fresh.rename(place)
        force(self.store)

    def _build(self, manifest: SnapshotManifest, folder: Path) -> None:
        folder.mkdir()
        for table in manifest.tables.values():
            for part in table.parts:
                place = folder / part.file
                place.parent.mkdir(exist_ok=True)
                link_or_copy(self._pool(part.digest), place)
        for name in manifest.tables:
            (folder / name).mkdir(exist_ok=True)
            force(folder / name)
        text = json.dumps(manifest.model_dump(mode="json"), separators=(",", ":"), sort_keys=True)
        write(folder / NAME, compress(text.encode()))
        force(folder)

    # --- reading -------------------------------------------------------------------------------------------

    def _place(self, digest: str) -> Path:
        return self.store / _figures(digest)

    def _pool(self, digest: str) -> Path:
        return self.store / "parts" / f"{_figures(digest)}.parquet"

    def _check_file(self, digest: str, place: Path, part: SnapshotPart) -> None:
        path = place / part.file
        if path.is_symlink() or not path.is_file():
            raise _damaged(digest, part.file, "is not there", self.store)
        if file_digest(path) != part.file_digest:
            raise _damaged(digest, part.file, "has other bytes than it was written with", self.store)


@dataclass
class _Writing:
    """An extract that becomes a snapshot, and how far that is: rows of each table digested and written."""

    database: Any
    extract: Extract
    progress: Progress
    counted: dict[str, Counted] = field(default_factory=dict)

    def sorted(self, table: str) -> list[tuple[str, int]]:
        """The parts of a table, as (name, rows); leaves the sorted rows behind, as `sort_parts` does."""
        rows = f"read_parquet({literal(str(self.extract.folder / f'{table}.parquet'))})"
        with told(self.database, self.progress, f"sorting {table} (rows)", self.extract.rows.get(table, 0)):
            return sort_parts(self.database, rows, table, list(self.extract.columns[table]))

    def tell(self, doing: str, table: str, rows: int) -> None:
        """So many more rows are done."""
        label = f"{doing} {table} (rows)"
        if label not in self.counted:
            self.counted[label] = Counted(self.progress, label, self.extract.rows.get(table, 0))
        self.counted[label](rows)


def _figures(digest: str) -> str:
    figures = digest.removeprefix("sha256:")
    if len(figures) != 64 or set(figures) - set("0123456789abcdef"):
        raise VerificationFailed(f"{digest[:80]!r} is not a digest", next_step="a digest is sha256: and 64 figures")
    return figures


def _parts(manifest: SnapshotManifest) -> Iterator[SnapshotPart]:
    for table in manifest.tables.values():
        yield from table.parts


def _relation(place: Path, table: SnapshotTable) -> str:
    """SQL of a table's rows, from its files; without any part a table without rows."""
    if not table.parts:
        cells = ", ".join(f"NULL::{TYPES[column.type]} AS {quoted(column.name)}" for column in table.columns)
        return f"(SELECT {cells} LIMIT 0)"
    files = ", ".join(literal(str(place / part.file)) for part in table.parts)
    return f"read_parquet([{files}], hive_partitioning=false)"


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/") and name.endswith(".parquet")


@contextmanager
def _machine_faults() -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.IOException as error:
        full = "No space" in str(error)
        raise RetryLater(
            "the snapshot store refused: " + ("no space left" if full else "a file could not be read or written"),
            next_step="free space, then run it again; nothing is half done",
        ) from None
    except duckdb.OutOfMemoryException:
        raise RetryLater("the snapshot is too large for the memory that is left", next_step="free memory") from None
    except duckdb.Error as error:
        raise VerificationFailed(
            f"a snapshot's file is not Parquet of this project ({type(error).__name__})",
            next_step="reconciler data refresh takes a new snapshot",
        ) from None


def _damaged(digest: str, file: str, what: str, store: Path) -> VerificationFailed:
    return VerificationFailed(
        f"snapshot {digest} in {store}: {file} {what}",
        next_step="restore the folder from a backup, or take the same data again with reconciler data refresh",
    )
