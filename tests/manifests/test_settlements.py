"""Settlements in an environment's file: one truth, a way to find their invoices, words that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.adapters.manifests import Manifests
from reconciler.core.validation import validate
from reconciler.tasks.customer_payment.spec import SPEC
from tests.support.manifests import PRODUCTION, TASK, edited
from tests.support.trees import MemoryTrees

GOOD = """\
    settlements:
      source: {kind: csv, path: data/settlements.csv}
      mapping:
        legal_entity: {constant: main}
        invoice: InvoiceNo
        amount: Amount
        kind: {column: Type, values: {Z: payment, S: reversal}}
        paid_on: Paid
"""


#: The small task of these tests, with the real one's fields of settlements.
WITH_SETTLEMENTS = replace(
    TASK,
    fields={**TASK.fields, **{k: f for k, f in SPEC.fields.items() if f.table == "settlements" or k == "settled_date"}},
)


def _lines(settlements: str, *, settled: bool = False) -> list[str]:
    """What is told of production's file with these settlements."""
    text = PRODUCTION.replace("\n  data:\n", f"\n  data:\n{settlements}")
    text = text.replace("        dated: Date", "        settled_date: Date") if settled else text
    manifests = Manifests(MemoryTrees(edited(production=text)))
    source = manifests.read(None)
    return [str(found) for found in manifests.locate(source, validate(source, {"payments": WITH_SETTLEMENTS}))]


def test_settlements_in_the_place_of_a_settled_date_are_sound() -> None:
    assert _lines(GOOD) == []


def test_settlements_beside_a_settled_date_are_two_truths() -> None:
    (line,) = _lines(GOOD, settled=True)
    assert "settled_date is mapped, and the settlements say when invoices were settled" in line
    assert "(spec.data.invoices.mapping.settled_date)" in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("        invoice: InvoiceNo\n", "", "the mapping does not say which invoice a settlement is of"),
        (
            "        invoice: InvoiceNo",
            "        source_id: RecId",
            "source_id finds nothing: the invoices have no source_id",
        ),
        ("S: reversal", "S: storno", "storno is no kind of settlement"),
        ("        paid_on: Paid\n", "", "paid_on is not mapped"),
        ("paid_on: Paid", "paid_at: Paid", "settlements have no field paid_at"),
    ],
)
def test_what_does_not_fit_is_told_by_place_with_the_next_step(old: str, new: str, said: str) -> None:
    assert old in GOOD
    lines = _lines(GOOD.replace(old, new))
    assert any(said in line for line in lines), lines
