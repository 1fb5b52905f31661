"""One truth about invoices, written as CSV files in many styles, and read back as rows for comparison.

truth = made_invoices(120)
style = Style(delimiter=";", date_format="%d.%m.%Y", decimal=",", headers=GERMAN)
path.write_bytes(render(truth, style))
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from reconciler.adapters.sources import Access, Allowed, Sources, secrets_of
from reconciler.domain.inputs import EnvironmentData
from reconciler.ports import Extract
from reconciler.tasks.customer_payment.spec import SPEC

FIELDS = ("invoice", "customer", "invoice_date", "due_date", "settled_date", "amount", "currency", "country",
          "delivery", "disputed")  # fmt: skip
ENGLISH = dict(zip(FIELDS, ("InvoiceId", "Customer No", "Invoice Date", "Due Date", "Paid On", "Invoice Amount",
               "Currency", "Country", "Delivery Method", "Disputed"), strict=True))  # fmt: skip
GERMAN = dict(zip(FIELDS, ("Rechnungsnummer", "Kundennr.", "Rechnungsdatum", "Fälligkeit", "Zahlungsdatum", "Betrag",
              "Währung", "Land", "Versandart", "strittig"), strict=True))  # fmt: skip
FRENCH = dict(zip(FIELDS, ("N° facture", "Code client", "Date facture", "Date d'échéance", "Date règlement",
              "Montant TTC", "Devise", "Pays", "Envoi", "Litige"), strict=True))  # fmt: skip
SAP = dict(zip(FIELDS, ("BELNR", "KUNNR", "BLDAT", "FAEDT", "AUGDT", "WRBTR", "WAERS", "LAND1", "Versand", "Dispute"),
           strict=True))  # fmt: skip


@dataclass(frozen=True)
class Invoice:
    """A row of the truth."""

    invoice: str
    customer: str
    invoice_date: date
    due_date: date
    settled_date: date | None
    amount: Decimal
    currency: str
    country: str
    delivery: str
    disputed: bool


@dataclass(frozen=True)
class Style:
    """How a file is written."""

    headers: Mapping[str, str] = field(default_factory=lambda: ENGLISH)
    delimiter: str = ","
    date_format: str = "%Y-%m-%d"
    padded: bool = True
    decimal: str = "."
    grouped: bool = False
    encoding: str = "utf-8"
    mark: bool = False
    newline: str = "\n"
    quote_all: bool = False
    null: str = ""
    yes_no: tuple[str, str] = ("yes", "no")
    order: Sequence[int] = tuple(range(len(FIELDS)))
    days_to_settle: bool = False
    money: str = "{}"  # how an amount stands beside a currency's mark


def made_invoices(count: int, *, seed: int = 1, days: int = 500, latest_day: int = 28) -> list[Invoice]:
    """Made-up invoices; `latest_day` caps the day of the month of invoice dates (12: ambiguous on purpose)."""
    random = Random(seed)  # noqa: S311  made-up data
    out = []
    for number in range(count):
        day = date(2024, 1, 1) + timedelta(days=random.randrange(days))
        day = day.replace(day=min(day.day, latest_day))
        due = day + timedelta(days=random.choice((14, 30, 30)))
        settled = max(day, due + timedelta(days=round(random.gauss(0, 12)))) if random.random() < 0.85 else None
        customer = random.randrange(max(3, count // 12))
        out.append(
            Invoice(
                f"R{100_000 + number * 7}",
                f"K-{200 + customer}",
                day,
                due,
                settled,
                Decimal(random.randrange(100, 4_000_000)) / 100,
                "EUR",
                ("DE", "AT", "CH")[customer % 3],
                random.choice(("paper", "email")),
                random.random() < 0.2,
            )
        )
    return out


def render(truth: Sequence[Invoice], style: Style) -> bytes:
    """The truth as the bytes of a file."""
    names = [style.headers[FIELDS[i]] for i in style.order]
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if style.quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=style.delimiter, lineterminator=style.newline, quoting=quoting)
    writer.writerow([*names, "DaysToSettle"] if style.days_to_settle else names)
    for row in truth:
        cells = [_cell(getattr(row, FIELDS[i]), style) for i in style.order]
        if style.days_to_settle:
            gap = str((row.settled_date - row.invoice_date).days) if row.settled_date else style.null
            cells.append(gap)
        writer.writerow(cells)
    codec = "utf-8-sig" if style.mark and style.encoding == "utf-8" else style.encoding
    return text.getvalue().encode(codec)


def _cell(value: object, style: Style) -> str:
    match value:
        case None:
            return style.null
        case bool():
            return style.yes_no[0 if value else 1]
        case date():
            text = value.strftime(style.date_format)
            return text if style.padded else text.replace("/0", "/").removeprefix("0")
        case Decimal():
            text = f"{value:,.2f}" if style.grouped else f"{value:.2f}"
            return style.money.format(text.translate(str.maketrans(",.", ".,")) if style.decimal == "," else text)
    return str(value)


def data_of(path: str, mapping: Mapping[str, Any], **source: Any) -> EnvironmentData:
    """An environment's data with one invoices input; keywords go to the source, `null_values` to the input,
    `max_share` to the bad rows."""
    nulls, share = source.pop("null_values", []), source.pop("max_share", 0.01)
    written = {"source": {"kind": "csv", "path": path, **source}, "mapping": dict(mapping), "nullValues": nulls}
    return EnvironmentData.model_validate({"invoices": written, "badRows": {"maxShare": share}})


#: The mapping of the plain style: field names are column names.
PLAIN: Mapping[str, Any] = {
    "legal_entity": {"constant": "main"},
    "invoice": "invoice",
    "customer": "customer",
    "invoice_date": "invoice_date",
    "due_date": "due_date",
    "settled_date": "settled_date",
    "amount": "amount",
}


def plain_csv(*rows: str) -> str:
    """Rows `invoice,customer,invoice_date,due_date,settled_date,amount` under the header of `PLAIN`."""
    return "\n".join(["invoice,customer,invoice_date,due_date,settled_date,amount", *rows]) + "\n"


def source_in(root: Path, *allowed: Path, today: date = date(2030, 1, 1)) -> Sources:
    """A data source of the real task over a folder."""
    return Sources(Access(root, Allowed(allowed or (root,)), secrets_of({})), SPEC, today=lambda: today)


_ORDER = {
    "episodes": "legal_entity, invoice, instalment, known_date",
    "invoices": "legal_entity, invoice, instalment",
    "customers": "ALL",
    "settlements": "ALL",
}


def rows_of(
    extract: Extract, table: str = "invoices", columns: str = "COLUMNS('^[^l]|^legal')"
) -> list[tuple[Any, ...]]:
    """The rows of an extract's table, in the order of its key."""
    import duckdb

    with duckdb.connect(":memory:") as database:
        return database.execute(
            f"SELECT {columns} FROM read_parquet(?) ORDER BY {_ORDER[table]}",  # noqa: S608
            [str(extract.folder / f"{table}.parquet")],
        ).fetchall()


def nothing(_label: str, _done: int, _total: int) -> None:
    """A progress that shows nothing."""
