"""Gates on data: what the plan says of each before it bites, and what training refuses."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.data_gates import counts_of
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Outcomes
from reconciler.domain.plan import DataState
from reconciler.domain.snapshots import Facts
from reconciler.training.train import train
from tests.support.manifests import SANDBOX, edited, lines_of
from tests.support.receivables_small import small
from tests.support.worlds import DATA, Shop
from tests.training.made import quiet, train_job

PLENTY = Facts(settled=2000, first="2024-01-01", last="2026-02-28", late=[1500, *[10] * 49])


def shop(*, sandbox: dict[str, Any] | None = None, owner: dict[str, Any] | None = None, **data: Any) -> Shop:
    """A shop with one copy; keywords are what is in it."""
    made = Shop(
        sandbox={"data": {"copyOf": "production", **(sandbox or {})}},
        production={"data": {**DATA, **(owner or {})}},
        refreshed=False,
    )
    made.fakes.data.rows["invoices"] = data.pop("invoices", 5000)
    made.fakes.data.newest = made.clock.now().date()
    made.fakes.data.facts = PLENTY
    for name, value in data.items():
        setattr(made.fakes.data, name, value)
    made.refresh()
    return made


def states(made: Shop, gate: str) -> list[DataState]:
    return [state for state in made.plan().data if state.gate == gate]


def told(made: Shop, gate: str) -> list[tuple[str, str]]:
    return [(state.state, state.detail) for state in states(made, gate)]


# --- freshness -------------------------------------------------------------------------------------------------


def test_without_a_limit_the_age_is_said() -> None:
    made = shop()
    made.wait(days=3)
    assert told(made, "freshness") == [("ok", "the copy is 3 days old; no limit is set")]


def test_the_plan_says_when_a_copy_will_hold_then_warns_then_holds() -> None:
    made = shop(sandbox={"maxAge": "30d"})
    for days, state, left in ((0, "ok", 30), (20, "ok", 10), (5, "warning", 5), (6, "held", None)):
        made.wait(days=days)
        (found,) = states(made, "freshness")
        assert (found.state, found.holds_in_days) == (state, left)
    assert (found.detail, found.next_step) == (
        "the copy is 31 days old, the limit is 30",
        "reconciler data refresh sandbox",
    )


def test_the_strictest_limit_counts_whoever_wrote_it() -> None:
    made = shop(sandbox={"maxAge": "30d"}, owner={"maxAge": "10d"})
    made.wait(days=11)
    assert told(made, "freshness")[0][0] == "held"


def test_books_that_stand_still_are_told_and_held_where_there_is_a_limit() -> None:
    made = shop(newest=date(2025, 12, 1))
    assert [state for state, _ in told(made, "freshness")] == ["ok", "warning"]
    assert "data.maxPostingAge would hold it" in told(made, "freshness")[1][1]
    made = shop(newest=date(2025, 12, 1), owner={"maxPostingAge": "40d"})
    assert told(made, "freshness")[1] == ("held", "its newest posting is 91 days old, the limit is 40")


def test_a_copy_as_of_a_date_long_after_its_newest_posting_is_told() -> None:
    """What was open when the books ended looks unpaid on that date, whether it was paid or not."""
    from reconciler.usecases.refresh import refresh

    made = shop(newest=date(2020, 6, 30))
    refresh(made.house, "sandbox", as_of=date(2020, 7, 31))
    assert [state for state, _ in told(made, "freshness")] == ["ok"]
    refresh(made.house, "sandbox", as_of=date(2020, 9, 30))
    assert told(made, "freshness")[1][1].startswith("its newest posting is 92 days old")


def test_a_copy_as_of_a_date_is_measured_against_that_date() -> None:
    from reconciler.usecases.refresh import refresh

    made = shop(owner={"maxPostingAge": "40d"}, newest=date(2020, 6, 28))
    refresh(made.house, "sandbox", as_of=date(2020, 6, 30))
    assert told(made, "freshness")[1] == (
        "ok",
        "its newest posting is 2 days old, the limit is 40: will hold in 38 days",
    )


def test_books_that_stood_still_before_the_copy_are_no_matter_of_another_copy() -> None:
    made = shop(newest=date(2025, 12, 1), owner={"maxPostingAge": "40d"})
    (state,) = [state for state in states(made, "freshness") if state.state == "held"]
    assert state.next_step.startswith("find out why the source has no newer postings")
    assert "data.maxPostingAge" in state.next_step
    made = shop(owner={"maxPostingAge": "40d"})
    made.wait(days=41)
    (state,) = [state for state in states(made, "freshness") if state.state == "held"]
    assert state.next_step == "reconciler data refresh sandbox"


# --- rows ------------------------------------------------------------------------------------------------------


def test_a_legal_entity_that_is_gone_is_a_warning_and_with_a_tolerance_a_hold() -> None:
    for owner, state in (({}, "warning"), ({"rowTolerance": 0.5}, "held")):
        made = shop(owner=owner, entities={"usmf": 2000, "demf": 3000})
        assert told(made, "rows") == [("ok", "5,000 invoices of 2 legal entities")]
        made.fakes.data.entities = {"usmf": 4900}
        made.fakes.data.rows["invoices"] = 4900
        made.refresh()
        assert told(made, "rows") == [(state, "demf has 0 rows, the copy before had 3,000")]


def test_a_copy_that_leaves_out_much_of_what_was_read_is_told_and_held_where_there_is_a_limit() -> None:
    bad = {"invoices: missing (due_date)": 400, "customers: missing (customer)": 9000}
    some = {"invoices": 5000, "set_aside": bad, "excluded": {"negative-amount": 600}}
    assert told(shop(**some), "rows") == [("ok", "5,000 invoices, 83.3% of those read")]
    assert told(shop(owner={"leastKept": 0.8}, **some), "rows")[0][0] == "ok"
    made = shop(owner={"leastKept": 0.9}, sandbox={"leastKept": 0.5}, **some)
    (found,) = states(made, "rows")
    said = "83.3% of the invoices that the source had are in the copy, the least is 90.0%"
    assert (found.state, found.detail) == ("held", said)
    made.add("1.0.0")
    made.pin("sandbox", "1.0.0")
    (held,) = made.plan(environments=frozenset({"sandbox"})).held
    assert (held.reason, held.detail, held.next_step) == ("snapshot-partial", said, found.next_step)
    assert held.next_step.startswith("see why in reconciler data show")
    (found,) = states(shop(**{**some, "excluded": {"negative-amount": 3000}}), "rows")
    assert (found.state, found.detail.split("; ")[1]) == ("warning", "data.leastKept would hold it")


# --- sufficiency -----------------------------------------------------------------------------------------------


def test_plenty_is_enough() -> None:
    assert told(shop(), "sufficiency") == [("ok", "2,000 settled invoices")]


def test_a_copy_of_which_nothing_is_known_says_nothing() -> None:
    assert told(shop(facts=None), "sufficiency") == []


@pytest.mark.parametrize(
    ("invoices", "facts", "said"),
    [
        (800, {}, "800 invoices, 1,000 are advised"),
        (5000, {"settled": 90}, "90 settled invoices, 100 are advised"),
        (5000, {"late": [90, *[10] * 20]}, "0 settled invoices are very late: training stops below 10 mature ones"),
        (5000, {"late": [90, *[10] * 29, 25]}, "25 settled invoices are very late, 30 are advised"),
        (5000, {"first": "2025-11-01"}, "3.9 months of invoices, 6 or more are advised"),
        (5000, {"constant": ["currency"]}, "currency has one value and no other"),
        (5000, {"missing": {"delivery": 0.995, "country": 0.99}}, "delivery is missing in 99.5% of the rows"),
    ],
)
def test_what_is_little_is_a_warning(invoices: int, facts: dict[str, Any], said: str) -> None:
    made = shop(invoices=invoices, facts=PLENTY.model_copy(update=facts))
    assert told(made, "sufficiency") == [("warning", said)]
    assert made.plan().held == ()


SHORT: list[tuple[int, dict[str, Any], str]] = [
    (40, {"settled": 40}, "the copy has 40 invoices, training needs 50 mature ones"),
    (5000, {"late": [5, *[10] * 60]}, "5 invoices of the copy are on time, training needs 10 mature ones"),
    (2003, {"late": [90, *[10] * 20]}, "3 invoices of the copy are very late, training needs 10 mature ones"),
]


@pytest.mark.parametrize(("invoices", "facts", "said"), SHORT)
def test_what_is_sure_to_be_too_little_is_held_before_anything_is_trained(
    invoices: int, facts: dict[str, Any], said: str
) -> None:
    made = shop(invoices=invoices, facts=PLENTY.model_copy(update=facts))
    (state,) = [state for state in states(made, "sufficiency") if state.state == "held"]
    assert state.detail == said
    assert state.next_step.startswith("copy more invoices")
    made.add("1.0.0")
    made.pin("sandbox", "1.0.0")
    (held,) = made.plan(environments=frozenset({"sandbox"})).held
    assert (held.reason, held.detail, held.who) == ("too-little-data", said, "operator")
    assert "reconciler data refresh sandbox" in held.next_step
    made.apply()
    assert made.trainer.jobs == []


def test_open_invoices_may_be_the_last_outcome_and_hold_nothing() -> None:
    made = shop(invoices=2010, facts=PLENTY.model_copy(update={"late": [90, *[10] * 20]}))
    assert [state.state for state in states(made, "sufficiency")] == ["warning"]


def test_the_owner_s_own_least_holds_too() -> None:
    made = shop(invoices=900, owner={"sufficiency": {"least": {"rows": 1500}}})
    assert told(made, "sufficiency") == [("held", "the copy has 900 invoices, training needs 1,500 mature ones")]


def test_a_version_with_other_outcomes_is_held_by_its_own() -> None:
    made = shop(facts=PLENTY.model_copy(update={"settled": 5000, "late": [4000, *[10] * 20]}))
    made.add("1.0.0")
    made.add("1.1.0", outcomes={"lateAfterDays": 0, "veryLateAfterDays": 10})
    made.pin("sandbox", "1.0.0")
    assert [held.reason for held in made.plan(environments=frozenset({"sandbox"})).held] == ["too-little-data"]
    made.pin("sandbox", "1.1.0")
    assert made.plan(environments=frozenset({"sandbox"})).held == ()


def test_the_outcomes_are_those_of_the_version_that_is_pinned() -> None:
    made = shop(facts=PLENTY.model_copy(update={"late": [900, *[10] * 20]}))
    made.add("1.0.0", outcomes={"lateAfterDays": 0, "veryLateAfterDays": 10})
    made.pin("sandbox", "1.0.0")
    assert told(made, "sufficiency") == [("ok", "2,000 settled invoices")]


def test_all_of_it_can_be_set_by_the_data_s_owner() -> None:
    advised = {"rows": 10, "settled": 5, "eachOutcome": 0, "months": 0, "missing": 1}
    few = PLENTY.model_copy(update={"settled": 60, "first": "2026-02-01", "missing": {"country": 1.0}})
    made = shop(invoices=60, facts=few, owner={"sufficiency": {"advised": advised}})
    assert told(made, "sufficiency") == [("ok", "60 settled invoices")]


def test_counts_by_outcome_add_up() -> None:
    late = [100, 5, 5, 5, 2, 2]
    assert counts_of(late, Outcomes(late_after_days=1, very_late_after_days=4)) == {
        "on time": 105, "late": 10, "very late": 4,
    }  # fmt: skip
    assert counts_of(late, Outcomes(late_after_days=0, very_late_after_days=0)) == {"on time": 100, "late": 19}
    assert counts_of(late, Outcomes(very_late_after_days=200)) == {}


def test_what_is_enough_is_the_owner_s_to_say_and_never_below_what_can_be_learned_from() -> None:
    sandbox = SANDBOX.replace("{copyOf: production}", "{copyOf: production, sufficiency: {least: {rows: 60}}}")
    assert "what is enough is set where the data is" in "".join(lines_of(edited(sandbox=sandbox)))


def test_the_limits_go_with_the_job() -> None:
    made = shop(owner={"sufficiency": {"least": {"rows": 500, "eachOutcome": 40}}})
    made.add("1.0.0")
    made.pin("sandbox", "1.0.0")
    made.apply()
    assert made.trainer.jobs[0].sufficiency["least"] == {"rows": 500, "eachOutcome": 40}


@pytest.mark.parametrize(("least", "said"), [({"rows": 5000}, "at least 5000"), ({"eachOutcome": 900}, "at least 900")])
def test_training_stops_below_what_the_owner_asks_for(tmp_path: Path, least: dict[str, int], said: str) -> None:
    job = train_job(small(tmp_path)).model_copy(update={"sufficiency": {"least": least}})
    with pytest.raises(AuthorMustFix, match=said):
        train(job, quiet)


# --- shown -----------------------------------------------------------------------------------------------------


def test_text_and_json_show_each_gate() -> None:
    from reconciler.cli.views.plans import plan_lines
    from reconciler.core.plan_format import plan_document

    made = shop(sandbox={"maxAge": "30d"}, facts=PLENTY.model_copy(update={"constant": ["currency"]}))
    plan = made.plan()
    lines = plan_lines(plan, "main")
    assert "Data of sandbox" in lines
    assert "  freshness    ok       the copy is 0 days old, the limit is 30: will hold in 30 days" in lines
    assert "  sufficiency  warning  currency has one value and no other" in lines
    assert plan_document(plan)["data"][0] == {
        "environment": "sandbox", "gate": "freshness", "state": "ok", "next_step": None, "holds_in_days": 30,
        "detail": "the copy is 0 days old, the limit is 30: will hold in 30 days",
    }  # fmt: skip
    assert made.plan(environments=frozenset({"production"})).data == ()
