"""First contact with settlements and customers: one truth in many words, orders and signs is understood alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.contact_customers import propose_customers
from reconciler.core.contact_settlements import Settling, propose_settlements
from reconciler.core.first_contact import propose
from reconciler.core.guess_kinds import find_kinds
from reconciler.core.guess_links import Invoices
from reconciler.core.guess_names import NAMES
from reconciler.core.guess_values import Native, column
from reconciler.core.proposed import Seen
from reconciler.domain.settling import KINDS
from tests.support.settled_elsewhere import made_books

BOOKS = made_books(160, accounts=10)


@dataclass(frozen=True)
class Words:
    """How a system calls its columns, and the five kinds, in the order of `KINDS`."""

    invoices: str
    settlements: str
    customers: str
    kinds: str


ELSEWHERE: Mapping[str, Words] = {
    "English": Words(
        "Invoice No|Customer No|Invoice Date|Due Date|Amount",
        "Invoice No|Payment Date|Posting Date|Amount|Document Type|Customer No",
        "Customer No|Country|Customer Group|Created On",
        "Payment|Credit Memo|Write-off|Discount|Reversal",
    ),
    "German": Words(
        "Rechnungsnr.|Kundennr.|Rechnungsdatum|Fällig am|Bruttobetrag",
        "Rechnungsnummer|Zahlungsdatum|Erfasst am|Zahlbetrag|Belegart|Kunde",
        "Kundennr.|Land|Kundengruppe|Kunde seit",
        "Zahlung|Gutschrift|Ausbuchung|Skonto|Storno",
    ),
    "French": Words(
        "N° facture|Code client|Date facture|Date d'échéance|Montant TTC",
        "Facture|Date de règlement|Date comptable|Montant réglé|Type de pièce|Client",
        "Code client|Pays|Groupe client|Client depuis",
        "Règlement|Avoir|Perte|Escompte|Annulation",
    ),
    "Spanish": Words(
        "Nº factura|Código cliente|Fecha factura|Fecha vencimiento|Importe",
        "Factura|Fecha de pago|Fecha registro|Importe cobrado|Tipo documento|Cliente",
        "Código cliente|País|Grupo cliente|Fecha alta",
        "Cobro|Abono|Incobrable|Descuento|Devolución",
    ),
    "Italian": Words(
        "Numero fattura|Codice cliente|Data fattura|Data scadenza|Importo",
        "Numero fattura|Data pagamento|Data contabile|Importo pagato|Tipo documento|Cliente",
        "Codice cliente|Paese|Gruppo cliente|Cliente dal",
        "Incasso|Nota di credito|Perdita su crediti|Sconto|Insoluto",
    ),
    "Dutch": Words(
        "Factuurnr|Klantnr|Factuurdatum|Vervaldatum|Bedrag",
        "Factuurnummer|Betaald op|Boekdatum|Betaald bedrag|Documentsoort|Klant",
        "Klantnr|Land|Klantgroep|Klant sinds",
        "Betaling|Creditnota|Afboeking|Korting|Storno",
    ),
    "Polish": Words(
        "Numer faktury|Kontrahent|Data wystawienia|Termin płatności|Kwota brutto",
        "Nr faktury|Data zapłaty|Data księgowania|Kwota zapłaty|Typ dokumentu|Klient",
        "Kontrahent|Kraj|Grupa klientów|Data utworzenia",
        "Wpłata|Korekta|Odpis|Rabat|Storno",
    ),
    "SAP": Words(
        "BELNR|KUNNR|BLDAT|NETDT|WRBTR",
        "REBZG|BUDAT|CPUDT|WRBTR|BLART|KUNNR",
        "KUNNR|LAND1|KDGRP|ERDAT",
        "DZ|DG|Ausb|Skto|Stor",
    ),
    "Business Central": Words(
        "Document No.|Customer No.|Posting Date|Due Date|Amount",
        "Applies-to Doc. No.|Posting Date|Created At|Amount|Document Type|Customer No.",
        "No.|Country/Region Code|Customer Posting Group|Created At",
        "Payment|Credit Memo|Write-off|Payment Discount|Refund",
    ),
    "Odoo": Words(
        "name|partner_id|invoice_date|invoice_date_due|amount_total",
        "invoice_name|date|create_date|amount|payment_type|partner_id",
        "partner_id|country_code|category|create_date",
        "inbound payment|credit note|write off|discount|refund",
    ),
}


@dataclass(frozen=True)
class Style:
    """How dates and amounts are written, and which sign lowers a debt."""

    form: str
    decimal: str
    grouped: bool
    negative: bool
    order: Sequence[int]

    def day(self, day: date) -> str:
        return day.strftime(self.form)

    def money(self, amount: Decimal) -> str:
        text = f"{amount:,.2f}" if self.grouped else f"{amount:.2f}"
        return text.translate(str.maketrans(",.", ".,")) if self.decimal == "," else text

    def seen(self, header: str, rows: Sequence[Sequence[str]], order: Sequence[int] = ()) -> Seen:
        names, columns = header.split("|"), list(zip(*rows, strict=True))
        places = order or range(len(names))
        return Seen([names[n] for n in places], [columns[n] for n in places], ";" if self.decimal == "," else ",")


styles = st.builds(
    Style,
    form=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d", "%d-%b-%Y"]),
    decimal=st.sampled_from(".,"),
    grouped=st.booleans(),
    negative=st.booleans(),
    order=st.permutations(range(6)),
)


@settings(max_examples=20, deadline=None)
@given(style=styles, system=st.sampled_from(sorted(ELSEWHERE)))
def test_one_truth_in_any_words_and_style_is_mapped_to_the_same_fields(style: Style, system: str) -> None:
    words = ELSEWHERE[system]
    invoices = propose(style.seen(words.invoices, invoice_rows(style)), settlements=True)
    found = propose_settlements(
        style.seen(words.settlements, settlement_rows(style, words), style.order), invoices.known
    )
    assert (invoices.missing, found.missing, found.doubts, found.strangers) == ((), (), (), "")
    names = words.settlements.split("|")
    fields = ("invoice", "paid_on", "recorded_on", "amount", "kind")
    assert {field: found.column_of(field) for field in fields} == dict(zip(fields, names, strict=False))
    options = {choice.field: dict(choice.options or {}) for choice in found.fields}
    assert options["amount"].get("negate", False) is style.negative
    assert options["amount"].get("decimal", ".") == style.decimal
    assert {options[name].get("dateFormat", "%Y-%m-%d") for name in ("paid_on", "recorded_on")} == {style.form}
    there = {words.kinds.split("|")[KINDS.index(each.kind)]: each.kind for each in BOOKS.settlements}
    assert options["kind"]["values"] == {text: kind for text, kind in there.items() if text != kind}
    people = propose_customers(style.seen(words.customers, customer_rows(style)), invoices.known)
    mapped = [people.column_of(each) for each in ("customer", "country", "customer_group", "customer_since")]
    assert mapped == words.customers.split("|")
    assert "knownAt" not in str(people.mapping())


def invoice_rows(style: Style) -> list[tuple[str, ...]]:
    return [
        (f"R-{i.number}", f"K{i.customer.account}", style.day(i.dated), style.day(i.due), style.money(i.amount))
        for i in BOOKS.invoices
    ]


def settlement_rows(style: Style, words: Words) -> list[tuple[str, ...]]:
    kinds = dict(zip(KINDS, words.kinds.split("|"), strict=True))
    out = []
    for each in BOOKS.settlements:
        sign = (-1 if style.negative else 1) * (-1 if each.kind == "reversal" else 1)
        days = style.day(each.paid), style.day(each.recorded)
        number, account = f"R-{each.invoice.number}", f"K{each.invoice.customer.account}"
        out.append((number, *days, style.money(sign * each.amount), kinds[each.kind], account))
    return out


def customer_rows(style: Style) -> list[tuple[str, ...]]:
    return [(f"K{c.account}", c.country, c.group, style.day(c.since)) for c in BOOKS.customers]


PLAIN = Style("%Y-%m-%d", ".", grouped=False, negative=False, order=())
GERMAN = ELSEWHERE["German"]


def known_with(name: str, values: Sequence[str]) -> Invoices:
    """German invoices with one more column."""
    rows = [(*row, value) for row, value in zip(invoice_rows(PLAIN), values, strict=True)]
    return propose(PLAIN.seen(f"{GERMAN.invoices}|{name}", rows), settlements=True).known


def settling(invoices: Invoices, name: str = "", values: Sequence[str] = ()) -> Settling:
    """What is proposed for German settlements, with one more column if it is named."""
    rows = settlement_rows(PLAIN, GERMAN)
    more = [(*row, value) for row, value in zip(rows, values, strict=True)] if name else rows
    header = f"{GERMAN.settlements}|{name}" if name else GERMAN.settlements
    return propose_settlements(PLAIN.seen(header, more), invoices)


def test_a_country_that_the_invoices_have_is_not_asked_of_todays_customers() -> None:
    known = known_with("Land", [("CH", "DE")[n % 2] for n in range(len(BOOKS.invoices))])
    people = propose_customers(PLAIN.seen(GERMAN.customers, customer_rows(PLAIN)), known)
    assert people.column_of("country") is None
    assert "Land of the invoices is that of the invoice date" in {r.column: r.why for r in people.refused}["Land"]


def test_companies_are_those_of_the_invoices() -> None:
    of = {f"R-{each.number}": ("AT01", "DE01")[each.number % 2] for each in BOOKS.invoices}
    several, one = known_with("Buchungskreis", list(of.values())), known_with("Buchungskreis", ["AT01"] * len(of))
    companies = [of[row[0]] for row in settlement_rows(PLAIN, GERMAN)]
    assert settling(several, "Firma", companies).column_of("legal_entity") == "Firma"
    assert settling(several).missing == ("legal_entity",)
    assert settling(one).mapping()["legal_entity"] == {"constant": "AT01"}


def test_instalments_are_asked_of_settlements_only_where_the_number_alone_names_several() -> None:
    rows = invoice_rows(PLAIN)
    assert "instalment" not in settling(known_with("Rate", ["1"] * len(rows))).mapping()
    in_two = [(rows[n - n % 2][0], *row[1:], str(n % 2 + 1)) for n, row in enumerate(rows)]
    known = propose(PLAIN.seen(f"{GERMAN.invoices}|Rate", in_two), settlements=True).known
    assert settling(known).missing == ("instalment",)
    parts = [str(n % 2 + 1) for n in range(len(BOOKS.settlements))]
    assert settling(known, "Rate", parts).column_of("instalment") == "Rate"


def test_moments_whose_day_depends_on_the_time_zone_are_a_doubt() -> None:
    rows = [(*row[:2], f"{row[2]}T22:30:00Z", *row[3:]) for row in settlement_rows(PLAIN, GERMAN)]
    known = propose(PLAIN.seen(GERMAN.invoices, invoice_rows(PLAIN)), settlements=True).known
    (doubt,) = propose_settlements(PLAIN.seen(GERMAN.settlements, rows), known).doubts
    assert doubt.startswith("Erfasst am holds moments") and "timeZone" in doubt


def test_debit_and_credit_are_kinds_and_ways_to_pay_alone_are_not() -> None:
    sides = find_kinds([column("Soll/Haben", ["S", "H", "H"])])
    assert sides is not None and sides.words == {"H": "payment", "S": "reversal"}
    assert find_kinds([column("Method", ["Wire", "Check", "Cash"])]) is None
    both = find_kinds([column("Method", ["Wire", "Check", "NSF"]), column("Type", ["PMT", "PMT", "Void"])])
    assert both is not None and both.column.name == "Type"


CELLS = ("", "7", "123456", "R3", "03/04/2024", "2024-02-11", "1900-01-01", "5,20", "Payment", "W/O", "zz", "S", "H",
         "EUR", "($9.00)", "-", "\x1b[3\u202e", "0")  # fmt: skip
CALLED = ("x", "", "#", *(name for names in NAMES.values() for name in sorted(names)))


@pytest.mark.parametrize("seed", range(60))
def test_no_table_whatever_breaks_a_first_look(seed: int) -> None:
    random = Random(seed)  # noqa: S311  made-up data
    known = propose(any_table(random), random.choice([None, "2024-05-01"]), settlements=random.random() < 0.8).known
    for table in (any_table(random), any_table(random)):
        propose_settlements(table, known).mapping()
        propose_customers(table, known).mapping()


def any_table(random: Random) -> Seen:
    rows, width = random.choice([1, 2, 30]), random.randrange(1, 9)
    columns = [tuple(random.choices(random.sample(CELLS, 2), k=rows)) for _ in range(width)]
    kinds: tuple[Native | None, ...] = (None, "date", "number", "flag")
    natives = random.choices(kinds, k=width) if random.random() < 0.3 else ()
    return Seen(random.choices(CALLED, k=width), columns, random.choice(",;"), natives, random.choice([1.0, 0.3]))
