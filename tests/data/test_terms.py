"""Invoices that say in how many days they are due, and not when: found, written down, read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.environment_rules import check_environment
from reconciler.core.first_contact import propose
from reconciler.core.proposed import Seen
from reconciler.core.readable import Declared
from reconciler.core.recipe_rules import Knowledge
from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.problems import Place
from reconciler.domain.terms import net_days
from reconciler.tasks.customer_payment.spec import SPEC
from tests.support.csv_files import PLAIN, data_of, made_invoices, nothing, plain_csv, source_in
from tests.support.typing_in import typed

TRUTH = made_invoices(700, days=700)
DAYS = {
    "30": 30, "NET30": 30, "Net 30": 30, "net 30 days": 30, "n/30": 30, "2/10 net 30": 30, "2% / 10 days, net 45": 45,
    "2/10, n/30": 30, "30 Tage netto": 30, "14 Tage": 14, "0": 0, "30.0": 30, "60d": 60, "zahlbar in 30 Tagen": 30,
}  # fmt: skip
NO_DAYS = ["30 EOM", "EOM30", "due on receipt", "10 days 2%, 30 days", "2/10", "1000", "30.5", "ZB30", "-30", ""]
TERMS = {0: "Due on receipt", 14: "14", 30: "NET30", 45: "2/10 net 45", 60: "Net 60 days"}


@pytest.mark.parametrize("text", DAYS)
def test_the_days_of_terms_are_read(text: str) -> None:
    assert net_days(text) == DAYS[text]


@pytest.mark.parametrize("text", NO_DAYS)
def test_what_says_no_plain_number_of_days_is_not_guessed(text: str) -> None:
    assert net_days(text) is None


def mapped(column: str = "due_date", **values: str) -> dict[str, object]:
    return {**PLAIN, "due_date": {"column": column, "addDaysTo": "invoice_date", "values": values}}


def test_the_due_date_is_so_many_days_after_the_invoice_date(tmp_path: Path) -> None:
    """As the rules that `init` finds it by say; what says no days is a bad row with its line."""
    import duckdb

    rows = [f'A{n},K,2024-01-31,"{text}",,1' for n, text in enumerate([*DAYS, "At once", "30 EOM"])]
    (tmp_path / "i.csv").write_text(plain_csv(*rows))
    data = data_of("i.csv", mapped(**{"At once": "0"}), max_share=1)
    with source_in(tmp_path).extract(data, None, nothing) as extract:
        asked = "SELECT due_date - invoice_date FROM read_parquet(?) ORDER BY CAST(substr(invoice, 2) AS INTEGER)"
        found = duckdb.execute(asked, [str(extract.folder / "invoices.parquet")]).fetchall()
        assert [row[0] for row in found] == [*DAYS.values(), 0]
        (bad,) = extract.examples
        assert (bad.cause, bad.line, bad.field) == ("not a number of days", len(rows) + 1, "invoices.due_date")


def _terms_of(n: int) -> int:
    return list(TERMS)[n % len(TERMS)]


@pytest.mark.usefixtures("no_identity")
def test_a_repository_is_begun_over_invoices_with_terms_and_words_for_unpaid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an Indian export might be: no due date, months by name, groups of two figures, `open` for what is unpaid."""
    import duckdb

    lines = ["Invoice No,Customer,Invoice Date,Terms,Paid On,Amount"]
    for n, row in enumerate(TRUTH):
        paid = f"{row.settled_date:%d-%b-%y}" if row.settled_date else "open"
        figures = f"{row.amount + 100_000:.2f}"
        lines.append(
            f'{row.invoice},{row.customer},{row.invoice_date:%d-%b-%y},{TERMS[_terms_of(n)]},{paid},"1,{figures[1:3]},{figures[3:]}"'
        )
    (tmp_path / "i.csv").write_text("\n".join(lines))
    assert typed("init", "mine", "--from", str(tmp_path / "i.csv"), "--yes") == 0, capsys.readouterr().err
    written = Path("mine/environments/production.yaml").read_text()
    assert 'due_date: {column: Terms, addDaysTo: invoice_date, values: {Due on receipt: "0"}}' in written
    assert typed("-C", "mine", "validate") == 0
    assert typed("-C", "mine", "fmt", "--check") == 0
    files = str(next(Path("mine/.reconciler/snapshots").glob("*/invoices")) / "*.parquet")
    asked = "SELECT invoice, due_date, settled_date FROM read_parquet(?) ORDER BY invoice"
    due = [(row.invoice, row.invoice_date + timedelta(_terms_of(n)), row.settled_date) for n, row in enumerate(TRUTH)]
    assert duckdb.execute(asked, [files]).fetchall() == sorted(due)


