"""A snapshot's folder as one table of invoices, each with what is known of its customer.

Reads Parquet with DuckDB, locked to the folder. Dates become whole days since 1970-01-01 (`NO_DAY` where there is
none), numbers float64 (NaN where there is none), flags 1 and 0, texts str (missing: NaN). The caller has verified
the folder's digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.jobs import SnapshotManifest, SnapshotTable
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.tasks.customer_payment.spec import INVOICE_KEY, SPEC

_EPOCH = date(1970, 1, 1)
_ALWAYS = ("legal_entity", "invoice", "customer", "invoice_date", "due_date", "amount")


def to_day(value: date) -> int:
    """Days since 1970-01-01."""
    return (value - _EPOCH).days


def to_date(day: int) -> date:
    """The inverse of `to_day`."""
    return date.fromordinal(day + _EPOCH.toordinal())


@dataclass(frozen=True)
class Tables:
    """`invoices`: one row each, sorted by its key, with its customer's fields; `customer`: a number per row that is
    equal for equal (legal entity, customer); `known`: the fields that are known at the invoice date;
    `data_date`: the last day that the data knows."""

    invoices: pd.DataFrame
    customer: Days
    known: frozenset[str]
    data_date: int

    def days(self, name: str) -> Days:
        """A date column as days."""
        return self.invoices[name].to_numpy(dtype=np.int64)

    def texts(self, name: str) -> npt.NDArray[np.object_]:
        """A text column as Python strings, empty where missing."""
        return np.asarray(self.invoices[name].fillna("").astype(object).to_numpy(), dtype=np.object_)


def load(folder: Path) -> Tables:
    """Read a snapshot's folder. Raises AuthorMustFix where it lacks what the task cannot do without."""
    manifest = SnapshotManifest.model_validate_json((folder / "snapshot.json").read_bytes())
    connection = _locked(folder)
    try:
        invoices = _read(connection, folder, manifest.tables.get("invoices"))
        customers = _read(connection, folder, manifest.tables.get("customers"))
    finally:
        connection.close()
    missing = [name for name in _ALWAYS if name not in invoices]
    if missing:
        raise AuthorMustFix(
            f"the snapshot's invoices have no {', '.join(missing)}",
            next_step="map these fields in the environment's data.invoices.mapping and refresh",
        )
    known = frozenset(_known(manifest))
    return tables_from(invoices, customers, known=known, data_date=to_day(date.fromisoformat(manifest.data_date)))


def tables_from(invoices: pd.DataFrame, customers: pd.DataFrame, *, known: frozenset[str], data_date: int) -> Tables:
    """Join customers to invoices, fill in what was not mapped, and put rows in the order of their key."""
    invoices = invoices.copy()
    for name, value in (("instalment", 1), ("settled_date", NO_DAY)):
        if name not in invoices:
            invoices[name] = value
    _know_settlements(invoices, data_date)
    invoices = invoices.sort_values(list(INVOICE_KEY), kind="stable", ignore_index=True)
    invoices = _with_customers(invoices, customers)
    codes = invoices.groupby(["legal_entity", "customer"], sort=True, dropna=False).ngroup()
    customer: Days = codes.to_numpy().astype(np.int64)
    return Tables(invoices, customer, known, data_date)


def _know_settlements(invoices: pd.DataFrame, data_date: int) -> None:
    """`known_date`: the day on which a settlement was recorded, the day it was paid where the data does not say, and
    never before that. What became known after the data's last day has not been settled yet."""
    paid = invoices["settled_date"].to_numpy(dtype=np.int64)
    recorded = invoices["known_date"].to_numpy(dtype=np.int64) if "known_date" in invoices else paid
    known = np.where(recorded < NO_DAY, np.maximum(recorded, paid), paid)
    for name, days in (("settled_date", paid), ("known_date", known)):
        invoices[name] = np.where(known <= data_date, days, NO_DAY)


def _with_customers(invoices: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in ("legal_entity", "customer") if name in customers]
    if "customer" not in keys:
        return invoices
    rest = {name: f"customers.{name}" if name == "country" else name for name in customers if name not in keys}
    right = customers.drop_duplicates(keys).rename(columns=rest)
    joined = invoices.merge(right, how="left", on=keys, validate="many_to_one")
    if "customer_since" in joined:
        joined["customer_since"] = joined["customer_since"].fillna(NO_DAY).astype(np.int64)
    return joined


def _known(manifest: SnapshotManifest) -> list[str]:
    out = []
    for table, content in manifest.tables.items():
        for column in content.columns:
            if column.known_at == "invoice-date":
                key = f"customers.{column.name}"
                out.append(key if table == "customers" and key in SPEC.fields else column.name)
    return out


def _locked(folder: Path) -> Any:
    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET allowed_directories = ?", [[str(folder.resolve())]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _read(connection: Any, folder: Path, table: SnapshotTable | None) -> pd.DataFrame:
    if table is None or not table.parts:
        return pd.DataFrame()
    columns = ", ".join(_expression(column.name, column.type) for column in table.columns)
    files = [str(folder.resolve() / part.file) for part in table.parts]
    frame: pd.DataFrame = connection.execute(f"SELECT {columns} FROM read_parquet($1)", [files]).df()  # noqa: S608
    return frame


def _expression(name: str, kind: str) -> str:
    """The column as this module promises it. Names of columns are quoted: they come from a file."""
    quoted = '"' + name.replace('"', '""') + '"'
    value = {
        "date": f"CAST(coalesce({quoted} - DATE '1970-01-01', {NO_DAY}) AS BIGINT)",
        "number": f"CAST({quoted} AS DOUBLE)",
        "whole": f"CAST(coalesce({quoted}, 1) AS BIGINT)",
        "flag": f"CAST({quoted} AS DOUBLE)",
    }.get(kind, f"CAST({quoted} AS VARCHAR)")
    return f"{value} AS {quoted}"
