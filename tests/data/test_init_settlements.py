"""`init --customers --settlements`: what three systems write comes back as the books that they are, with reasons."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.contact_customers import propose_customers
from reconciler.core.contact_settlements import propose_settlements
from reconciler.core.first_contact import propose
from reconciler.core.proposed import Seen
from tests.sources.rigs import RIGS
from tests.sources.rigs.table import Table
from tests.support.looking import looked_at
from tests.support.receivables_elsewhere import what_to_type
from tests.support.settled_elsewhere import AS_OF, SYSTEMS, Books, Row, made_books
from tests.support.typing_in import typed

pytestmark = pytest.mark.usefixtures("no_identity")

BOOKS = made_books()
AS_OF_WORDS = ("--as-of", AS_OF.isoformat(), "--yes")


def kept(columns: str, table: str, order: str = "ALL") -> list[tuple[Any, ...]]:
    """Rows of the one snapshot of `mine`."""
    import duckdb

    folder = next(Path("mine/.reconciler/snapshots").glob(f"*/{table}"))
    with duckdb.connect(":memory:") as database:
        rows = f"SELECT {columns} FROM read_parquet(?) ORDER BY {order}"  # noqa: S608
        return database.execute(rows, [str(folder / "*.parquet")]).fetchall()


def begun(system: str, capsys: pytest.CaptureFixture[str], books: Books = BOOKS) -> str:
    """What was told, on one line, after `mine` was begun over a system's files."""
    words = SYSTEMS[system].write(books, Path())
    assert typed("init", "mine", *words, *AS_OF_WORDS) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    return " ".join((told.err + told.out).split())


