"""A big ledger made from a seed: a snapshot's folder with as many invoices as asked for, forty to a customer.

Four legal entities that use the same account numbers for different customers; few customers with most of the
invoices; settlements on the day of the invoice, in weekly runs (so many on one day), and recorded days after they
were made; invoices that are still open; disputes that are not known for every invoice. Digests in it stand for
nothing: who reads the folder has verified it, and these benchmarks begin there.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from reconciler.domain.jobs import SnapshotColumn, SnapshotManifest, SnapshotPart, SnapshotTable

BEGIN, END = date(2022, 1, 1), date(2025, 12, 31)
_DAYS = (END - BEGIN).days
_NOTHING = "sha256:" + "0" * 64

_INVOICES = {
    "legal_entity": ("text", "printf('E%02d', entity)"),
    "invoice": ("text", "printf('INV-%02d-%08d', entity, number)"),
    "instalment": ("whole", "1"),
    "customer": ("text", "printf('C-%06d', account)"),
    "invoice_date": ("date", "DATE '{begin}' + invoiced::INT"),
    "due_date": ("date", "DATE '{begin}' + due::INT"),
    "settled_date": ("date", "CASE WHEN known <= {days} THEN DATE '{begin}' + paid::INT END"),
    "known_date": ("date", "CASE WHEN known <= {days} THEN DATE '{begin}' + known::INT END"),
    "amount": ("number", "CAST(cents / 100 AS DECIMAL(18,4))"),
    "currency": ("text", "['EUR', 'USD', 'GBP', 'DKK'][entity]"),
    "accounting_amount": ("number", "CAST(cents / 100 * [1, 0.92, 1.17, 0.13][entity] AS DECIMAL(18,4))"),
    "delivery": ("text", "CASE WHEN paper THEN 'paper' ELSE 'electronic' END"),
    "disputed": ("flag", "CASE WHEN told THEN disputed END"),
    "country": ("text", "['DEU', 'USA', 'GBR', 'DNK', 'ITA'][1 + account % 5]"),
}
_CUSTOMERS = {
    "legal_entity": ("text", "printf('E%02d', entity)"),
    "customer": ("text", "printf('C-%06d', account)"),
    "country": ("text", "['DEU', 'USA', 'GBR', 'DNK', 'ITA'][1 + account % 5]"),
    "customer_group": ("text", "['retail', 'trade', 'public'][1 + account % 3]"),
    "customer_since": ("date", "DATE '{begin}' - (30 * (account % 100))::INT"),
}
_LATER = frozenset({"settled_date", "known_date", "disputed"})


def write(folder: Path, invoices: int, seed: int = 7) -> None:
    """Make the folder and write the snapshot into it. The same seed gives the same rows."""
    random = np.random.default_rng(seed)
    customers = _customers(random, max(invoices // 40, 1))
    lines = _lines(random, customers, invoices)
    folder.mkdir(parents=True)
    connection = duckdb.connect()
    try:
        connection.register("lines", lines)
        connection.register("accounts", customers[["entity", "account"]])
        tables = {
            "invoices": _table(connection, folder, "invoices", "lines"),
            "customers": _table(connection, folder, "customers", "accounts"),
        }
    finally:
        connection.close()
    manifest = SnapshotManifest(digest=_NOTHING, data_date=END.isoformat(), tables=tables)
    (folder / "snapshot.json").write_text(manifest.model_dump_json(), encoding="utf-8")


def _customers(random: np.random.Generator, count: int) -> pd.DataFrame:
    habit, second = random.choice(4, count, p=[0.64, 0.13, 0.12, 0.11]), np.arange(count) % 2
    return pd.DataFrame(
        {
            "entity": np.where(second, random.choice([2, 2, 3, 4], count), 1),
            "account": np.arange(count) // 2,  # the second of each two has the same number in another entity
            "weight": random.lognormal(0.0, 1.6, count),
            "begin": np.where(random.random(count) < 0.6, 0, random.integers(0, _DAYS - 30, count)),
            "terms": random.choice([14, 30, 30, 30, 45, 60], count),
            "late": np.array([-15.0, -4.0, 13.0, 34.0])[habit] + random.normal(0.0, 5.0, count),
            "spread": np.array([5.0, 7.0, 9.0, 11.0])[habit],
            "runs": random.random(count) < 0.25,
            "typical": random.normal(7.2, 0.7, count),
        }
    )


def _lines(random: np.random.Generator, customers: pd.DataFrame, count: int) -> pd.DataFrame:
    """One line an invoice, days counted from BEGIN, in the order of their dates."""
    share = np.cumsum(customers["weight"].to_numpy())
    more = np.searchsorted(share, random.random(count - len(customers)) * share[-1])
    which = np.concatenate([np.arange(len(customers)), more])
    begin = customers["begin"].to_numpy()[which]
    invoiced = begin + (random.random(count) * (_DAYS + 1 - begin)).astype(np.int64)
    order = np.argsort(invoiced, kind="stable")
    whose, invoiced = customers.iloc[which[order]], invoiced[order]
    due = invoiced + np.where(random.random(count) < 0.8, whose["terms"], random.choice([0, 14, 30, 60], count))
    late = np.ceil(random.normal(whose["late"], whose["spread"])).astype(np.int64)
    paid = np.maximum(invoiced, due + np.where(random.random(count) < 0.01, 400, late))
    paid += np.where(whose["runs"], -paid % 7, 0)
    sign = np.where(random.random(count) < 0.98, 1, -1)  # some are credit notes
    return pd.DataFrame(
        {
            **{name: whose[name].to_numpy() for name in ("entity", "account")},
            "number": np.arange(count),
            "invoiced": invoiced,
            "due": due,
            "paid": paid,
            "known": paid + random.choice([0, 0, 0, 0, 1, 3], count),
            "cents": np.round(sign * 100 * np.exp(random.normal(whose["typical"], 0.8))),
            "paper": random.random(count) < 0.4,
            "told": random.random(count) < 0.9,
            "disputed": random.random(count) < 0.04,
        }
    )  # fmt: skip


def _table(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, source: str) -> SnapshotTable:
    """Write the parts of a table, as the store would: by month and key."""
    wanted, key = (_INVOICES, "invoice") if name == "invoices" else (_CUSTOMERS, "customer")
    cells = ", ".join(f"{sql.format(begin=BEGIN, days=_DAYS)} AS {column}" for column, (_, sql) in wanted.items())
    part = "strftime(invoice_date, '%Y-%m')" if name == "invoices" else "'all'"
    connection.execute(f"CREATE TABLE {name} AS SELECT *, {part} AS part FROM (SELECT {cells} FROM {source})")  # noqa: S608
    counts = connection.execute(f"SELECT part, count(*) FROM {name} GROUP BY part ORDER BY part").fetchall()  # noqa: S608
    (folder / name).mkdir()
    for each, _ in counts:
        connection.execute(
            f"COPY (SELECT * EXCLUDE (part) FROM {name} WHERE part = '{each}' ORDER BY legal_entity, {key}) "  # noqa: S608
            f"TO '{folder / name / each}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    columns = [
        SnapshotColumn(name=column, type=kind, known_at="later" if column in _LATER else "invoice-date")
        for column, (kind, _) in wanted.items()
    ]
    parts = [
        SnapshotPart(name=each, file=f"{name}/{each}.parquet", rows=rows, digest=_NOTHING, file_digest=_NOTHING)
        for each, rows in counts
    ]
    return SnapshotTable(columns=columns, parts=parts)
