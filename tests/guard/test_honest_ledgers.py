"""Honest features of honest ledgers pass: made-up ones of every seed, small ones, and the public file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reconciler.domain.guard import Guard
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import load
from reconciler.training.guard.guard import guard
from reconciler.training.guard.pairs import separating_pairs
from reconciler.training.guard.suspects import measure
from reconciler.training.guard.whole_history import made_of_outcomes
from reconciler.training.study import Study
from tests.guard import planted
from tests.support.receivables_small import real, small

PROOF = [seed for seed in range(20) if seed != 1]


def test_the_honest_features_of_the_example_pass(honest: Study) -> None:
    guarded = guard(honest, Guard())
    assert guarded.findings == ()
    assert guarded.record.rows >= 200 or guarded.record.days == 40
    assert guarded.record.largest_skill is not None and guarded.record.largest_skill < 0.2
    states = guarded.record.checks
    assert states["earlier-snapshot"] == "only one snapshot: not checked"
    made = ("declaration", "recomputation", "open-invoices", "separation", "whole-history")
    assert {states[name] for name in made} == {"passed"}


def test_every_field_that_is_not_declared_is_denied_with_its_reason(honest: Study) -> None:
    assert guard(honest, Guard()).record.denied == {
        "settled_date": "the outcome, or what follows from it",
        "open_amount": "the outcome, or what follows from it",
        "disputed": "not declared knownAt: invoice-date",
    }


def test_an_earlier_snapshot_of_the_same_ledger_passes(honest: Study) -> None:
    guarded = guard(honest, Guard(), planted.Beside(earlier=honest.tables))
    assert guarded.findings == ()
    assert guarded.record.checks["earlier-snapshot"].startswith("passed: ")


@pytest.mark.proof
@pytest.mark.parametrize("seed", PROOF)
def test_the_honest_features_of_every_example_pass(seed: int) -> None:
    assert planted.found(planted.of(planted.example(seed))) == []


@pytest.mark.parametrize("seed", range(20))
def test_what_is_known_of_a_customer_beforehand_is_not_made_of_its_outcomes(seed: int) -> None:
    """The hardest honest fields: they say how the customer pays, as well as can be known without its outcomes."""
    tables, habit = planted.habits(seed)
    limit = np.exp(8 - habit / 10).round(-1)
    tables = planted.declared(planted.declared(tables, "accounting_amount", habit), "open_credit", limit)
    tables = planted.declared(
        tables, "customer_group", np.digitize(habit, [-5, 0, 5, 10, 20]).astype(str).astype(object)
    )
    tables = planted.declared(tables, "region", (tables.customer % 7).astype(str).astype(object))
    tables = planted.declared(tables, "rating", np.round(habit / 2))
    assert made_of_outcomes(planted.of(tables, include=["customer-history"])) == ("passed", [])


@pytest.mark.parametrize("seed", range(20))
def test_no_two_honest_fields_tell_the_outcomes_together(seed: int) -> None:
    """A third of the example company: fewer customers, so that more stands for them."""
    measured = measure(planted.of(planted.example(seed, share=3)), Guard())
    assert separating_pairs(measured.pairs, Guard()) == []


@pytest.mark.parametrize("rows", [100, 900])
def test_a_small_ledger_passes(rows: int, tmp_path: Path) -> None:
    assert planted.found(planted.of(load(small(tmp_path, seed=3, rows=rows)), very_late=15)) == []


@pytest.mark.shared
def test_the_public_file_passes(tmp_path: Path) -> None:
    assert planted.found(planted.of(load(real(tmp_path)), very_late=15)) == []


def test_no_field_of_customers_is_known_unless_it_is_a_key_or_a_date_or_is_declared() -> None:
    undeclared = {
        field.name
        for field in SPEC.fields.values()
        if field.table == "customers" and field.known_at == "invoice-date" and field.type != "date"
    }
    assert undeclared == {"legal_entity", "customer"}
