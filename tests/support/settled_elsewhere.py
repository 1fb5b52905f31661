"""Invoices, customers and settlements as three quite different systems write them; what is in them is one truth.

A Swiss bookkeeping (semicolons, Latin-1, day first, apostrophes), an American one (month first, `$`, payments in
brackets), and tables of Dynamics 365 Finance (postings of all kinds in one table, settlements by the numbers of rows).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

AS_OF = date(2024, 6, 28)
Row = Sequence[object]


@dataclass(frozen=True)
class Customer:
    account: int
    terms: int
    habit: float
    country: str
    group: str
    since: date


@dataclass(frozen=True)
class Invoice:
    number: int
    customer: Customer
    dated: date
    due: date
    amount: Decimal


@dataclass(frozen=True)
class Settlement:
    """`amount`: what lowers the debt is positive; a reversal's is what it takes back."""

    invoice: Invoice
    kind: str
    amount: Decimal
    paid: date
    recorded: date


@dataclass(frozen=True)
class Books:
    customers: Sequence[Customer]
    invoices: Sequence[Invoice]
    settlements: Sequence[Settlement]


def made_books(count: int = 700, *, seed: int = 3, accounts: int = 30) -> Books:
    """Books until `AS_OF`."""
    random = Random(seed)  # noqa: S311  made-up data
    people = [_customer(random, n) for n in range(accounts)]
    invoices = sorted((_invoice(random, random.choice(people), n) for n in range(count)), key=lambda each: each.dated)
    settled = [each for invoice in invoices for each in _settled(random, invoice) if each.recorded <= AS_OF]
    return Books(people, invoices, sorted(settled, key=lambda each: (each.recorded, each.invoice.number)))


def _customer(random: Random, number: int) -> Customer:
    since = date(2015, 1, 1) + timedelta(days=random.randrange(2500))
    group = random.choice(["Handel", "Industrie", "Öffentlich"])
    return Customer(4000 + number, random.choice([14, 30, 30, 60]), random.gauss(3, 13), "CH", group, since)


def _invoice(random: Random, who: Customer, number: int) -> Invoice:
    dated = AS_OF - timedelta(days=random.randrange(1, 600))
    amount = Decimal(random.randrange(2_000, 900_000)) / 100
    return Invoice(700_000 + number * 3, who, dated, dated + timedelta(days=who.terms), amount)


def _settled(random: Random, invoice: Invoice) -> list[Settlement]:
    late = round(invoice.customer.habit + random.gauss(0, 7))
    paid, whole = max(invoice.dated, invoice.due + timedelta(days=late)), invoice.amount
    part, luck = (whole * Decimal("0.4")).quantize(Decimal("0.01")), random.random()
    cash = (whole * Decimal("0.02")).quantize(Decimal("0.01"))
    ways: list[tuple[float, list[tuple[str, Decimal, int]]]] = [
        (0.03, [("write-off", whole, 90)]),
        (0.07, [("credit-note", whole, 3)]),
        (0.17, [("payment", part, 0), ("payment", whole - part, 20)]),
        (0.27, [("payment", whole - cash, 0), ("discount", cash, 0)]),
        (0.31, [("payment", whole, 0), ("reversal", whole, 5), ("payment", whole, 25)]),
        (0.97, [("payment", whole, 0)]),
        (1.0, []),
    ]
    steps = next(steps for chance, steps in ways if luck < chance or chance == 1.0)
    return [_step(random, invoice, *step, paid) for step in steps]


def _step(random: Random, invoice: Invoice, kind: str, amount: Decimal, after: int, paid: date) -> Settlement:
    day = paid + timedelta(days=after)
    return Settlement(invoice, kind, amount, day, day + timedelta(days=random.choice([0, 0, 1, 3])))


# --- systems ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class System:
    """Its three tables, as (header, rows), and how it calls an invoice and an account. `write` puts them into files."""

    tables: Callable[[Books], Mapping[str, tuple[Row, Sequence[Row]]]]
    invoice: Callable[[Invoice], str]
    account: Callable[[Customer], str]
    company: str = "main"
    delimiter: str = ","
    encoding: str = "utf-8"

    def write(self, books: Books, folder: Path) -> list[str]:
        """Write the files; the words after `init DIR`."""
        words = []
        for name, (header, rows) in self.tables(books).items():
            with (folder / f"{name}.csv").open("w", encoding=self.encoding, newline="") as file:
                csv.writer(file, delimiter=self.delimiter).writerows([header, *rows])
            words += ["--from" if name == "invoices" else f"--{name}", f"{name}.csv"]
        return words

    def settlements(self, books: Books) -> list[tuple[object, ...]]:
        """What has to be in the copy: the settlements of invoices that are, by their invoice, kind, amount and days."""
        gone = {each.invoice.number for each in books.settlements if each.kind in ("write-off", "credit-note")}
        return sorted(
            (self.invoice(each.invoice), each.kind, abs(each.amount), each.paid, each.recorded)
            for each in books.settlements
            if each.invoice.number not in gone
        )