COUNT = f"{len(BOOKS.settlements):,}"
REASONS = {
    "Swiss": (
        "invoice Zu Rechnung by its name; 100% of its values are in Belegnummer of the invoices",
        f"ZE payment: {sum(each.kind == 'payment' for each in BOOKS.settlements)} rows",
        f"Rücklastschrift reversal: {sum(each.kind == 'reversal' for each in BOOKS.settlements)} rows",
        "paid_on Valuta (dateFormat %d.%m.%Y) by its name",
        "recorded_on Buchungsdatum (dateFormat %d.%m.%Y) by its name",
        "customer Debitorennr. by its name; 100% of the invoices' customers are there",
        "customer_since Kunde seit (dateFormat %d.%m.%Y) by its name; day first; a day, known from then on",
        "Land today's value, of old invoices too; if it never changes",
        "Kundengruppe today's value, of old invoices too; if it never changes",
        f"{COUNT} of {COUNT} settlements (100.0%) are of an invoice that is there",
    ),
    "American": (
        "Applied Amount (currencyMark $, negate True)",
        "negative where it lowers the debt: the sign is turned",
        "Invoice Due the invoice's own due date",
    ),
    "Dynamics": (
        "source_id RECID the number by which the settlements name an invoice",
        "kind TRANSTYPE says which rows are invoices: ",
        "source_id TRANSRECID by its name; ",
        "offset_id OFFSETRECID by its name: the row that the invoice was settled with, whose kind is the settlement's",
    ),
}
WRITTEN = {
    "Swiss": ("country: Land  #", "customer_group: Kundengruppe  #"),  # not known at the invoice date
    "American": ('amount: {column: Applied Amount, currencyMark: "$", negate: true}',),
    "Dynamics": ('kind: {column: TRANSTYPE, values: {"15": payment, "2": invoice,',),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_books_of_another_system_come_back_as_what_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    system = SYSTEMS[name]
    told = begun(name, capsys)
    assert "In doubt" not in told
    assert [words for words in REASONS[name] if words not in told] == []
    production = Path("mine/environments/production.yaml").read_text()
    assert [words for words in WRITTEN[name] if words not in production] == []
    recipe = Path("mine/manifests/models/payment-prediction/1.0.0.yaml").read_text()
    assert "include: [invoice, terms, customer, customer-history]" in recipe
    settled = "invoice, kind, abs(amount), paid_on, recorded_on"
    expected = system.settlements(BOOKS)
    if name == "Dynamics":  # a reversal is the payment's own kind, with the other sign
        expected = sorted((i, "payment" if kind == "reversal" else kind, *rest) for i, kind, *rest in expected)
    assert kept(settled, "settlements") == expected
    gone = {each.invoice for each in BOOKS.settlements if each.kind in ("write-off", "credit-note")}
    assert kept("legal_entity, invoice, customer, invoice_date, due_date, amount", "invoices") == sorted(
        (system.company, system.invoice(each), system.account(each.customer), each.dated, each.due, each.amount)
        for each in BOOKS.invoices
        if each not in gone
    )
    assert kept("customer, customer_group, customer_since", "customers") == sorted(
        (system.account(each), each.group, each.since) for each in BOOKS.customers
    )
    ready(capsys)


def ready(capsys: pytest.CaptureFixture[str]) -> None:
    """`mine` is valid, in form and ready to train."""
    assert typed("-C", "mine", "validate") == 0
    assert typed("-C", "mine", "fmt", "--check") == 0
    capsys.readouterr()
    assert typed("-C", "mine", "plan", "-o", "json") == 0
    assert {"train", "deploy"} <= {each["action"] for each in json.loads(capsys.readouterr().out)["actions"]}


# --- doubts ----------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]


def swiss(table: str, change: Change | None = None, drop: Sequence[str] = ()) -> list[str]:
    """Write the Swiss files with one table's rows changed, or without columns; the words to type."""
    import csv

    words = SYSTEMS["Swiss"].write(BOOKS, Path())
    header, rows = SYSTEMS["Swiss"].tables(BOOKS)[table]
    with Path(f"{table}.csv").open("w", encoding="latin-1", newline="") as file:
        names = [str(name) for name in header if name not in drop]
        out = csv.DictWriter(file, names, delimiter=";", extrasaction="ignore")
        out.writeheader()
        for row in rows:
            cells = dict(zip(map(str, header), row, strict=True))
            if change is not None:
                change(cells)
            out.writerow(cells)
    return words


def test_a_word_that_nobody_knows_is_taken_for_a_payment_and_that_is_a_doubt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def change(row: dict[str, Any]) -> None:
        row["Vorgang"] = {"Skonto": 'UMB "}: [ # x', "Gutschrift": "\x1b[31m"}.get(row["Vorgang"], row["Vorgang"])

    assert typed("init", "mine", *swiss("settlements", change), *AS_OF_WORDS) == 3
    told = capsys.readouterr()
    rows = sum(each.kind == "discount" for each in BOOKS.settlements)
    assert f"({rows} rows) is no kind that is known here: taken for a payment, check it" in told.err
    assert "not a kind of settlement" in told.err, "what no manifest should hold stays what it is"
    assert "\x1b" not in told.err + told.out


def doubts_of(table: str, change: Change | None = None, drop: Sequence[str] = ()) -> str:
    """What is in doubt of the Swiss files, one table of them changed."""
    swiss(table, change, drop)
    seen = {name: seen_in(Path(f"{name}.csv")) for name in ("invoices", "customers", "settlements")}
    known = propose(seen["invoices"], settlements=True).known
    found = [propose_settlements(seen["settlements"], known), propose_customers(seen["customers"], known)]
    return "; ".join(doubt for each in found for doubt in each.doubts)


def seen_in(file: Path) -> Seen:
    sample = looked_at(file)
    return Seen(sample.header, sample.columns, sample.delimiter)


DOUBTS: dict[str, tuple[str, Change | None, list[str], str]] = {
    "nothing": ("settlements", None, [], ""),
    "no kind": ("settlements", None, ["Vorgang"], "no column says what kind each settlement is: all are taken for"),
    "no more than an account": ("customers", None, ["Land", "Kundengruppe", "Kunde seit"], "nothing but the account"),
    "other signs": (
        "settlements",
        lambda row: row.update(Betrag=f"-{row['Betrag']}") if row["Vorgang"] == "Gutschrift" else None,
        [],
        "Betrag of each credit-note has the other sign than payments",
    ),
    "both signs": (
        "settlements",
        lambda row: row.update(Betrag=f"-{row['Betrag']}") if row["Belegnummer"][-1] in "123" else None,
        [],
        "of the payments in Betrag have the other sign: they count as taken back",
    ),
    "another currency": (
        "settlements",
        lambda row: row.update({"Whg.": "EUR"}) if row["Belegnummer"].endswith("7") else None,
        [],
        "Whg. is not the invoice's currency on",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTS)
def test_what_may_not_mean_what_it_seems_to_is_a_doubt(name: str) -> None:
    table, change, drop, doubt = DOUBTS[name]
    assert doubt in doubts_of(table, change, drop) if doubt else not doubts_of(table, change, drop)


def test_discounts_in_a_column_of_their_own_are_a_doubt() -> None:
    header = ("Rechnung", "bezahlt am", "Zahlbetrag", "Skonto", "Art")
    rows = [(f"RG-{i.number}", i.due.isoformat(), f"{i.amount - 1}", "1.00" if n % 2 else "2.00", "Zahlung")
            for n, i in enumerate(BOOKS.invoices)]  # fmt: skip
    swiss("invoices")
    known = propose(seen_in(Path("invoices.csv")), settlements=True).known
    found = propose_settlements(Seen(header, list(zip(*rows, strict=True))), known)
    assert "Skonto holds amounts that are not read" in found.doubts[0]
    assert found.column_of("amount") == "Zahlbetrag"


def test_settlements_of_other_invoices_are_a_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    def change(row: dict[str, Any]) -> None:
        row["Zu Rechnung"] = "X" if row["Belegnummer"][-1] in "123" else row["Zu Rechnung"]

    assert typed("init", "mine", *swiss("settlements", change), "--as-of", AS_OF.isoformat()) == 3
    assert "are these settlements those of these invoices" in capsys.readouterr().err


def test_a_field_in_which_rows_of_one_customer_differ_is_not_proposed(capsys: pytest.CaptureFixture[str]) -> None:
    words = swiss("customers")
    again = Path("customers.csv").read_text(encoding="latin-1").splitlines()
    again += [line.replace(";CH;", ";DE;") for line in again[1:]]
    Path("customers.csv").write_text("\n".join(again), encoding="latin-1")
    assert typed("init", "mine", *words, *AS_OF_WORDS) == 0
    assert "rows of one customer differ in it: no country can be told" in capsys.readouterr().err
    assert len(kept("customer", "customers")) == len(BOOKS.customers)


def test_a_settlement_date_of_the_invoices_gives_way_to_the_settlements(capsys: pytest.CaptureFixture[str]) -> None:
    words = swiss("invoices")
    lines = Path("invoices.csv").read_text(encoding="latin-1").splitlines()
    lines = [lines[0] + ";Zahlungsdatum", *(f"{line};{n % 27 + 1:02d}.03.2024" for n, line in enumerate(lines[1:]))]
    Path("invoices.csv").write_text("\n".join(lines), encoding="latin-1")
    assert typed("init", "mine", *words, "--as-of", AS_OF.isoformat()) == 3
    assert "Zahlungsdatum  the settlements say when: one truth, so it is not read" in capsys.readouterr().err


# --- refusals --------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, Change | None, list[str], str]] = {
    "no amount": ("settlements", None, ["Betrag"], "settlements.csv: no column was recognised as amount; its columns"),
    "no date": ("settlements", None, ["Valuta", "Buchungsdatum"], "no column was recognised as paid_on"),
    "no invoice": ("settlements", None, ["Zu Rechnung", "Belegnummer"], "no column was recognised as invoice"),
    "no account": ("customers", None, ["Debitorennr."], "customers.csv: no column was recognised as customer"),
    "no settlements, no day": ("invoices", None, [], "name the settlements, which say when: --settlements SOURCE"),
    "strangers": (
        "settlements", lambda row: row.update({"Zu Rechnung": row["Zu Rechnung"].replace("RG-", "0")}), ["Belegnummer"],
        "settlements.csv: not one of these settlements is of an invoice of invoices.csv: Zu Rechnung is written like "
        "9999999, and Belegnummer of the invoices like AA-999999",
    ),
    "strange customers": (
        "customers", lambda row: row.update({"Debitorennr.": row["Debitorennr."][1:]}), [],
        "customers.csv: not one of these customers is one of invoices.csv: Debitorennr. is written like 9999, and "
        "Debitorennr. of the invoices like A9999",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_these_books_is_refused_with_its_file_and_leaves_nothing(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table, change, drop, said = REFUSED[name]
    words = swiss(table, change, drop)
    if table == "invoices":
        words = words[:2]
    assert typed("init", "mine", *words, *AS_OF_WORDS) == 3
    told = capsys.readouterr().err
    assert said in told and "next:" in told
    assert not Path("mine").exists()


def test_settlements_that_do_not_say_which_of_several_companies_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = swiss("invoices", lambda row: row.update({"Lfd. Nr.": f"CH0{int(row['Lfd. Nr.']) % 2}"}))
    content = Path("invoices.csv").read_text(encoding="latin-1").replace("Lfd. Nr.", "Buchungskreis")
    Path("invoices.csv").write_text(content, encoding="latin-1")
    assert typed("init", "mine", *words, *AS_OF_WORDS) == 3
    assert "settlements.csv: no column was recognised as legal_entity" in capsys.readouterr().err


def test_without_a_yes_both_the_mapping_and_what_it_gives_are_shown_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert typed("init", "mine", *swiss("invoices"), "--as-of", AS_OF.isoformat()) == 3
    told = capsys.readouterr().err
    assert "Proposed mapping of settlements" in told and "are of an invoice that is there" in told
    assert not Path("mine").exists()


# --- names -----------------------------------------------------------------------------------------------------


def in_a_database(name: str) -> None:
    """The system's tables in `erp.db`."""
    with sqlite3.connect("erp.db") as database:
        for table, (header, rows) in SYSTEMS[name].tables(BOOKS).items():
            columns = ", ".join(f'"{column}" TEXT' for column in header)
            database.execute(f"CREATE TABLE {table} ({columns})")
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(header))})", texts(rows))  # noqa: S608


def texts(rows: Sequence[Row]) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in rows]


