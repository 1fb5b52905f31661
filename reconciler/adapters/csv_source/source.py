"""`CsvDataSource`: an environment's CSV files as typed, checked Parquet tables in a temporary folder.

A file is opened once, by us, and copied column by column into a plain form that DuckDB then types: DuckDB never
sees a path that somebody wrote. What is wrong with a row is counted by cause, with line and field.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from reconciler.adapters.csv_source.columns import Column, Table, columns_of, positions
from reconciler.adapters.csv_source.duck import connect
from reconciler.adapters.csv_source.paths import open_allowed
from reconciler.adapters.csv_source.plain import write_plain
from reconciler.adapters.csv_source.reading import Dialect, Records
from reconciler.adapters.csv_source.tables import Checked, check_customers, check_invoices, load
from reconciler.domain.errors import AuthorMustFix, RetryLater
from reconciler.domain.inputs import EnvironmentData, Input
from reconciler.domain.jobs import SnapshotColumn
from reconciler.domain.task import TaskSpec
from reconciler.ports import BadRow, Extract, Progress

EXAMPLES = 20


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class CsvDataSource:
    """`DataSource` for CSV files. `allowed` are the folders that may be read (default: the root); without an
    as-of date, invoice and settlement dates after `today` are impossible."""

    root: Path
    task: TaskSpec
    allowed: Sequence[Path] = ()
    today: Callable[[], date] = _today

    @contextmanager
    def extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> Iterator[Extract]:
        """See `ports.DataSource`. Also raises RetryLater when the temporary folder's disk refuses."""
        if data.invoices is None:
            raise AuthorMustFix(
                "the environment has no data.invoices", next_step="name a source and its mapping in its file"
            )
        with tempfile.TemporaryDirectory(prefix="reconciler-data-") as name:
            yield self._read(data, as_of, Path(name), progress)

    def _read(self, data: EnvironmentData, as_of: date | None, folder: Path, progress: Progress) -> Extract:
        try:
            with connect(folder) as database:
                return self._tables(data, as_of, _Work(folder, database, progress))
        except OSError as error:
            raise RetryLater(
                f"the temporary folder {folder.parent} refused: {error.strerror}", next_step="free space, or set TMPDIR"
            ) from error
        except Exception as error:
            import duckdb

            if not isinstance(error, duckdb.Error):
                raise
            # its message may quote the data, so only its kind is told
            raise RetryLater(
                f"DuckDB could not work on the rows: {type(error).__name__}", next_step="free memory and disk"
            ) from None

    def _tables(self, data: EnvironmentData, as_of: date | None, work: _Work) -> Extract:
        assert data.invoices is not None  # noqa: S101  extract has looked
        columns: dict[str, tuple[SnapshotColumn, ...]] = {}
        invoices = self._load("invoices", data.invoices, work)
        checked = [check_invoices(work.database, invoices, as_of, self.today())]
        columns["invoices"] = tuple(column.snapshot() for column in invoices)
        if data.customers is not None:
            customers = self._load("customers", data.customers, work)
            checked.append(check_customers(work.database, customers))
            columns["customers"] = tuple(column.snapshot() for column in customers)
        _bear(checked, data)
        for table in checked:
            table.write(work.database, work.folder)
        newest = checked[0].newest
        if newest is None:
            when = f" of {as_of} or before" if as_of else ""
            raise AuthorMustFix(
                f"{data.invoices.source.path}: there is not one good invoice{when}",
                next_step="check the file, the mapping, the date formats" + (" and --as-of" if as_of else ""),
            )
        causes = {f"{t.table}: {cause} ({field})": n for t in checked for (cause, field), n in t.causes.items()}
        bad = [BadRow(row.cause, row.line, f"{t.table}.{row.field}") for t in checked for row in t.examples]
        return Extract(
            work.folder, as_of or newest, {t.table: t.good for t in checked}, causes, tuple(bad[:EXAMPLES]),
            columns, newest,
        )  # fmt: skip

    def _load(self, table: Table, source: Input, work: _Work) -> list[Column]:
        columns = columns_of(self.task, table, source)
        path = source.source.path
        with open_allowed(path, self.root, self.allowed or (self.root,)) as stream:
            records = Records(stream, path, Dialect(source.source.encoding, source.source.delimiter))
            places = positions(columns, records.header, path)
            plain = write_plain(records, places, work.folder / f"{table}.csv", _told(work.progress, table, stream))
        load(work.database, table, columns, (plain, places, source.null_values))
        plain.path.unlink()
        return columns


@dataclass(frozen=True)
class _Work:
    folder: Path
    database: Any
    progress: Progress


def _told(progress: Progress, table: str, stream: Any) -> Callable[[int], None]:
    import os

    size = os.fstat(stream.fileno()).st_size
    return lambda done: progress(f"reading {table} (kB)", done // 1024, size // 1024)


def _bear(checked: Sequence[Checked], data: EnvironmentData) -> None:
    """Raise AuthorMustFix where more rows of a table are bad than the environment bears."""
    limit = data.bad_rows.max_share
    for table in checked:
        if table.bad <= limit * table.rows:
            continue
        causes = [f"  {n:>7,}  {cause} ({field})" for (cause, field), n in table.causes.items()]
        where = [f"  line {row.line}: {row.cause} ({row.field})" for row in table.examples[:EXAMPLES]]
        raise AuthorMustFix(
            f"{table.bad:,} of {table.rows:,} rows of {table.table} are bad, more than the {limit:.1%} that this "
            "environment bears\n" + "\n".join([*causes, "for example", *where]),
            next_step="mend the mapping, the formats or the source; or raise data.badRows.maxShare",
        )
