"""Snapshot folders for tests: seeded receivables of a small company, and the public file of real invoices."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

_TYPES = {"text": "VARCHAR", "number": "DECIMAL(18,4)", "whole": "BIGINT", "date": "DATE", "flag": "BOOLEAN"}
_INVOICES = {
    "legal_entity": ("text", "invoice-date"),
    "invoice": ("text", "invoice-date"),
    "instalment": ("whole", "invoice-date"),
    "customer": ("text", "invoice-date"),
    "invoice_date": ("date", "invoice-date"),
    "due_date": ("date", "invoice-date"),
    "settled_date": ("date", "later"),
    "amount": ("number", "invoice-date"),
    "currency": ("text", "invoice-date"),
    "delivery": ("text", "invoice-date"),
    "disputed": ("flag", "later"),
    "country": ("text", "invoice-date"),
}
_CUSTOMERS = {
    "legal_entity": ("text", "invoice-date"),
    "customer": ("text", "invoice-date"),
    "country": ("text", "later"),
    "customer_group": ("text", "invoice-date"),
    "customer_since": ("date", "invoice-date"),
}


@dataclass(frozen=True)
class Customer:
    """How one made-up customer pays."""

    account: str
    entity: str
    habit: float
    terms: int
    group: str
    country: str


def small(
    folder: Path, *, seed: int = 1, rows: int = 900, customers: int = 30, until: date = date(2024, 6, 30)
) -> Path:
    """Write a snapshot as of `until`: about `rows` invoices of the two years before. Returns the folder."""
    random = Random(seed)  # noqa: S311
    people = [_customer(random, number) for number in range(customers)]
    lines = [_invoice(random, random.choice(people), number, until) for number in range(rows)]
    others = [
        (p.entity, p.account, p.country, p.group, until - timedelta(days=random.randint(100, 4000))) for p in people
    ]
    return write(folder, lines, others, data_date=until)


def _customer(random: Random, number: int) -> Customer:
    return Customer(
        f"C-{number:04d}",
        random.choice(["DK01", "NL01"]),
        random.gauss(2, 12),
        random.choice([14, 30, 30, 60]),
        random.choice(["retail", "wholesale", "öffentlich"]),
        random.choice(["DK", "NL", "DE"]),
    )


def _invoice(random: Random, who: Customer, number: int, until: date) -> tuple[Any, ...]:
    made = until - timedelta(days=random.randint(0, 730))
    due = made + timedelta(days=who.terms)
    delivery = random.choice(["paper", "electronic"])
    disputed = random.random() < 0.1
    late = who.habit + (6 if delivery == "paper" else 0) + (25 if disputed else 0) + random.gauss(0, 7)
    settled: date | None = max(made, due + timedelta(days=round(late)))
    if settled is not None and settled > until:
        settled = None
    amount = f"{random.lognormvariate(6, 1):.2f}"
    key = (who.entity, f"I-{number:06d}", 1, who.account)
    return (*key, made, due, settled, amount, "EUR", delivery, disputed, who.country)


def write(folder: Path, invoices: list[tuple[Any, ...]], customers: list[tuple[Any, ...]], *, data_date: date) -> Path:
    """Write rows (in the order of the columns above) as a snapshot's folder."""
    connection = duckdb.connect(":memory:")
    _table(connection, "invoices", _INVOICES, invoices)
    _table(connection, "customers", _CUSTOMERS, customers)
    months = connection.execute("SELECT DISTINCT strftime(invoice_date, '%Y-%m') FROM invoices ORDER BY 1").fetchall()
    parts: dict[str, list[dict[str, Any]]] = {"invoices": [], "customers": []}
    for (month,) in months:
        where = f"strftime(invoice_date, '%Y-%m') = '{month}'"
        parts["invoices"].append(_part(connection, folder, f"invoices/{month}.parquet", "invoices", where))
    parts["customers"].append(_part(connection, folder, "customers/all.parquet", "customers", "true"))
    tables = {
        name: {
            "columns": [{"name": c, "type": t, "known_at": k} for c, (t, k) in columns.items()],
            "parts": parts[name],
        }
        for name, columns in (("invoices", _INVOICES), ("customers", _CUSTOMERS))
    }
    digest = "sha256:" + hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
    manifest = {"format_version": 1, "digest": digest, "data_date": data_date.isoformat(), "tables": tables}
    (folder / "snapshot.json").write_text(json.dumps(manifest))
    return folder


def _table(connection: Any, name: str, columns: dict[str, tuple[str, str]], rows: list[tuple[Any, ...]]) -> None:
    declared = ", ".join(f"{column} {_TYPES[kind]}" for column, (kind, _) in columns.items())
    connection.execute(f"CREATE TABLE {name} ({declared})")
    for start in range(0, len(rows), 500):
        chunk = rows[start : start + 500]
        holes = ", ".join("(" + ", ".join("?" * len(columns)) + ")" for _ in chunk)
        connection.execute(f"INSERT INTO {name} VALUES {holes}", [value for row in chunk for value in row])  # noqa: S608


def _part(connection: Any, folder: Path, file: str, table: str, where: str) -> dict[str, Any]:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"COPY (SELECT * FROM {table} WHERE {where} ORDER BY ALL) TO '{path}' (FORMAT parquet)")  # noqa: S608
    (rows,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()  # noqa: S608
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.stem, "file": file, "rows": rows, "digest": digest, "file_digest": digest}


def shared_file() -> Path:
    """The public file of invoices; skips the test by name where it is not there."""
    root = Path(__file__).resolve().parents[2]
    file = Path(os.environ.get("RECONCILER_SHARED", root.parent / "shared")) / "data" / "accounts_receivable.csv"
    if not file.exists():
        pytest.skip(f"{file} is not there (RECONCILER_SHARED says where)")
    return file


def real(folder: Path, *, as_of: date = date(2013, 9, 30)) -> Path:
    """The public file as a snapshot as of a date: later invoices are left out, later settlements unknown."""
    rows = (
        duckdb.connect(":memory:")
        .execute(
            """SELECT 'IBM', invoiceNumber, 1, customerID, strptime(InvoiceDate, '%m/%d/%Y')::DATE AS made,
                  strptime(DueDate, '%m/%d/%Y')::DATE, strptime(SettledDate, '%m/%d/%Y')::DATE AS settled,
                  InvoiceAmount, 'USD', lower(PaperlessBill), Disputed = 'Yes', countryCode
           FROM read_csv($1, all_varchar = true) WHERE made <= $2""",
            [str(shared_file()), as_of],
        )
        .fetchall()
    )
    rows = [(*row[:6], row[6] if row[6] <= as_of else None, *row[7:]) for row in rows]
    people = sorted({(row[0], row[3]) for row in rows})
    return write(folder, rows, [(entity, account, None, None, None) for entity, account in people], data_date=as_of)
