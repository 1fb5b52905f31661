"""The example company: the same from the same seed, with a known floor of the log-loss."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from reconciler.core.first_contact import propose
from reconciler.core.proposed import Seen
from reconciler.tasks.customer_payment.example import VERY_LATE, generate
from tests.support.looking import looked_at


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = generate(tmp_path / "a", 7), generate(tmp_path / "b", 7)
    assert one.invoices.read_bytes() == two.invoices.read_bytes()
    assert one.customers.read_bytes() == two.customers.read_bytes()
    assert one.best_log_loss == two.best_log_loss


def test_another_seed_is_another_company(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert generate(tmp_path / "a", 1).invoices.read_bytes() != generate(tmp_path / "b", 2).invoices.read_bytes()


@pytest.mark.parametrize("seed", [1, 7, 42, 2026])
def test_any_seed_gives_rows_enough_of_each_outcome_and_room_for_a_model(tmp_path: Path, seed: int) -> None:
    made = generate(tmp_path, seed)
    shares = [count / sum(made.outcomes) for count in made.outcomes]
    assert 3000 <= made.rows <= 6000
    assert 0.48 < shares[0] < 0.70
    assert 0.20 < shares[1] < 0.40
    assert 0.08 < shares[2] < 0.20
    assert made.best_log_loss < 0.55 * made.naive_log_loss + 0.03


def test_the_stated_floor_is_what_the_true_probabilities_get_and_not_less(tmp_path: Path) -> None:
    """With probabilities that are right, −ln p of what happened is on average their entropy."""
    from random import Random

    from reconciler.tasks.customer_payment import example

    random = Random(7)  # noqa: S311  as the generator does
    customers = [example._customer(random, number) for number in range(96)]
    rows = [invoice for customer in customers for invoice in example._invoices(random, customer)]
    rows = [invoice for invoice in rows if invoice.mature]
    entropy = sum(-p * math.log(p) for invoice in rows for p in invoice.shares if p > 0) / len(rows)
    found = sum(-math.log(invoice.shares[invoice.outcome]) for invoice in rows) / len(rows)
    assert abs(found - entropy) < 0.02
    for outcome in range(3):
        expected = sum(invoice.shares[outcome] for invoice in rows) / len(rows)
        assert abs(sum(invoice.outcome == outcome for invoice in rows) / len(rows) - expected) < 0.015


def test_open_invoices_have_something_left_to_pay_and_no_payment_in_the_future(tmp_path: Path) -> None:
    made = generate(tmp_path, 7)
    with made.invoices.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    unpaid = [row for row in rows if not row["LastSettleDate"]]
    assert 150 < len(unpaid) < 500
    assert all(row["RemainAmountCur"] == row["AmountCur"] for row in unpaid)
    assert max(row["LastSettleDate"] for row in rows) <= made.data_date.isoformat()


def test_first_contact_reads_the_example_right(tmp_path: Path) -> None:
    sample = looked_at(generate(tmp_path, 7).invoices)
    proposal = propose(Seen(sample.header, sample.columns, sample.delimiter))
    found = {choice.field: choice.column for choice in proposal.fields}
    assert found == {
        "legal_entity": "LegalEntity",
        "invoice": "InvoiceId",
        "customer": "InvoiceAccount",
        "invoice_date": "InvoiceDate",
        "due_date": "DueDate",
        "settled_date": "LastSettleDate",
        "amount": "AmountCur",
        "currency": "CurrencyCode",
        "accounting_amount": "AmountMST",
        "open_amount": "RemainAmountCur",
        "delivery": "DlvMode",
        "disputed": "InDispute",
    }
    assert proposal.limits.very_late_after_days == VERY_LATE