def _swiss(books: Books) -> Mapping[str, tuple[Row, Sequence[Row]]]:
    words = {"payment": "ZE", "write-off": "Ausbuchung", "credit-note": "Gutschrift", "discount": "Skonto",
             "reversal": "Rücklastschrift"}  # fmt: skip
    return {
        "invoices": (
            ["Lfd. Nr.", "Belegnummer", "Debitorennr.", "Kunde", "Belegdatum", "Fälligkeit netto", "Betrag", "Whg."],
            [
                [n, _rg(i), _d(i.customer), f"Firma {i.customer.account} AG", _dots(i.dated), _dots(i.due),
                 _swiss_amount(i.amount), "CHF"]
                for n, i in enumerate(books.invoices, 1)
            ],
        ),
        "customers": (
            ["Debitorennr.", "Name 1", "Ort", "Land", "Kundengruppe", "Kunde seit"],
            [[_d(c), f"Firma {c.account} AG", "Zürich", c.country, c.group, _dots(c.since)] for c in books.customers],
        ),
        "settlements": (
            ["Belegnummer", "Zu Rechnung", "Valuta", "Buchungsdatum", "Betrag", "Whg.", "Vorgang", "Buchungstext"],
            [
                [f"ZE{n:06d}", _rg(s.invoice), _dots(s.paid), _dots(s.recorded), _swiss_amount(s.amount), "CHF",
                 words[s.kind], f"Zahlung {n}"]
                for n, s in enumerate(books.settlements)
            ],
        ),
    }  # fmt: skip


def _american(books: Books) -> Mapping[str, tuple[Row, Sequence[Row]]]:
    words = {"payment": "PMT", "write-off": "W/O", "credit-note": "CM", "discount": "DISC", "reversal": "NSF"}
    return {
        "invoices": (
            ["Invoice #", "Customer ID", "Terms", "Invoice Date", "Due Date", "Original Amount"],
            [
                [f"INV{i.number}", i.customer.account, f"Net {i.customer.terms}", _slashes(i.dated), _slashes(i.due),
                 _dollars(i.amount)]
                for i in books.invoices
            ],
        ),
        "customers": (
            ["Customer ID", "Company", "State", "Country", "Segment", "Customer Since"],
            [[c.account, f"Acme {c.account}, Inc.", "TX", "US", c.group, _slashes(c.since)] for c in books.customers],
        ),
        "settlements": (
            ["Receipt #", "Applied To", "Invoice Due", "Receipt Date", "GL Date", "Type", "Applied Amount"],
            [
                [n, f"INV{s.invoice.number}", _slashes(s.invoice.due), _slashes(s.paid), _slashes(s.recorded),
                 words[s.kind], _dollars(s.amount if s.kind == "reversal" else -s.amount)]
                for n, s in enumerate(books.settlements)
            ],
        ),
    }  # fmt: skip


def _dynamics(books: Books) -> Mapping[str, tuple[Row, Sequence[Row]]]:
    types = {"payment": 15, "write-off": 35, "credit-note": 2, "discount": 27, "reversal": 15}
    numbers = {invoice.number: 5_637_144_576 + 7 * n for n, invoice in enumerate(books.invoices)}
    first = max(numbers.values()) + 1
    posted: list[Row] = [
        [numbers[i.number], "usmf", f"FTI-{i.number}", f"US-{i.customer.account}", _moment(i.dated), _moment(i.due),
         _NEVER, f"{i.amount:.6f}", f"{i.amount:.6f}", "USD", 2]
        for i in books.invoices
    ]  # fmt: skip
    both: list[Row] = []
    for n, each in enumerate(books.settlements):
        other, lowers = first + 3 * n, -each.amount if each.kind == "reversal" else each.amount
        posted.append(
            [other, "usmf", "", f"US-{each.invoice.customer.account}", _moment(each.paid), _NEVER, _NEVER,
             f"{-lowers:.6f}", f"{-lowers:.6f}", "USD", types[each.kind]]
        )  # fmt: skip
        for number, offset, amount in ((numbers[each.invoice.number], other, lowers),
                                       (other, numbers[each.invoice.number], -lowers)):  # fmt: skip
            both.append(
                ["usmf", number, offset, _moment(each.invoice.due), _moment(each.paid), f"{amount:.6f}",
                 f"{amount:.6f}", f"{each.recorded} 13:22:01.000"]
            )  # fmt: skip
    return {
        "invoices": (
            ["RECID", "DATAAREAID", "INVOICE", "ACCOUNTNUM", "TRANSDATE", "DUEDATE", "CLOSED", "AMOUNTCUR",
             "AMOUNTMST", "CURRENCYCODE", "TRANSTYPE"],
            posted,
        ),
        "customers": (
            ["DATAAREAID", "ACCOUNTNUM", "PARTY", "CUSTGROUP", "CREATEDDATETIME"],
            [["usmf", f"US-{c.account}", 1, c.group, _moment(c.since)] for c in books.customers],
        ),
        "settlements": (
            ["DATAAREAID", "TRANSRECID", "OFFSETRECID", "DUEDATE", "TRANSDATE", "SETTLEAMOUNTCUR", "SETTLEAMOUNTMST",
             "CREATEDDATETIME"],
            both,
        ),
    }  # fmt: skip


_NEVER = "1900-01-01 00:00:00.000"


def _rg(invoice: Invoice) -> str:
    return f"RG-{invoice.number}"


def _d(customer: Customer) -> str:
    return f"D{customer.account}"


def _dots(day: date) -> str:
    return day.strftime("%d.%m.%Y")


def _slashes(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _moment(day: date) -> str:
    return f"{day} 00:00:00.000"


def _swiss_amount(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "'")


def _dollars(amount: Decimal) -> str:
    return f"(${-amount:,.2f})" if amount < 0 else f"${amount:,.2f}"


SYSTEMS: Mapping[str, System] = {
    "Swiss": System(_swiss, _rg, _d, delimiter=";", encoding="latin-1"),
    "American": System(_american, lambda i: f"INV{i.number}", lambda c: str(c.account)),
    "Dynamics": System(_dynamics, lambda i: f"FTI-{i.number}", lambda c: f"US-{c.account}", company="usmf"),
}
