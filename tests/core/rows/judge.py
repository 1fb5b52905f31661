"""Rows of docs/planning.md: Judge."""

from __future__ import annotations

from datetime import date

from reconciler.core.plan_format import action_document
from tests.core.rows import held, nothing_to_do, only, row, trained
from tests.support.worlds import DATA, GATES, MODEL, Shop, actions


@row("P30")
def deployed_below_and_not_judged() -> None:
    shop = Shop(production={"gates": []})
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.change("production", gates=GATES)
    plan = shop.plan()
    only(plan, "adopt production", "judge production payment 1.0.0")
    assert action_document(plan.actions[1])["environment"] == "sandbox"
    assert action_document(plan.actions[1])["for"] == "production"


@row("P31")
def judged_and_current() -> None:
    shop = trained()
    assert shop.trainer.judged == [(MODEL, "1.0.0")]
    shop.refresh(day=date(2026, 3, 20))
    nothing_to_do(shop.plan())


@row("P32")
def another_champion() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.apply()
    shop.add("1.2.0")
    shop.pin("sandbox", "1.2.0")
    shop.apply()
    shop.promote("1.1.0")
    shop.apply()
    assert shop.trainer.judged[-1] == (MODEL, "1.2.0")
    assert shop.trainer.judged.count((MODEL, "1.2.0")) == 2


@row("P33")
def another_exam() -> None:
    shop = trained()
    shop.change("production", exam={"latestShare": 0.3})
    only(shop.plan(), "adopt production", "judge production payment 1.0.0")


@row("P34")
def a_judgement_that_grew_old() -> None:
    shop = trained(production={"data": {**DATA, "maxAge": "7d"}})
    shop.wait(days=8)
    shop.refresh(day=date(2026, 3, 20))
    only(shop.plan(), "judge production payment 1.0.0")


@row("P35")
def the_champion_and_a_going_back() -> None:
    shop = Shop().in_production("1.0.0", "1.1.0")
    shop.change("production", exam={"latestShare": 0.3})
    shop.pin("sandbox", "1.0.0")
    only(shop.plan(), "adopt production", "deploy sandbox payment 1.0.0")
    shop.apply()
    nothing_to_do(shop.plan())


@row("P36")
def a_stale_snapshot() -> None:
    shop = trained(production={"data": {**DATA, "maxAge": "7d"}})
    shop.wait(days=8)
    nothing_to_do(shop.plan())
    shop.promote("1.0.0")
    assert held(shop.plan(), "production", "snapshot-stale", "operator").next_step == "reconciler data refresh sandbox"
    shop = Shop(production={"data": {**DATA, "maxPostingAge": "7d"}}, refreshed=False)
    shop.fakes.data.newest = shop.clock.now().date()
    shop.refresh()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.change("production", exam={"latestShare": 0.3})
    shop.promote("1.0.0")
    shop.wait(days=9)
    found = held(shop.plan(), "production", "snapshot-stale", "operator")
    assert found.detail == "its newest posting is 9 days old, the limit is 7"


def failed_judging(whose: str, times: int) -> Shop:
    shop = Shop()
    shop.trainer.fail("judge", "1.0.0", whose, times=times)
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.promote("1.0.0")
    return shop


@row("P37")
def a_judging_that_failed() -> None:
    for shop, who in ((failed_judging("recipe", 1), "author"), (failed_judging("machine", 3), "operator")):
        held(shop.plan(), "production", "judge-failed", who)
        assert "judge production payment 1.0.0" in actions(shop.plan(retry=True))


@row("P38")
def gates_that_read_no_judgement() -> None:
    shop = trained(production={"gates": [{"kind": "deployed-below"}]})
    assert shop.trainer.judged == []
    shop.promote("1.0.0")
    only(shop.plan(), "deploy production payment 1.0.0")


@row("P39")
def a_champion_and_a_version_below_that_this_pass_replaces() -> None:
    shop = Shop().in_production("1.0.0")
    shop.change("production", exam={"latestShare": 0.3})
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.pin("production", None, state="withdrawn")
    only(
        shop.plan(),
        "adopt production",
        "train sandbox payment 1.1.0",
        "deploy sandbox payment 1.1.0",
        "withdraw production payment 1.0.0",
    )
    shop.apply()
    assert shop.trainer.judged == [(MODEL, "1.0.0"), (MODEL, "1.1.0")]
