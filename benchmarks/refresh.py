"""A refresh of two million invoices: CSV beside DuckDB's own CSV to Parquet, PostgreSQL beside COPY to a file.

Ours is everything between the source and a verified snapshot: read, typed, checked, sorted, digested, written. Both
sides run in this process, alternately; what libraries take to load is paid before.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import ledger
from benchmarks.ratio import Times
from benchmarks.report import Row
from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.adapters.sources import Access, Allowed, Sources, secrets_of
from reconciler.domain.inputs import EnvironmentData
from reconciler.tasks.customer_payment.spec import SPEC
from tests.support.postgresql import PASSWORD, Postgresql, postgresql

INVOICES, ROUNDS, RATIO = 2_000_000, 3, 2.0
FIELDS = (
    "legal_entity", "invoice", "instalment", "customer", "invoice_date", "due_date", "settled_date", "amount",
    "currency", "accounting_amount", "delivery", "disputed", "country",
)  # fmt: skip


def rows(scratch: Path) -> Iterator[Row]:
    """From CSV, and from PostgreSQL where it is installed."""
    file = scratch / "invoices.csv"
    _written(scratch, file)
    bare = scratch / "bare.parquet"
    source = {"kind": "csv", "path": file.name}
    yield _compared("refresh, CSV | DuckDB", lambda: _refresh(scratch, source), lambda: _to_parquet(file, bare))
    with _served(file) as server:
        source = {
            "kind": "postgresql", "host": "127.0.0.1", "port": server.port, "database": "postgres", "user": "owner",
            "tls": "off", "table": "public.invoices", "credentials": "erp",
        }  # fmt: skip
        bare = scratch / "bare.csv"
        yield _compared("refresh, PostgreSQL | COPY", lambda: _refresh(scratch, source), lambda: _copy(server, bare))


def _written(scratch: Path, file: Path) -> None:
    ledger.write(scratch / "made", INVOICES)
    names = ", ".join(FIELDS)
    made = f"read_parquet('{scratch}/made/invoices/*.parquet')"
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT {names} FROM {made}) TO '{file}' (FORMAT csv, HEADER)")  # noqa: S608
    shutil.rmtree(scratch / "made")


def _refresh(scratch: Path, source: Mapping[str, Any]) -> None:
    access = Access(
        scratch, Allowed((scratch,), frozenset({"127.0.0.1"})), secrets_of({"RECONCILER_CREDENTIALS_ERP": PASSWORD})
    )
    written = {"invoices": {"source": source, "mapping": {name: name for name in FIELDS}}}
    data = EnvironmentData.model_validate(written)
    store = scratch / "snapshots"
    with Sources(access, SPEC, today=lambda: date(2030, 1, 1)).extract(data, None, lambda *_: None) as extract:
        FolderSnapshots(store).keep(extract)
    shutil.rmtree(store)


def _to_parquet(file: Path, bare: Path) -> None:
    with duckdb.connect() as database:
        database.execute("SET threads = 2")
        database.execute(f"COPY (SELECT * FROM read_csv('{file}')) TO '{bare}' (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608


@contextmanager
def _served(file: Path) -> Iterator[Postgresql]:
    types = {
        "instalment": "int",
        "amount": "numeric(18,4)",
        "accounting_amount": "numeric(18,4)",
        "disputed": "boolean",
    }
    columns = ", ".join(f"{name} {types.get(name, 'date' if name.endswith('_date') else 'text')}" for name in FIELDS)
    with postgresql() as server:
        with _connected(server) as connection:
            connection.execute(f"CREATE TABLE invoices ({columns})")
            with (
                connection.cursor().copy("COPY invoices FROM STDIN (FORMAT csv, HEADER)") as copy,
                file.open("rb") as rows,
            ):
                while block := rows.read(1 << 20):
                    copy.write(block)
        yield server


def _copy(server: Postgresql, bare: Path) -> None:
    with (
        _connected(server) as connection,
        connection.cursor().copy("COPY invoices TO STDOUT (FORMAT csv)") as copy,
        bare.open("wb") as out,
    ):
        for block in copy:
            out.write(block)


def _connected(server: Postgresql) -> Any:
    import psycopg

    return psycopg.connect(host="127.0.0.1", port=server.port, user="owner", password=PASSWORD, dbname="postgres")


def _compared(what: str, ours: Callable[[], None], theirs: Callable[[], None]) -> Row:
    mine, other = [], []
    for number in range(ROUNDS):
        mine.append(_seconds(ours))
        other.append(_seconds(theirs))
        print(f"  {what}, round {number + 1}: {mine[-1]:.2f} s | {other[-1]:.2f} s", file=sys.stderr, flush=True)
    return Row(f"{what}, {INVOICES:,}", Times(tuple(mine)), Times(tuple(other)), RATIO)


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
