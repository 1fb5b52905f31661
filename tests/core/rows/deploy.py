"""Rows of docs/planning.md: Deploy."""

from __future__ import annotations

from datetime import date

from reconciler.core.plan_format import action_document
from tests.core.rows import held, nothing_to_do, only, row, trained
from tests.support.worlds import GATES, MODEL, OTHER_DIGEST, Shop


@row("P40")
def a_promotion() -> None:
    shop = trained()
    merge = shop.promote("1.0.0")
    plan = shop.plan()
    only(plan, "deploy production payment 1.0.0")
    told = action_document(plan.actions[0])
    assert (told["digest"], told["evidence"], told["going_back"]) == (shop.digest("1.0.0"), "merge", False)
    shop.apply()
    assert shop.record("production").deployments[MODEL].pin_commit == merge


@row("P41")
def a_promotion_before_its_judgement() -> None:
    shop = trained()
    shop.change("production", exam={"latestShare": 0.3})
    shop.promote("1.0.0")
    plan = shop.plan()
    only(plan, "adopt production", "judge production payment 1.0.0")
    held(plan, "production", "judgement-missing", "time")
    shop.apply()
    assert shop.serves("production") == "1.0.0"


@row("P42")
def a_shut_gate() -> None:
    shop = Shop()
    shop.trainer.log_loss["1.0.0"] = 0.9
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.promote("1.0.0")
    assert "log-loss 0.900" in held(shop.plan(), "production", "gate", "author").detail


@row("P43")
def a_pin_without_the_digest_that_is_asked_for() -> None:
    shop = trained()
    shop.pin("production", "1.0.0")
    held(shop.plan(), "production", "digest-required", "author")


@row("P44")
def a_digest_of_another_version() -> None:
    shop = trained()
    shop.pin("production", "1.0.0", digest=OTHER_DIGEST)
    held(shop.plan(), "production", "digest-mismatch", "author")


@row("P45")
def a_pin_without_evidence() -> None:
    shop = trained()
    shop.push(shop.promotion("1.0.0"))
    assert "direct commit" in held(shop.plan(), "production", "no-evidence", "approver").detail


@row("P46")
def a_hold_without_end() -> None:
    shop = trained()
    shop.promote("1.0.0", hold={"reason": "quarter end", "by": "credit"})
    assert held(shop.plan(), "production", "hold", "author").until is None


@row("P47")
def a_hold_with_an_end() -> None:
    shop = trained()
    shop.promote("1.0.0", hold={"reason": "quarter end", "by": "credit", "until": "2026-03-04"})
    assert held(shop.plan(), "production", "hold", "time").until == date(2026, 3, 4)
    shop.wait(days=1, hours=14)  # 2026-03-03 23:00 UTC
    held(shop.plan(), "production", "hold", "time")
    shop.wait(hours=1)
    only(shop.plan(), "deploy production payment 1.0.0")


@row("P48")
def an_artifact_that_the_store_has_lost() -> None:
    shop = trained()
    shop.promote("1.0.0")
    shop.store.lose(shop.digest("1.0.0"))
    held(shop.plan(environments=frozenset({"production"})), "production", "artifact-missing", "operator")
    assert shop.apply().exit_code == 5
    assert shop.trainer.trained == [(MODEL, "1.0.0")]


@row("P49")
def a_target_that_cannot_be_read() -> None:
    shop = trained()
    shop.promote("1.0.0")
    shop.target("production").unreadable = "permission denied"
    assert "permission denied" in held(shop.plan(), "production", "target-unknown", "operator").detail


@row("P50")
def going_back() -> None:
    shop = Shop().in_production("1.0.0", "1.1.0")
    shop.trainer.log_loss["1.0.0"] = 0.9
    shop.change("production", gates=[*GATES, {"kind": "threshold", "figure": "log_loss", "atMost": 0.1}])
    shop.promote("1.0.0", hold={"reason": "quarter end", "by": "credit"})
    plan = shop.plan()
    only(plan, "adopt production", "deploy production payment 1.0.0")
    assert action_document(plan.actions[1])["going_back"] is True


@row("P51")
def going_back_to_what_was_revoked_or_served_too_long_ago() -> None:
    shop = Shop().in_production("1.0.0", "1.1.0")
    shop.promote("1.0.0")
    shop.apply()
    shop.trainer.log_loss["1.1.0"] = 0.9
    shop.change("production", exam={"latestShare": 0.3})
    shop.promote("1.1.0")
    plan = shop.plan()
    only(plan, "adopt production", "judge production payment 1.1.0")
    held(plan, "production", "judgement-missing", "time")
    shop.apply()
    held(shop.plan(), "production", "gate", "author")
    late = Shop().in_production("1.0.0", "1.1.0")
    late.wait(days=401)
    late.promote("1.0.0")
    only(late.plan(), "judge production payment 1.0.0")
    late.apply()
    assert late.serves("production") == "1.0.0"


@row("P52")
def a_target_that_holds_it_already() -> None:
    shop = trained()
    shop.promote("1.0.0")
    shop.apply()
    shop.ledger.rewind("production")
    plan = shop.plan()
    only(plan, "deploy production payment 1.0.0")
    assert "holds it already" in plan.actions[0].reason


@row("P53")
def a_promotion_that_is_not_in_main_yet() -> None:
    shop = trained()
    files = {**shop.git.files(shop.git.main_tip()), **shop.promotion("1.0.0")}
    shop.git.branches["topic"] = shop.git.write([shop.git.main_tip()], files, subject="promote")
    shop.git.working_tree = files
    for revision in ("topic", None):
        plan = shop.plan(revision)
        only(plan, "deploy production payment 1.0.0")
        assert plan.actions[0].pending == "the merge must be a merge commit"
    nothing_to_do(shop.plan())


@row("P54")
def a_pin_merged_with_the_rules_that_it_needs() -> None:
    shop = Shop()
    shop.trainer.log_loss["1.0.0"] = 0.9
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.merge({**shop.promotion("1.0.0"), "environments/production.yaml": shop.environment("production", gates=[])})
    plan = shop.plan()
    only(plan, "adopt production")
    held(plan, "production", "gate", "author")
    shop.apply()
    held(shop.plan(), "production", "gate", "author")


@row("P55")
def a_version_that_was_never_deployed_below() -> None:
    shop = trained(production={"gates": [{"kind": "deployed-below"}]})
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0", hold={"reason": "not yet", "by": "credit"})
    shop.apply()
    shop.promote("1.1.0")
    plan = shop.plan(environments=frozenset({"production"}))
    assert "has not been deployed" in held(plan, "production", "gate", "author").detail