def _seen(**more: list[str]) -> Seen:
    columns = {
        "Invoice No": [row.invoice for row in TRUTH],
        "Customer": [row.customer for row in TRUTH],
        "Invoice Date": [row.invoice_date.isoformat() for row in TRUTH],
        "Paid On": [row.settled_date.isoformat() if row.settled_date else "" for row in TRUTH],
        "Amount": [str(row.amount) for row in TRUTH],
        **more,
    }
    return Seen(list(columns), [tuple(each) for each in columns.values()])


def test_terms_are_not_asked_where_a_column_says_when_invoices_are_due() -> None:
    terms, due = [TERMS[_terms_of(n)] for n in range(len(TRUTH))], [row.due_date.isoformat() for row in TRUTH]
    assert propose(_seen(Terms=terms)).column_of("due_date") == "Terms"
    both = propose(_seen(Terms=terms, Due=due))
    assert [each.column for each in both.fields if each.field == "due_date"] == ["Due"]


def test_a_few_terms_without_days_are_in_doubt_and_many_are_none() -> None:
    few = ["30 EOM" if n % 50 == 0 else "NET30" for n in range(len(TRUTH))]
    assert any("Terms says no number of days on 14 rows" in doubt for doubt in propose(_seen(Terms=few)).doubts)
    many = ["30 EOM" if n % 5 == 0 else "NET30" for n in range(len(TRUTH))]
    assert propose(_seen(Terms=many)).missing == ("due_date",)


def _faults(**mapping: object) -> list[str]:
    """What is wrong with a manifest that maps these fields, with the next step."""
    written = {"source": {"kind": "csv", "path": "i.csv"}, "mapping": {**PLAIN, **mapping}}
    spec = {"data": {"invoices": written}, "target": {"kind": "folder", "path": ".reconciler/t"}}
    environment = Declared("e", EnvironmentSpec.model_validate(spec), Place("e.yaml", 1), None)
    return [
        f"{each.summary}, {each.fix}" for each in check_environment("e", {"e": environment}, ["e"], [Knowledge(SPEC)])
    ]


@pytest.mark.parametrize(("field", "value", "told"), [
    ("due_date", {"column": "a", "addDaysTo": "due_date"}, "no days can be added to due_date"),
    ("due_date", {"column": "a", "addDaysTo": "amount"}, "no days can be added to amount"),
    ("amount", {"column": "a", "addDaysTo": "invoice_date"}, "addDaysTo does not fit amount"),
    ("due_date", {"column": "a", "addDaysTo": "invoice_date", "dateFormat": "%d.%m.%Y"}, "take dateFormat out"),
    ("due_date", {"column": "a", "addDaysTo": "known_date"}, "known_date is not read from a column of dates"),
])  # fmt: skip
def test_days_are_added_only_to_a_date_that_is_read(field: str, value: dict[str, str], told: str) -> None:
    assert any(told in each for each in _faults(**{field: value}))


def test_terms_of_a_manifest_are_valid() -> None:
    assert _faults(due_date={"column": "Terms", "addDaysTo": "invoice_date", "values": {"COD": "0"}}) == []
