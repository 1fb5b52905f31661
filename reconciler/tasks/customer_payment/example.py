"""A fictional company's receivables, made from a seed: what `init --example` writes.

How a payment is made here is the whole truth of it: each customer has a habit (a mean and a spread of days after
the due date); paper bills, amounts that need approval, short terms, a busy month and a dispute make it later; some
customers pay only in runs, on Fridays. So every invoice's outcome has a probability that is known exactly, and with
it the log-loss that nobody beats but by luck (`Example.best_log_loss`). Names are made up; nothing is anybody's data.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

VERY_LATE = 30
BEGIN, END = date(2023, 7, 1), date(2025, 12, 31)
_DISPUTE_DAYS, _NEEDS_APPROVAL, _FRIDAY = 21.0, 3000.0, 4
_DAY = timedelta(days=1)

INVOICE_COLUMNS = (
    "LegalEntity", "InvoiceId", "InvoiceAccount", "InvoiceDate", "DueDate", "LastSettleDate", "AmountCur",
    "CurrencyCode", "AmountMST", "RemainAmountCur", "DlvMode", "InDispute",
)  # fmt: skip
CUSTOMER_COLUMNS = ("LegalEntity", "AccountNum", "Name", "CountryRegionId", "CustGroup", "CustomerSince")

_FIRST = "Alder Birch Cedar Copper Crane Delta Ember Falcon Granite Harbour Iron Juniper Kestrel Linden Maple North Oak"
_SECOND = "Bakery Boats Bricks Clinics Dairy Fittings Foods Glass Homes Labs Logistics Mills Optics Paints Pumps Tools"
#: habit: (share of customers, mean days after the due date, spread between customers, spread of one's payments)
_HABITS = (
    (0.64, -15.0, 4.0, 5.0),
    (0.13, -4.0, 5.0, 7.0),
    (0.12, 13.0, 6.0, 9.0),
    (0.11, 34.0, 9.0, 11.0),
)
_COUNTRIES = (
    ("DE", "DEU", "EUR", 0.0),
    ("DE", "AUT", "EUR", 0.0),
    ("DE", "ITA", "EUR", 5.0),
    ("US", "USA", "USD", -1.0),
)


@dataclass(frozen=True)
class Example:
    """What was written: files, counts, and the best log-loss that a model can reach on the newest fifth of the
    mature rows, beside that of the naive shares there."""

    invoices: Path
    customers: Path
    rows: int
    data_date: date
    best_log_loss: float
    naive_log_loss: float
    outcomes: tuple[int, int, int]


@dataclass(frozen=True)
class _Customer:
    entity: str
    account: str
    name: str
    country: str
    group: str
    since: date
    currency: str
    mean: float
    spread: float
    runs: bool
    paper: bool
    terms: int
    disputes: float
    rate: float
    typical: float
    turns: date | None


@dataclass(frozen=True)
class _Invoice:
    customer: _Customer
    number: str
    day: date
    due: date
    amount: float
    paper: bool
    disputed: bool
    paid: date
    shares: tuple[float, float, float]

    @property
    def outcome(self) -> int:
        late = (self.paid - self.due).days
        return 0 if late <= 0 else 1 if late < VERY_LATE else 2

    @property
    def mature(self) -> bool:
        return self.due + timedelta(days=VERY_LATE) <= END


def generate(folder: Path, seed: int) -> Example:
    """Write `customers.csv` and `invoices.csv` into an existing folder. The same seed gives the same bytes.

    Payments after `END` have not been made yet: those invoices are open. Three rows are wrong on purpose, as in
    every real export: a doubled one, one due before its date, and one whose due date does not exist."""
    random = Random(seed)  # noqa: S311  a made-up company needs no secrecy
    customers = [_customer(random, number) for number in range(96)]
    invoices = sorted(
        (invoice for customer in customers for invoice in _invoices(random, customer)),
        key=lambda invoice: (invoice.day, invoice.number),
    )
    _write(folder / "customers.csv", CUSTOMER_COLUMNS, map(_customer_row, customers))
    rows = [_invoice_row(invoice) for invoice in invoices]
    _write(folder / "invoices.csv", INVOICE_COLUMNS, [*rows, *_wrong_rows(rows)])
    mature = [invoice for invoice in invoices if invoice.mature]
    best, naive = _log_losses(mature)
    counts = [sum(invoice.outcome == outcome for invoice in mature) for outcome in range(3)]
    return Example(
        folder / "invoices.csv", folder / "customers.csv", len(invoices), END, best, naive,
        (counts[0], counts[1], counts[2]),
    )  # fmt: skip


def _customer(random: Random, number: int) -> _Customer:
    mean, spread = _habit(random)
    entity, country, currency, slower = _COUNTRIES[(0, 0, 1, 2, 3, 3)[number % 6]]
    began = date(2012, 1, 1) + timedelta(days=random.randrange(4000))
    names = (_FIRST.split(), _SECOND.split())
    return _Customer(
        entity=entity,
        account=f"C-{10_000 + number * 37}",
        name=f"{names[0][number % 17]} {names[1][(number * 5 + number // 17) % 16]}",
        country=country,
        group=("retail", "trade", "public")[number % 3],
        since=began,
        currency=currency,
        mean=mean + slower,
        spread=spread,
        runs=random.random() < 0.25,
        paper=random.random() < 0.45,
        terms=random.choice((14, 30, 30, 30, 45, 60)),
        disputes=random.choice((0.01, 0.03, 0.08)),
        rate=math.exp(random.gauss(math.log(1.45), 0.5)),
        typical=math.exp(random.gauss(7.2, 0.7)),
        turns=date(2024, 3, 1) + timedelta(days=random.randrange(500)) if random.random() < 0.06 else None,
    )


def _habit(random: Random) -> tuple[float, float]:
    pick = random.random()
    for share, mean, between, own in _HABITS:
        if pick < share:
            return random.gauss(mean, between), own
        pick -= share
    return random.gauss(0.0, 4.0), 6.0


def _invoices(random: Random, customer: _Customer) -> Iterator[_Invoice]:
    """About `rate` invoices a month, at weekly rhythm, with quieter summers and busy ends of the year."""
    number = 0
    day = BEGIN
    while day <= END:
        season = {7: 0.8, 8: 0.7, 11: 1.3, 12: 1.4}.get(day.month, 1.0)
        if day.weekday() < 5 and random.random() < customer.rate * season / 21.0:
            number += 1
            yield _invoice(random, customer, day, number)
        day += _DAY


def _invoice(random: Random, customer: _Customer, day: date, number: int) -> _Invoice:
    terms = customer.terms if random.random() < 0.5 else random.choice((14, 30, 60))
    due = day + timedelta(days=terms)
    amount = round(customer.typical * math.exp(random.gauss(0.0, 0.8)), 2)
    paper = customer.paper if random.random() < 0.7 else not customer.paper
    mean = customer.mean + (7.0 if paper else -4.0) + (10.0 if amount > _NEEDS_APPROVAL else 0.0)
    mean += (30 - terms) * 0.35 + (3.0 if due.month in (8, 12) else 0.0)
    mean += 9.0 if customer.turns and day >= customer.turns else 0.0
    disputed = random.random() < customer.disputes
    shift = mean + (_DISPUTE_DAYS if disputed else 0.0)
    paid = max(day, due + timedelta(days=math.ceil(random.gauss(shift, customer.spread))))
    return _Invoice(
        customer, f"{customer.entity}-{customer.account[2:]}-{number:04d}", day, due, amount, paper, disputed,
        _next_run(paid) if customer.runs else paid, _shares(customer, due, mean),
    )  # fmt: skip


def _next_run(day: date) -> date:
    return day + timedelta(days=(_FRIDAY - day.weekday()) % 7)


def _shares(customer: _Customer, due: date, mean: float) -> tuple[float, float, float]:
    """The exact probabilities of the outcomes at the invoice date, when a dispute is not known yet."""
    limits = [_last_chance(customer, due), _last_chance(customer, due + timedelta(days=VERY_LATE - 1))]
    by = []
    for limit in limits:
        days = (limit - due).days
        quiet = _normal((days - mean) / customer.spread)
        loud = _normal((days - mean - _DISPUTE_DAYS) / customer.spread)
        by.append((1 - customer.disputes) * quiet + customer.disputes * loud)
    return by[0], by[1] - by[0], 1 - by[1]


def _last_chance(customer: _Customer, day: date) -> date:
    """The last day on which a payment that is ready still arrives by `day`."""
    return day - timedelta(days=(day.weekday() - _FRIDAY) % 7) if customer.runs else day


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def _log_losses(mature: Sequence[_Invoice]) -> tuple[float, float]:
    """(best, naive) mean −ln of the probability of what happened, on the rows from the 80 % quantile of dates on;
    naive: the shares of what was mature before."""
    days = sorted(invoice.day for invoice in mature)
    cut = days[int(0.8 * len(days))]
    exam = [invoice for invoice in mature if invoice.day >= cut]
    before = [i.outcome for i in mature if i.due + timedelta(days=VERY_LATE) <= cut]
    naive = [before.count(outcome) / len(before) for outcome in range(3)]
    best = sum(-math.log(max(1e-12, invoice.shares[invoice.outcome])) for invoice in exam) / len(exam)
    return best, sum(-math.log(naive[invoice.outcome]) for invoice in exam) / len(exam)


def _customer_row(customer: _Customer) -> tuple[str, ...]:
    c = customer
    return (c.entity, c.account, c.name, c.country, c.group, c.since.isoformat())


def _invoice_row(invoice: _Invoice) -> tuple[str, ...]:
    c, i = invoice.customer, invoice
    is_open = i.paid > END
    known_dispute = i.disputed and (not is_open or (END - i.day).days > 20)
    return (
        c.entity, i.number, c.account, i.day.isoformat(), i.due.isoformat(), "" if is_open else i.paid.isoformat(),
        f"{i.amount:.2f}", c.currency, f"{i.amount if c.currency == 'EUR' else i.amount * 0.92:.2f}",
        f"{i.amount if is_open else 0:.2f}", "paper" if i.paper else "electronic", "yes" if known_dispute else "no",
    )  # fmt: skip


def _wrong_rows(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    early, impossible = list(rows[len(rows) // 2]), list(rows[len(rows) // 3])
    yield rows[len(rows) // 4]
    early[1], early[4] = "DE-90000-0001", "2023-06-30"
    yield tuple(early)
    impossible[1], impossible[4] = "DE-90000-0002", "2025-02-30"
    yield tuple(impossible)


def _write(path: Path, header: Sequence[str], rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)  # type: ignore[arg-type]
