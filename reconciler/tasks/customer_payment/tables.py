"""A snapshot's folder as one table of invoices, each with what is known of its customer.

Reads Parquet with DuckDB, locked to the folder. Dates become whole days since 1970-01-01 (`NO_DAY` where there is
none), numbers float64 (NaN where there is none), flags 1 and 0, texts str or categories of them (missing: NaN; ask
`Tables.texts`). The caller has verified the folder's digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.jobs import SnapshotManifest, SnapshotTable
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.tasks.customer_payment.past import Past, find_past
from reconciler.tasks.customer_payment.spec import CUSTOMER_KEY, INVOICE_KEY, SPEC
from reconciler.tools.described import description
from reconciler.tools.duck import connect, literal, quoted

_EPOCH = date(1970, 1, 1)
_WHO = ["legal_entity", "customer"]
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
    `data_date`: the last day that the data knows; `past`: what was once believed, None where nothing was."""

    invoices: pd.DataFrame
    customer: Days
    known: frozenset[str]
    data_date: int
    past: Past | None = None

    def days(self, name: str) -> Days:
        """A date column as days."""
        return self.invoices[name].to_numpy(dtype=np.int64)

    def texts(self, name: str, rows: Days | slice = slice(None)) -> npt.NDArray[np.object_]:
        """A text column as Python strings, empty where missing; all of it, or at some positions."""
        column = self.invoices[name].iloc[rows]
        if isinstance(column.dtype, pd.CategoricalDtype):
            words = np.append(column.cat.categories.to_numpy(dtype=np.object_), "")
            return np.asarray(words[column.cat.codes.to_numpy()], dtype=np.object_)  # missing: -1, the last word
        return np.asarray(column.fillna("").astype(object).to_numpy(), dtype=np.object_)


def load(folder: Path) -> Tables:
    """Read a snapshot's folder. Raises AuthorMustFix where it lacks what the task cannot do without."""
    manifest = SnapshotManifest.model_validate_json(description(folder))
    with connect(folder, memory="4GB") as connection:
        _make_words(connection, folder, manifest)
        invoices = _read(connection, folder, manifest.tables.get("invoices"), INVOICE_KEY)
        customers = _read(connection, folder, manifest.tables.get("customers"), CUSTOMER_KEY)
        episodes = _read(connection, folder, manifest.tables.get("episodes"), INVOICE_KEY)
    missing = [name for name in _ALWAYS if name not in invoices]
    if missing:
        raise AuthorMustFix(
            f"the snapshot's invoices have no {', '.join(missing)}",
            next_step="map these fields in the environment's data.invoices.mapping and refresh",
        )
    known, day = frozenset(_known(manifest)), to_day(date.fromisoformat(manifest.data_date))
    return _joined(invoices, customers, episodes, known=known, data_date=day)


def tables_from(
    invoices: pd.DataFrame,
    customers: pd.DataFrame,
    episodes: pd.DataFrame | None = None,
    *,
    known: frozenset[str],
    data_date: int,
) -> Tables:
    """Join customers to invoices, fill in what was not mapped, and put rows in the order of their key."""
    key = [name for name in INVOICE_KEY if name in invoices]
    ordered = invoices.sort_values(key, kind="stable", ignore_index=True)
    none = pd.DataFrame()
    return _joined(ordered, customers, none if episodes is None else episodes, known=known, data_date=data_date)


def _joined(
    invoices: pd.DataFrame, customers: pd.DataFrame, episodes: pd.DataFrame, *, known: frozenset[str], data_date: int
) -> Tables:
    """`tables_from` of invoices that are in the order of their key; they are changed."""
    for name, value in (("instalment", 1), ("settled_date", NO_DAY)):
        if name not in invoices:
            invoices[name] = value
    _know_settlements(invoices, data_date)
    past = find_past(invoices, episodes) if len(episodes) else None
    invoices = _with_customers(invoices, customers)
    everyone = invoices[_WHO] if past is None else pd.concat([invoices[_WHO], past.invoices[_WHO]], ignore_index=True)
    codes = everyone.groupby(_WHO, sort=True, dropna=False, observed=True).ngroup().to_numpy().astype(np.int64)
    customer, theirs = codes[: len(invoices)], codes[len(invoices) :]
    return Tables(invoices, customer, known, data_date, past and replace(past, customer=theirs))


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


def _make_words(connection: Any, folder: Path, manifest: SnapshotManifest) -> None:
    """A type for each text column, whose values are its words in order: a number stands for each, in both tables the
    same, so that what joins and groups by texts works on numbers. Not for invoice numbers: hardly one comes twice."""
    sources: dict[str, list[str]] = {}
    for table in manifest.tables.values():
        files = ", ".join(literal(str(folder.resolve() / part.file)) for part in table.parts)
        for column in table.columns if files else ():
            if column.type == "text" and column.name != "invoice":
                name = quoted(column.name)
                query = f"SELECT {name} FROM read_parquet([{files}]) WHERE {name} IS NOT NULL"  # noqa: S608
                sources.setdefault(column.name, []).append(query)
    for name, queries in sources.items():
        connection.execute(f"CREATE TYPE {_words(name)} AS ENUM ({' UNION '.join(queries)} ORDER BY 1)")


def _read(connection: Any, folder: Path, table: SnapshotTable | None, key: Sequence[str]) -> pd.DataFrame:
    """The table in the order of its key."""
    if table is None or not table.parts:
        return pd.DataFrame()
    columns = ", ".join(_expression(column.name, column.type) for column in table.columns)
    there = {column.name for column in table.columns}
    order = ", ".join(f"{quoted(name)} NULLS LAST" for name in key if name in there) or "1"
    files = [str(folder.resolve() / part.file) for part in table.parts]
    sql = f"SELECT {columns} FROM read_parquet($1) ORDER BY {order}"  # noqa: S608
    frame: pd.DataFrame = connection.execute(sql, [files]).df()
    return frame


def _words(name: str) -> str:
    return quoted(f"words of {name}")


def _expression(name: str, kind: str) -> str:
    """The column as this module promises it."""
    cell = quoted(name)
    value = {
        "date": f"CAST(coalesce({cell} - DATE '1970-01-01', {NO_DAY}) AS BIGINT)",
        "number": f"CAST({cell} AS DOUBLE)",
        "whole": f"CAST(coalesce({cell}, 1) AS BIGINT)",
        "flag": f"CAST({cell} AS DOUBLE)",
        "text": f"CAST({cell} AS {'VARCHAR' if name == 'invoice' else _words(name)})",
    }[kind]
    return f"{value} AS {cell}"
