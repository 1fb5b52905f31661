"""Each leak that has been seen in the field, planted, is caught by its name, and nothing honest is blamed with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reconciler.domain.guard import Guard
from reconciler.tasks.customer_payment.outcomes import NO_DAY
from reconciler.tasks.customer_payment.tables import Tables
from reconciler.training.guard.recomputation import Builder
from reconciler.training.study import Study
from tests.guard import planted
from tests.guard.planted import declared, found, of, with_feature

LOOK_AHEAD: dict[str, Builder] = {
    "settled_date": planted.settled_date,
    "days_late": planted.own_days_late,
    "own_dispute": planted.own_dispute,
    "customer_mean": planted.customer_mean,
    "leave_one_out": planted.leave_one_out,
    "shift_1": planted.shift_1,
    "target_encoded": planted.target_encoded,
    "count_of_all": planted.count_of_all,
    "age_of_data": planted.age_of_data,
}


@pytest.mark.parametrize("name", LOOK_AHEAD)
def test_feature_code_that_looks_ahead_is_caught_by_name_and_alone(name: str, honest: Study) -> None:
    leaking, build = with_feature(honest, name, LOOK_AHEAD[name])
    assert found(leaking, build=build) == [("recomputation", name)]


def test_a_customers_field_of_today_that_is_not_declared_is_caught(ledger: Tables) -> None:
    undeclared = of(replace(ledger, known=ledger.known - {"customer_group"}))
    leaking, build = with_feature(undeclared, "group_today", planted.group_today)
    assert found(leaking, build=build) == [("recomputation", "group_today")]


def test_a_finding_says_how_many_rows_differ_and_what_to_do(honest: Study) -> None:
    leaking, build = with_feature(honest, "shift_1", planted.shift_1)
    (finding,) = planted.guard(leaking, Guard(), planted.Beside(build=build)).findings
    assert 0 < finding.figures["differ"] < finding.figures["rows"]
    assert finding.next_step == "take shift_1 out of the recipe's features: it knows what came later"


def test_the_settlement_date_declared_known_is_caught(ledger: Tables) -> None:
    leaking = of(declared(ledger, "settled_date"))
    assert found(leaking) == [
        ("declaration", "settled_date"),
        ("open-invoices", "settled_date"),
        ("separation", "settled_date"),
    ]


def test_days_late_mapped_to_a_number_that_is_declared_known_are_caught(ledger: Tables) -> None:
    leaking = of(declared(ledger, "accounting_amount", planted.days_late(ledger)))
    assert found(leaking) == [("open-invoices", "accounting_amount"), ("separation", "accounting_amount")]


def test_a_status_that_only_settled_invoices_have_is_caught(ledger: Tables) -> None:
    closed = np.where(ledger.days("settled_date") < NO_DAY, "closed", None)
    assert found(of(declared(ledger, "delivery", closed))) == [("open-invoices", "delivery")]


def test_a_status_that_has_a_word_for_open_invoices_is_caught(ledger: Tables) -> None:
    words = np.array(["paid", "reminded", "collected"], dtype=object)[planted.outcome(ledger)]
    status = np.where(ledger.days("settled_date") < NO_DAY, words, "open")
    assert found(of(declared(ledger, "status", status))) == [("open-invoices", "status"), ("separation", "status")]


def test_a_status_without_open_invoices_beside_it_is_caught_by_what_it_tells(ledger: Tables) -> None:
    settled = (ledger.days("settled_date") < NO_DAY) & (ledger.days("invoice_date") < ledger.data_date - 200)
    older = replace(ledger, invoices=ledger.invoices[settled].reset_index(drop=True), customer=ledger.customer[settled])
    words = np.array(["paid", "reminded", "collected"], dtype=object)[planted.outcome(older)]
    assert found(of(declared(older, "status", words))) == [("separation", "status")]


@pytest.mark.parametrize("hidden", ["last digit", "check digit", "prefix", "length", "range"])
def test_an_outcome_hidden_in_an_invoices_number_is_caught(hidden: str, ledger: Tables) -> None:
    random = np.random.default_rng(3)
    number = random.permutation(len(ledger.invoices)) + 10_000
    told = planted.outcome(ledger)
    texts = {
        "last digit": [f"INV{n}{3 * random.integers(3) + t}" for n, t in zip(number, told, strict=True)],
        "check digit": [f"{n * 7 + t}" for n, t in zip(number, told, strict=True)],
        "prefix": [f"{'AKX'[t]}{n}" for n, t in zip(number, told, strict=True)],
        "length": [f"{n}{'0' * t}" for n, t in zip(number, told, strict=True)],
        "range": [f"{n + 100_000 * t}" for n, t in zip(number, told, strict=True)],
    }[hidden]
    leaking = replace(ledger, invoices=ledger.invoices.assign(invoice=texts))
    assert found(of(leaking)) == [("identifier", "invoice")]


def test_a_dispute_declared_known_differs_from_an_earlier_snapshot(ledger: Tables) -> None:
    leaking = declared(ledger, "disputed")
    settled_since = leaking.days("settled_date") >= leaking.data_date - 60
    before = leaking.invoices["disputed"].mask(settled_since, 0.0)
    earlier = declared(leaking, "disputed", before)
    assert ("earlier-snapshot", "disputed") in found(of(leaking), earlier=earlier)
    assert ("earlier-snapshot", "disputed") not in found(of(leaking), earlier=leaking)


def test_one_old_invoice_that_differs_is_enough(ledger: Tables) -> None:
    changed = ledger.invoices["delivery"].copy()
    changed[100] = "paper" if changed[100] == "electronic" else "electronic"
    earlier = declared(ledger, "delivery", changed)
    assert found(of(ledger), earlier=earlier) == [("earlier-snapshot", "delivery")]
    assert found(of(ledger), Guard(changed_share=0.001), earlier=earlier) == []


def test_a_field_that_tells_much_needs_a_reason_in_the_recipe(ledger: Tables) -> None:
    told = np.random.default_rng(0).random(len(ledger.invoices)) < 0.3
    hint = np.where(told, planted.outcome(ledger), -1).astype(str)
    leaking = declared(ledger, "delivery", hint)
    assert found(of(leaking)) == [("reason", "delivery")]
    assert found(of(leaking, reasons={"delivery": "the bill says when it is sent"})) == []
    assert found(of(leaking, exclude=["delivery"])) == [], "a recipe that does not use it needs no reason"


def test_a_reason_does_not_excuse_a_field_that_is_the_outcome(ledger: Tables) -> None:
    leaking = declared(ledger, "delivery", planted.outcome(ledger).astype(str))
    assert ("separation", "delivery") in found(of(leaking, reasons={"delivery": "so it seems"}))


# --- two fields together ---------------------------------------------------------------------------------------


def _two(tables: Tables, one: object, other: object) -> Study:
    return of(declared(declared(tables, "delivery", one), "country", other))


def test_two_codes_that_are_the_outcome_only_by_an_exclusive_or_are_caught_by_both_names(ledger: Tables) -> None:
    late, coin = planted.outcome(ledger) > 0, np.random.default_rng(0).random(len(ledger.invoices)) < 0.5
    leaking = _two(ledger, np.where(coin, "a", "b").astype(object), np.where(coin ^ late, "x", "y").astype(object))
    assert found(leaking) == [("separation", "delivery and country")]


def test_two_numbers_that_are_the_outcome_only_by_an_exclusive_or_are_caught(ledger: Tables) -> None:
    random, late = np.random.default_rng(0), planted.outcome(ledger) > 0
    one, other = random.random((2, len(late)))
    amounts = declared(ledger, "amount", one * 1000)
    leaking = declared(amounts, "accounting_amount", 500 * (other + ((one > 0.5) ^ late)))
    assert found(of(leaking)) == [("separation", "amount and accounting_amount")]


@pytest.mark.parametrize("levels", [6, 12])
def test_a_pair_of_codes_whose_sum_is_the_outcome_is_caught(levels: int, ledger: Tables) -> None:
    random, told = np.random.default_rng(0), planted.outcome(ledger)
    one = random.integers(0, levels, len(told))
    other = (told - one) % 3 + 3 * random.integers(0, levels // 3, len(told))
    assert found(_two(ledger, one.astype(str).astype(object), other.astype(str).astype(object))) == [
        ("separation", "delivery and country")
    ]


def test_two_amounts_whose_difference_is_the_days_late_are_caught(ledger: Tables) -> None:
    late = np.nan_to_num(planted.days_late(ledger))
    leaking = of(declared(ledger, "accounting_amount", ledger.invoices["amount"].to_numpy() - late))
    assert found(leaking) == [("separation", "amount and accounting_amount")]


def test_a_pair_is_accepted_only_where_both_of_its_fields_are(ledger: Tables) -> None:
    late = np.nan_to_num(planted.days_late(ledger))
    leaking = of(declared(ledger, "accounting_amount", ledger.invoices["amount"].to_numpy() - late))
    one, other = {"amount": "so it is"}, {"accounting_amount": "so it is"}
    assert found(leaking, Guard(accepted=one)) == [("separation", "amount and accounting_amount")]
    assert found(leaking, Guard(accepted={**one, **other})) == []


# --- means that arrive as a column -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mean days late", "share late", "shrunk", "text"])
def test_a_customers_mean_over_the_whole_history_that_is_mapped_as_known_is_caught(kind: str, ledger: Tables) -> None:
    late, told = np.nan_to_num(planted.days_late(ledger)), planted.outcome(ledger)
    rows = np.bincount(ledger.customer)[ledger.customer]
    mean = planted.of_customers(ledger, late)
    share = planted.of_customers(ledger, told > 0)
    name, values = {
        "mean days late": ("accounting_amount", mean),
        "share late": ("accounting_amount", share),
        "shrunk": ("accounting_amount", (mean * rows + 5 * late.mean()) / (rows + 5)),
        "text": ("customer_group", np.round(share, 2).astype(str).astype(object)),
    }[kind]
    assert found(of(declared(ledger, name, values))) == [("whole-history", name)]


def test_a_mean_that_leaves_its_own_invoice_out_and_is_mapped_as_known_is_caught(ledger: Tables) -> None:
    mean = planted.of_customers(ledger, planted.outcome(ledger) > 0, leaving_out=True)
    assert found(of(declared(ledger, "accounting_amount", mean))) == [("separation", "accounting_amount")]


def test_a_running_mean_that_has_taken_its_own_invoice_in_is_caught(ledger: Tables) -> None:
    order = np.lexsort((ledger.days("invoice_date"), ledger.customer))
    late = pd.Series((planted.outcome(ledger) > 0)[order].astype(np.float64), index=order)
    running = late.groupby(ledger.customer[order]).expanding().mean().droplevel(0).sort_index()
    assert found(of(declared(ledger, "accounting_amount", running.to_numpy()))) == [("separation", "accounting_amount")]


def test_what_the_owner_accepts_of_a_customers_mean_does_not_block(ledger: Tables) -> None:
    mean = planted.of_customers(ledger, np.nan_to_num(planted.days_late(ledger)))
    leaking = of(declared(ledger, "accounting_amount", mean))
    assert found(leaking, Guard(accepted={"accounting_amount": "a rating bought before"})) == []