def test_tables_of_one_database_and_sources_of_several_kinds_give_the_same_copy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_a_database("American")
    SYSTEMS["American"].write(BOOKS, Path())
    tables = ["--table", "invoices", "--customers-table", "customers", "--settlements-table", "settlements"]
    mixed = ["--customers", "customers.csv", "--settlements", "sqlite:///erp.db", "--settlements-table", "settlements"]
    snapshots = set()
    for folder, words in (("base", ["sqlite:///erp.db", *tables]), ("mixed", ["invoices.csv", *mixed])):
        assert typed("init", folder, "--from", *words, *AS_OF_WORDS, "-o", "json") == 0, capsys.readouterr().err
        snapshots.add(json.loads(capsys.readouterr().out)["snapshot"])
    assert len(snapshots) == 1


@pytest.mark.real
def test_tables_of_a_server_are_read_with_one_password_that_is_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with RIGS["postgresql"](tmp_path) as rig:
        for name, value in rig.variables.items():
            monkeypatch.setenv(name, value)
        words: list[str] = []
        for table, (header, rows) in SYSTEMS["American"].tables(BOOKS).items():
            source = rig.put(table, Table({str(name): "text" for name in header}, texts(rows)))
            words += ["--customers-table", table] if table == "customers" else []
            words += ["--settlements-table", table] if table == "settlements" else []
            words += what_to_type(source, tmp_path) if table == "invoices" else []
        assert typed("init", "mine", *words, *AS_OF_WORDS) == 0, capsys.readouterr().err
        ready(capsys)
        assert kept("count(*)", "settlements") == [(len(SYSTEMS["American"].settlements(BOOKS)),)]
        production = Path("mine/environments/production.yaml").read_text()
        assert production.count("credentials: erp") == 3
        assert not [value for value in rig.variables.values() if value in production]


NAMED = {
    ("--from", "invoices.csv", "--settlements-table", "pay"): "--settlements-table names a table, and --from a path",
    ("--from", "invoices.csv", "--settlements", "nowhere.csv"): "an address with --settlements-table",
    ("--from", "invoices.csv", "--customers", "sqlite:///erp.db"): "add --customers-table TABLE",
    ("--from", "invoices.csv", "--customers", "erp.db"): "type --customers sqlite:///erp.db --customers-table TABLE",
    ("--from", "postgresql://a@one.example/x", "--table", "t", "--credentials", "ERP", "--customers",
     "https://b@two.example/data", "--customers-table", "C"): "several hosts: one.example, two.example",
}  # fmt: skip


@pytest.mark.parametrize("words", NAMED)
def test_a_source_that_is_not_named_as_it_has_to_be_is_refused(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    in_a_database("American")
    SYSTEMS["American"].write(BOOKS, Path())
    assert typed("init", "mine", *words, "--yes") == 3
    assert NAMED[words] in capsys.readouterr().err


def test_customers_and_settlements_do_not_go_with_the_example() -> None:
    assert typed("init", "mine", "--example", "--settlements", "s.csv") == 64
