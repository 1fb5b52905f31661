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
from reconciler.tasks.customer_payment.settlements import Rows, closed
from reconciler.tasks.customer_payment.spec import SPEC
from tests.training import reference
from tests.training.reference import NEVER, Episode, Line
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


@st.composite
def ledgers_with_a_past(draw: st.DrawFn) -> list[Line]:
    """As `ledgers`, where payments were taken back, and invoices credited or written off."""
    return [_with_a_past(draw, line) for line in draw(ledgers())]


def _with_a_past(draw: st.DrawFn, line: Line) -> Line:
    day, episodes = line.invoiced + draw(st.integers(-5, 30)), []
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        known = day + draw(st.integers(1, 15))
        day = known + draw(st.integers(1, 40))
        settled = draw(st.sampled_from([NEVER, known, known - 3, known - 10]))
        episodes.append(Episode(settled, known, day))
    out = draw(st.sampled_from([False, False, True]))
    if out:
        episodes.append(Episode(NEVER, day + draw(st.integers(1, 30))))
        return replace(line, settled=NEVER, recorded=None, episodes=tuple(episodes), out=True)
    recorded = line.recorded
    if line.settled != NEVER and episodes:  # what holds now was known after what was taken back
        recorded = max(line.known, day + draw(st.integers(0, 20)))
    return replace(line, recorded=recorded, episodes=tuple(episodes))


@settings(max_examples=200, deadline=None)
@given(st.one_of(ledgers(), ledgers_with_a_past()), LIMITS, st.integers(0, 1000), st.booleans())
def test_what_is_computed_at_once_is_what_the_slow_obvious_way_says(
    lines: list[Line], limits: tuple[int, int], later: int, at_invoice_date: bool
) -> None:
    kept = [position for position, x in enumerate(lines) if not x.out]
    as_of = {i: lines[i].invoiced if at_invoice_date else min(lines[i].known, lines[i].invoiced + later) for i in kept}
    tables = of_lines(lines)
    rows = Rows(np.arange(len(kept)), np.array([as_of[i] for i in kept], dtype=np.int64))
    fast = history(tables, rows, Outcomes(*limits)) | portfolio(tables, rows, Outcomes(*limits))
    fast["terms_unusual_days"] = unusual_terms(tables, rows)
    cold = without_history(tables, rows)
    shut = closed(tables, rows)
    for position, i in enumerate(kept):
        me = reference.seen(lines, as_of[i])[i]
        assert shut[position] == (me.out or me.known < as_of[i])
        if shut[position]:  # it was thought settled then: no row to predict
            continue
        slow = reference.history(lines, i, as_of[i], *limits)
        assert cold[position] == (slow["history_settled"] == 0)
        slow |= reference.portfolio(lines, i, as_of[i], *limits)
        slow["terms_unusual_days"] = reference.unusual_terms(lines, i, as_of[i])
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


# --- what a group brings -----------------------------------------------------------------------------------


def test_disputes_of_settled_invoices_are_read_only_where_the_data_has_them() -> None:
    history = FeatureSelection(include=["customer-history"])
    assert "history_disputed_share" not in select(history, KNOWN, there=KNOWN)
    assert "history_disputed_share" in select(history, KNOWN, there=KNOWN | {"disputed"})
    with pytest.raises(AuthorMustFix, match="history_disputed_share reads disputed of settled invoices"):
        select(FeatureSelection(include=["history_disputed_share"]), KNOWN, there=KNOWN)


def test_days_to_due_comes_only_by_name() -> None:
    assert select(FeatureSelection(include=["terms"]), KNOWN, there=KNOWN) == ("terms_days", "terms_unusual_days")
    assert select(FeatureSelection(include=["days_to_due"]), KNOWN, there=KNOWN) == ("days_to_due",)


def test_a_mark_of_dispute_counts_from_the_day_after_its_invoice_was_known_to_have_settled() -> None:
    disputed = replace(line("A", 0, terms=10, paid=0), disputed=True, recorded=20)
    tables = of_lines([disputed, line("A", 20), line("A", 21)])
    found = history(tables, Rows(np.array([1, 2]), np.array([20, 21])), Outcomes(0, 15))
    assert found["history_disputed_share"].tolist() == pytest.approx([0.1, (1 + 3 * 2 / 11) / 4])


