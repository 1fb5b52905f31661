"""The same invoices as other systems call, write and keep them: columns, date orders, marks, blank dates, currencies.

Each export is a table as a rig puts it, or a CSV file; what is in it is `TRUTH`, so what comes out of it has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.sources.rigs.table import Cell, Table, Type
from tests.support.csv_files import Invoice, made_invoices

#: Enough of them that a model can be trained.
TRUTH = made_invoices(700, days=700)

Read = Callable[[int, Invoice], Cell]


@dataclass(frozen=True)
class Export:
    """A kind of rig, and the columns: name → type and how its cell is made. `company`: the legal entity it names."""

    kind: str
    columns: Mapping[str, tuple[Type, Read]]
    company: str = "main"

    def table(self, truth: Sequence[Invoice]) -> Table:
        """The rows, oldest first, as such systems keep them."""
        reads = [read for _, read in self.columns.values()]
        rows = [tuple(read(n, row) for read in reads) for n, row in enumerate(truth, 1)]
        return Table({name: kind for name, (kind, _) in self.columns.items()}, rows)


def _of(name: str) -> Read:
    return lambda _, row: getattr(row, name)


def _text(name: str, form: str, blank: str | None = None) -> tuple[Type, Read]:
    """A date as text."""
    return "text", lambda _, row: d.strftime(form) if (d := getattr(row, name)) else blank


def _always(value: Cell, kind: Type = "text") -> tuple[Type, Read]:
    return kind, lambda *_: value


def _comma(_: int, row: Invoice) -> str:
    return f"{row.amount:,.2f}".translate(str.maketrans(",.", ".,"))


def _moment(name: str, blank: datetime | None) -> tuple[Type, Read]:
    def read(_: int, row: Invoice) -> Cell:
        day: date | None = getattr(row, name)
        return datetime.combine(day, time(), UTC) if day else blank

    return "moment", read


def _open(_: int, row: Invoice) -> Decimal:
    return Decimal(0) if row.settled_date else row.amount


def _number(name: str) -> tuple[Type, Read]:
    return "number", _of(name)


_N: tuple[Type, Read] = ("whole", lambda n, _: n)

EXPORTS: Mapping[str, Export] = {
    "German texts in SQLite": Export(
        "sql",
        {
            "Lfd. Nr.": _N,
            "Belegnummer": ("text", _of("invoice")),
            "Debitor": ("text", _of("customer")),
            "Belegdatum": _text("invoice_date", "%d.%m.%Y"),
            "Fälligkeitsdatum": _text("due_date", "%d.%m.%Y"),
            "Ausgleichsdatum": _text("settled_date", "%d.%m.%Y", ""),
            "Bruttobetrag": ("text", _comma),
            "Währung": ("text", _of("currency")),
            "Mahnstufe": ("whole", lambda n, _: n % 3),
        },
    ),
    "French in Parquet": Export(
        "parquet",
        {
            "Code société": _always("FR01"),
            "N° de facture": ("text", _of("invoice")),
            "Code client": ("text", _of("customer")),
            "Date de facture": ("date", _of("invoice_date")),
            "Date d'échéance": ("date", _of("due_date")),
            "Date de règlement": ("date", _of("settled_date")),
            "Montant TTC": _number("amount"),
            "Devise": ("text", _of("currency")),
            "En litige": ("flag", _of("disputed")),
        },
        company="FR01",
    ),
    "SAP's BSID and BSAD in PostgreSQL": Export(
        "postgresql",
        {
            "MANDT": _always("100"),
            "BUKRS": _always("1000"),
            "KUNNR": ("text", _of("customer")),
            "AUGDT": _text("settled_date", "%Y%m%d", "00000000"),
            "AUGBL": ("text", lambda n, row: f"14{n:08d}" if row.settled_date else ""),
            "GJAHR": ("whole", lambda _, row: row.invoice_date.year),
            "BELNR": ("text", _of("invoice")),
            "BUZEI": _always(1, "whole"),
            "BUDAT": _text("invoice_date", "%Y%m%d"),
            "BLDAT": _text("invoice_date", "%Y%m%d"),
            "WAERS": ("text", _of("currency")),
            "BLART": _always("RV"),
            "SHKZG": _always("S"),
            "DMBTR": _number("amount"),
            "WRBTR": _number("amount"),
            "ZFBDT": _text("invoice_date", "%Y%m%d"),
            "NETDT": _text("due_date", "%Y%m%d"),
        },
        company="1000",
    ),
    "Business Central in Delta": Export(
        "delta",
        {
            "Entry No.": _N,
            "Customer No.": ("text", _of("customer")),
            "Posting Date": _moment("invoice_date", None),
            "Document Type": _always("Invoice"),
            "Document No.": ("text", _of("invoice")),
            "Currency Code": ("text", _of("currency")),
            "Amount": _number("amount"),
            "Remaining Amount": ("number", _open),
            "Due Date": _moment("due_date", None),
            "Open": ("flag", lambda _, row: row.settled_date is None),
            "Closed at Date": _moment("settled_date", datetime(1753, 1, 1, tzinfo=UTC)),
        },
    ),
    "Odoo in PostgreSQL": Export(
        "postgresql",
        {
            "id": _N,
            "name": ("text", _of("invoice")),
            "company_id": _always(1, "whole"),
            "partner_id": ("whole", lambda _, row: int(row.customer.removeprefix("K-"))),
            "invoice_date": ("date", _of("invoice_date")),
            "invoice_date_due": ("date", _of("due_date")),
            "payment_date": ("date", _of("settled_date")),
            "amount_total": _number("amount"),
            "amount_residual": ("number", _open),
            "currency": ("text", _of("currency")),
            "payment_state": ("text", lambda _, row: "paid" if row.settled_date else "not_paid"),
            "write_date": _moment("invoice_date", None),
        },
        company="1",
    ),
    "QuickBooks as CSV": Export(
        "csv",
        {
            "Transaction type": _always("Invoice"),
            "Num": ("text", _of("invoice")),
            "Customer full name": ("text", _of("customer")),
            "Transaction date": _text("invoice_date", "%m/%d/%Y"),
            "Due date": _text("due_date", "%m/%d/%Y"),
            "Paid date": _text("settled_date", "%m/%d/%Y", ""),
            "Amount": ("text", lambda _, row: f"{row.amount:,.2f}"),
            "Open balance": ("text", lambda n, row: f"{_open(n, row):,.2f}"),
            "Currency": ("text", _of("currency")),
        },
    ),
    "Dynamics 365 Finance's tables in Delta": Export(
        "delta",
        {
            "RECID": _N,
            "DATAAREAID": _always("usmf"),
            "INVOICE": ("text", _of("invoice")),
            "ACCOUNTNUM": ("text", _of("customer")),
            "TRANSDATE": _moment("invoice_date", None),
            "DUEDATE": _moment("due_date", None),
            "CLOSED": _moment("settled_date", datetime(1900, 1, 1, tzinfo=UTC)),
            "AMOUNTCUR": _number("amount"),
            "AMOUNTMST": _number("amount"),
            "CURRENCYCODE": ("text", _of("currency")),
        },
        company="usmf",
    ),
}


def what_to_type(source: Mapping[str, Any], root: Path) -> list[str]:
    """The words after `init DIR` for a rig's source block."""
    match source["kind"]:
        case "postgresql":
            at = f"{source['user']}@{source['host']}:{source['port']}/{source['database']}"
            return [
                "--from", f"postgresql://{at}?sslmode={source['tls']}", "--table", source["table"],
                "--credentials", source["credentials"],
            ]  # fmt: skip
        case "sql":
            return ["--from", source["url"].replace("sqlite:///", f"sqlite:///{root}/"), "--table", source["table"]]
        case "odata":
            user = source["authentication"]["user"]
            address = source["url"].replace("://", f"://{user}@")
            return ["--from", address, "--table", source["entity"], "--credentials", "ERP"]
        case _:
            return ["--from", str(root / source["path"])]
