"""Where `init` cannot find a column, it names those that nearly fitted and why each did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.first_contact import propose
from reconciler.core.guess_near import near_misses
from reconciler.core.proposed import Seen
from tests.support.csv_files import made_invoices
from tests.support.typing_in import typed

TRUTH = made_invoices(200)
COLUMNS = {
    "Invoice No": [row.invoice for row in TRUTH],
    "Customer": [row.customer for row in TRUTH],
    "Invoice Date": [row.invoice_date.isoformat() for row in TRUTH],
    "Due Date": [row.due_date.isoformat() for row in TRUTH],
    "Paid On": [row.settled_date.isoformat() if row.settled_date else "" for row in TRUTH],
    "Amount": [f"{row.amount:.2f}" for row in TRUTH],
}


def near(header: list[str] | None = None, **other: list[str]) -> list[str]:
    """What is said where these columns are other ones."""
    columns = COLUMNS | {name.replace("_", " "): values for name, values in other.items()}
    seen = Seen(header or list(columns), [tuple(each) for each in columns.values()])
    proposal = propose(seen)
    assert proposal.missing
    return near_misses(seen, proposal)


def every(n: int, odd: str, values: list[str]) -> list[str]:
    return [odd if i % n == 0 else value for i, value in enumerate(values)]


def test_a_column_of_dates_with_too_many_other_texts_is_named_with_their_number() -> None:
    (told,) = near(Due_Date=every(5, "see note", COLUMNS["Due Date"]))
    assert told == "due_date: Due Date (called so, but 160 of its 200 values are dates that are written alike)"


def test_amounts_of_several_currencies_are_named() -> None:
    euros = every(2, "€ 10.00", [f"$ {text}" for text in COLUMNS["Amount"]])
    (told,) = near(Amount=euros)
    assert told == "amount: Amount (called so, but 0 of its 200 values are numbers that are written alike)"


def test_a_column_that_is_empty_too_often_is_named() -> None:
    (told,) = near(Customer=every(3, "", COLUMNS["Customer"]))
    assert told == "customer: Customer (called so, but it has a value on 133 of 200 rows only)"


def test_a_column_without_any_value_is_named() -> None:
    (told,) = near(Amount=[""] * len(TRUTH))
    assert told.startswith("amount: Amount (called so, but it has no value on any of 200 rows)")


def test_two_columns_of_one_name_are_named() -> None:
    columns = {**COLUMNS, "Amount again": COLUMNS["Amount"]}
    header = ["Amount" if name == "Amount again" else name for name in columns]
    told = near(header, Amount_again=COLUMNS["Amount"])
    assert told == ["amount: Amount (there are 2 columns of that name)"]


@pytest.mark.usefixtures("no_identity")
def test_the_refusal_of_init_says_it_below_the_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = COLUMNS | {"Due Date": every(5, "see note", COLUMNS["Due Date"])}
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    (tmp_path / "i.csv").write_text("\n".join(lines))
    assert typed("init", "mine", "--from", str(tmp_path / "i.csv"), "--yes") == 3
    told = capsys.readouterr().err
    assert "what nearly fitted\n         due_date: Due Date (called so, but 160 of its 200 values" in told
    assert "see note" not in told