def test_a_row_s_own_dispute_is_never_read() -> None:
    lines = [line("A", 0, paid=0), line("A", 40, paid=5)]
    tables = [of_lines([lines[0], replace(lines[1], disputed=mark)]) for mark in (True, False)]
    found = [history(each, Rows(np.array([1]), np.array([40])), Outcomes(0, 15)) for each in tables]
    assert found[0]["history_disputed_share"].tolist() == found[1]["history_disputed_share"].tolist()


# --- when a settlement is known ----------------------------------------------------------------------------


def test_a_settlement_counts_from_when_it_was_recorded_and_is_as_late_as_it_was_paid() -> None:
    booked_late = replace(line("A", 0, paid=2), recorded=50)  # due on day 30, paid on day 32
    tables = of_lines([booked_late, line("A", 50), line("A", 51)])
    found = history(tables, Rows(np.array([1, 2]), np.array([50, 51])), Outcomes(0, 15))
    assert found["history_settled"].tolist() == [0, 1] and found["overdue_count"].tolist() == [1, 0]
    assert found["history_last_days_late"].tolist()[1] == 2


def test_what_is_recorded_after_the_data_date_has_not_settled() -> None:
    tables = of_lines([replace(line("A", 0, paid=0), recorded=40), line("A", 0, paid=0)], data_date=39)
    assert tables.days("settled_date").tolist() == tables.days("known_date").tolist() == [NEVER, 30]


@pytest.mark.parametrize("recorded", [-5, None, 30])
def test_a_settlement_is_never_known_before_it_was_paid(recorded: int | None) -> None:
    tables = of_lines([replace(line("A", 0, paid=0), recorded=recorded), replace(line("B"), recorded=3)])
    assert tables.days("known_date").tolist() == [30, NEVER]


def test_an_invoice_paid_and_not_recorded_yet_is_still_open_to_predict() -> None:
    tables = of_lines([replace(line("A", 0, paid=0), recorded=40)])
    assert history(tables, Rows(np.array([0]), np.array([35])), Outcomes(0, 15))["history_settled"].tolist() == [0]
    with pytest.raises(ValueError, match="known to have settled before"):
        portfolio(tables, Rows(np.array([0]), np.array([41])), Outcomes(0, 15))


def test_very_late_by_more_than_the_limit_of_means_is_told_from_less_late() -> None:
    lines = [line("A", 0, paid=380), line("A", 0, paid=450), line("A", 900)]
    found = history(of_lines(lines), Rows(np.array([2]), np.array([900])), Outcomes(0, 400))
    assert found["history_very_late_share"].tolist() == pytest.approx([(1 + 3 * 1.5 / 12) / 5])


def test_the_portfolio_is_in_no_group_but_its_own() -> None:
    groups = [name for name in SPEC.groups if name != "portfolio"]
    chosen = select(FeatureSelection(include=groups), frozenset(SPEC.fields), there=frozenset(SPEC.fields))
    assert not [name for name in chosen if name.startswith("portfolio")]


def test_history_of_a_ledger_that_is_computed_in_parts_is_that_of_each_customer_alone() -> None:
    """More invoices than one part holds, among them a customer with more than a part. What the portfolio has no share
    in must be what a ledger of the customer's own invoices gives."""
    dice = np.random.default_rng(3)
    who = np.concatenate([np.zeros(100_500, dtype=np.int64), dice.integers(1, 300, 60_000)])
    invoiced, terms, late = (
        dice.integers(0, 900, len(who)),
        dice.integers(0, 40, len(who)),
        dice.integers(0, 50, len(who)),
    )
    lines = [
        Line(f"C{customer:03d}", day, day + term, day + wait if wait else NEVER, 10.0)
        for customer, day, term, wait in zip(
            who.tolist(), invoiced.tolist(), terms.tolist(), late.tolist(), strict=True
        )
    ]
    rows = dice.permutation(len(lines))
    found = history(of_lines(lines), Rows(rows, invoiced[rows]), Outcomes(0, 30))
    for customer in (0, 1, 150, 299):
        own = np.flatnonzero(who == customer)
        alone = of_lines([lines[row] for row in own])
        expected = history(alone, Rows(np.arange(len(own)), invoiced[own]), Outcomes(0, 30))
        asked = np.argsort(rows)[own]
        for name in ("history_settled", "overdue_count", "overdue_amount_log", "overdue_age_days", "tenure_days"):
            np.testing.assert_array_equal(found[name][asked], expected[name])
