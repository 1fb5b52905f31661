"""The feature table: each value as it was known at the row's as-of date, and nothing else."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import FeatureSelection
from reconciler.tasks.customer_payment.features import feature_table, select
from reconciler.tasks.customer_payment.history import history, unusual_terms, without_history
from reconciler.tasks.customer_payment.outcomes import Outcomes
from reconciler.tasks.customer_payment.portfolio import portfolio
from reconciler.tasks.customer_payment.settlements import Rows
from reconciler.tasks.customer_payment.spec import SPEC
from tests.training import reference
from tests.training.reference import NEVER, Line
from tests.training.tables import KNOWN, line, of_lines

LIMITS = st.sampled_from([(0, 0), (0, 5), (3, 10), (2, 0), (0, 400)])
EVERYTHING = FeatureSelection(include=list(SPEC.groups))


@st.composite
def ledgers(draw: st.DrawFn) -> list[Line]:
    """Few customers, few days: ties and settlements on one day are the rule."""
    lines = []
    for _ in range(draw(st.integers(1, 25))):
        invoiced, terms = draw(st.integers(0, 40)), draw(st.sampled_from([0, 5, 10, 30]))
        settled = draw(st.one_of(st.just(NEVER), st.integers(invoiced, invoiced + 60), st.just(invoiced + 900)))
        amount = draw(st.sampled_from([0.0, -20.5, 100.25, 1e9]))
        line = Line(draw(st.sampled_from("ABC")), invoiced, invoiced + terms, settled, amount)
        late_to_book = draw(st.one_of(st.none(), st.integers(-5, 40)))
        recorded = None if late_to_book is None or settled == NEVER else settled + late_to_book
        disputed, entity = draw(st.sampled_from([None, False, True])), draw(st.sampled_from("LLM"))
        lines.append(replace(line, recorded=recorded, disputed=disputed, entity=entity))
    return sorted(lines, key=lambda x: x.entity)


@settings(max_examples=150, deadline=None)
@given(ledgers(), LIMITS, st.integers(0, 1000), st.booleans())
def test_what_is_computed_at_once_is_what_the_slow_obvious_way_says(
    lines: list[Line], limits: tuple[int, int], later: int, at_invoice_date: bool
) -> None:
    as_of = [x.invoiced if at_invoice_date else min(x.known, x.invoiced + later) for x in lines]
    tables = of_lines(lines)
    rows = Rows(np.arange(len(lines)), np.array(as_of, dtype=np.int64))
    fast = history(tables, rows, Outcomes(*limits)) | portfolio(tables, rows, Outcomes(*limits))
    fast["terms_unusual_days"] = unusual_terms(tables, rows)
    cold = without_history(tables, rows)
    for position in range(len(lines)):
        slow = reference.history(lines, position, as_of[position], *limits)
        assert cold[position] == (slow["history_settled"] == 0)
        slow |= reference.portfolio(lines, position, as_of[position], *limits)
        slow["terms_unusual_days"] = reference.unusual_terms(lines, position, as_of[position])
        assert {name: values[position] for name, values in fast.items()} == pytest.approx(slow, rel=1e-9, abs=1e-9)


def _otherwise(line: Line, as_of: int, chance: random.Random) -> Line:
    """The same invoice with another end, all of which became known at or after as-of."""
    paid = chance.choice([NEVER, line.invoiced, as_of, as_of + chance.randint(0, 99)])
    recorded = None if paid == NEVER else max(paid, as_of) + chance.randint(0, 9)
    return replace(line, settled=paid, recorded=recorded, disputed=chance.choice([None, False, True]))


@settings(max_examples=60, deadline=None)
@given(ledgers(), st.integers(0, 24), st.randoms(use_true_random=False))
def test_what_happens_at_or_after_the_as_of_date_changes_nothing(
    lines: list[Line], chosen: int, chance: random.Random
) -> None:
    row = chosen % len(lines)
    as_of = lines[row].invoiced
    other = [_otherwise(x, as_of, chance) if x.known >= as_of else x for x in lines]
    tables = [of_lines(each) for each in (lines, other)]
    rows, when = np.array([row]), np.array([as_of])
    names = [name for name, spec in SPEC.features.items() if spec.known == "as-of" and name != "account_age_days"]
    before, after = (
        feature_table(each, rows=rows, as_of=when, names=names, outcomes=Outcomes(0, 15)) for each in tables
    )
    for name in names:
        np.testing.assert_array_equal(before.columns[name], after.columns[name], err_msg=name)


@settings(max_examples=40, deadline=None)
@given(ledgers())
def test_every_value_is_a_finite_float32_or_a_text(lines: list[Line]) -> None:
    tables = of_lines(lines, currency=[None] * len(lines))
    names = select(EVERYTHING, KNOWN - {"customer_since", "customer_group"}, there=KNOWN)
    table = feature_table(
        tables, rows=np.arange(len(lines)), as_of=tables.days("invoice_date"), names=names, outcomes=Outcomes(0, 15)
    )
    for name, values in table.columns.items():
        if SPEC.features[name].type == "number":
            assert values.dtype == np.float32 and np.isfinite(values.astype(np.float64)).all()
        else:
            assert values.tolist() == [""] * len(lines)


def test_a_new_customer_gets_the_portfolio_as_it_was_known_that_day() -> None:
    lines = [line("A", 0, paid=20), line("A", 0, paid=20), line("B", 40), line("B", 60)]
    found = history(of_lines(lines), Rows(np.array([2, 3]), np.array([40, 60])), Outcomes(0, 15))
    assert found["history_days_late"].tolist() == pytest.approx([0.0, 40 / 12])
    assert found["history_last_days_late"].tolist() == pytest.approx([0.0, 40 / 12])
    assert found["history_late_share"].tolist() == pytest.approx([0.25, 4.5 / 12])


def test_an_open_overdue_invoice_counts_but_never_the_row_itself() -> None:
    lines = [line("A", 0, amount=50), line("A", 10, amount=70)]
    found = history(of_lines(lines), Rows(np.array([0, 1]), np.array([45, 45])), Outcomes(0, 15))
    assert found["overdue_count"].tolist() == [1, 1]
    assert found["overdue_amount_log"].tolist() == pytest.approx([np.log1p(70), np.log1p(50)])
    assert found["overdue_age_days"].tolist() == [5, 15]


def test_equal_accounts_of_two_companies_are_two_customers() -> None:
    tables = of_lines([line("A", 0, paid=5), line("A", 90)], known=KNOWN)
    two = tables.invoices.assign(legal_entity=["L", "M"])
    from reconciler.tasks.customer_payment.tables import tables_from

    split = tables_from(two, two.iloc[:0, :0], known=KNOWN, data_date=1000)
    found = [history(each, Rows(np.array([1]), np.array([90])), Outcomes(0, 15)) for each in (tables, split)]
    assert [each["history_settled"].tolist() for each in found] == [[1], [0]]


def test_a_row_that_had_settled_before_its_as_of_date_is_refused() -> None:
    with pytest.raises(ValueError, match="settled before"):
        history(of_lines([line("A", 0, paid=-10)]), Rows(np.array([0]), np.array([25])), Outcomes(0, 15))


def test_calendar_and_terms_are_those_of_the_due_date() -> None:
    tables = of_lines([line("A", 15_780, 30)])  # 2013-03-16, due on Monday 2013-04-15
    table = feature_table(
        tables,
        rows=np.array([0]),
        as_of=np.array([15_780]),
        names=["terms_days", "due_weekday", "due_day"],
        outcomes=Outcomes(0, 15),
    )
    assert [values.tolist() for values in table.columns.values()] == [[30.0], [0.0], [15.0]]


def test_a_group_gives_only_what_is_known_at_the_invoice_date() -> None:
    chosen = select(FeatureSelection(include=["invoice"]), KNOWN, there=KNOWN)
    assert "amount" in chosen and "delivery" not in chosen and "country" not in chosen
    assert "country" in select(FeatureSelection(include=["invoice"]), KNOWN | {"customers.country"}, there=KNOWN)


def test_a_single_feature_that_is_known_later_is_refused_by_name() -> None:
    with pytest.raises(AuthorMustFix, match="delivery needs delivery, not known at the invoice date"):
        select(FeatureSelection(include=["invoice", "delivery"]), KNOWN, there=KNOWN)


def test_a_selection_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(AuthorMustFix, match="no feature is left"):
        select(FeatureSelection(include=["calendar"], exclude=["due_day", "calendar"]), KNOWN, there=KNOWN)


def test_an_unknown_feature_is_refused_and_named() -> None:
    with pytest.raises(AuthorMustFix, match="no feature or group histroy"):
        select(FeatureSelection(include=["histroy"]), KNOWN, there=KNOWN)


def test_identifiers_and_answers_are_no_features() -> None:
    keys = {"invoice", "customer", "legal_entity", "instalment", "settled_date", "open_amount", "disputed"}
    assert not keys & set(SPEC.features)
    assert not keys & {need for feature in SPEC.features.values() for need in feature.needs}
