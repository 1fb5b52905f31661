"""One case for each row of docs/planning.md, and a check that there are no others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.plan_format import action_document
from reconciler.domain.plan import Plan
from reconciler.testing import model_version, signers, signers_path, version_path
from tests.support.worlds import DATA, GATES, MODEL, OTHER_DIGEST, Shop, actions, only_held, reasons

PLANNING = Path(__file__).parents[2] / "docs" / "planning.md"
CASES: dict[str, Callable[[], None]] = {}
V1 = version_path(MODEL, "1.0.0")


def row(identity: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(case: Callable[[], None]) -> Callable[[], None]:
        assert identity not in CASES, identity
        CASES[identity] = case
        return case

    return register


def only(plan: Plan, *wanted: str) -> None:
    assert actions(plan) == list(wanted)


def nothing_to_do(plan: Plan) -> None:
    assert (actions(plan), reasons(plan)) == ([], [])


def held(plan: Plan, environment: str, reason: str, who: str) -> Any:
    found = only_held(plan)
    assert (found.environment, found.reason, found.who) == (environment, reason, who)
    assert found.next_step
    return found


def trained(**shop: Any) -> Shop:
    """1.0.0 serves in the sandbox and is judged for production."""
    made = Shop(**shop)
    made.add("1.0.0")
    made.pin("sandbox", "1.0.0")
    assert made.apply().exit_code == 0
    return made


# --- Adopt -------------------------------------------------------------------------------------------------


@row("P01")
def first_rules() -> None:
    plan = Shop(refreshed=False).plan()
    only(plan, "adopt sandbox", "adopt production")
    assert "trusted" in plan.actions[0].reason


@row("P02")
def rules_merged() -> None:
    shop = Shop().in_production("1.0.0")
    shop.change("production", gates=[])
    only(shop.plan(), "adopt production")
    shop.apply()
    nothing_to_do(shop.plan())


@row("P03")
def rules_not_in_main_yet() -> None:
    shop = Shop().in_production("1.0.0")
    files = {
        **shop.git.files(shop.git.main_tip()),
        "environments/production.yaml": shop.environment("production", gates=[]),
    }
    shop.git.branches["topic"] = shop.git.write([shop.git.main_tip()], files, subject="looser")
    plan = shop.plan("topic")
    only(plan, "adopt production")
    assert plan.actions[0].pending == "the merge must be a merge commit"
    shop.git.working_tree = files
    only(shop.plan(None), "adopt production")
    assert shop.plan(None).actions[0].pending


@row("P04")
def rules_pushed() -> None:
    shop = Shop().in_production("1.0.0")
    shop.change("production", direct=True, gates=[])
    plan = shop.plan()
    only(plan)
    held(plan, "production", "rules-not-adopted", "approver")


@row("P05")
def rules_at_fault() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.merge({**shop.pinned("sandbox", "1.1.0"), "environments/production.yaml": b"not a manifest"})
    plan = shop.plan()
    only(plan, "train sandbox payment 1.1.0", "deploy sandbox payment 1.1.0")
    assert ("production", "manifest-invalid") in reasons(plan)
    assert {reason for name, reason in reasons(plan) if name == "production"} == {"manifest-invalid"}


# --- Train -------------------------------------------------------------------------------------------------


@row("P10")
def a_version_without_artifact() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    plan = shop.plan(environments=frozenset({"sandbox"}))
    only(plan, "train sandbox payment 1.0.0", "deploy sandbox payment 1.0.0")
    assert action_document(plan.actions[1])["digest"] is None


@row("P11")
def a_version_without_artifact_and_a_digest_in_its_pin() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0", digest=OTHER_DIGEST)
    only(shop.plan(environments=frozenset({"sandbox"})), "train sandbox payment 1.0.0")
    shop.apply()
    held(shop.plan(), "sandbox", "digest-mismatch", "author")
    assert shop.target("sandbox").deployed == 0


@row("P12")
def no_snapshot() -> None:
    shop = Shop(refreshed=False)
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    assert held(shop.plan(), "sandbox", "no-snapshot", "operator").next_step == "reconciler data refresh sandbox"


@row("P13")
def a_snapshot_that_is_not_recorded() -> None:
    shop = Shop()
    shop.add("1.0.0", data={"snapshot": OTHER_DIGEST})
    shop.pin("sandbox", "1.0.0")
    assert (
        OTHER_DIGEST
        in held(shop.plan(environments=frozenset({"sandbox"})), "sandbox", "no-snapshot", "operator").detail
    )


def failed_training(whose: str, times: int) -> Shop:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.trainer.fail("train", "1.0.0", whose, times=times)
    shop.apply()
    return shop


@row("P14")
def a_recipe_that_failed() -> None:
    held(failed_training("recipe", 1).plan(), "sandbox", "train-failed", "author")


@row("P15")
def a_recipe_that_failed_and_a_newer_snapshot() -> None:
    shop = failed_training("recipe", 1)
    shop.refresh(day=date(2026, 3, 20))
    only(shop.plan(), "train sandbox payment 1.0.0", "deploy sandbox payment 1.0.0")


@row("P16")
def a_recipe_that_failed_and_retry() -> None:
    plan = failed_training("recipe", 1).plan(retry=True)
    only(plan, "train sandbox payment 1.0.0", "deploy sandbox payment 1.0.0")


@row("P17")
def a_machine_that_failed() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.trainer.fail("train", "1.0.0", "machine", times=2)
    tried = [done.outcome for done in shop.apply().done if done.action.__class__.__name__ == "Train"]
    assert tried == ["failed", "failed", "succeeded"]
    assert shop.serves("sandbox") == "1.0.0"


@row("P18")
def a_machine_that_failed_three_times() -> None:
    held(failed_training("machine", 3).plan(), "sandbox", "train-failed", "author")


@row("P19")
def not_trained() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("production", "1.0.0", digest=OTHER_DIGEST)
    held(shop.plan(), "production", "not-trained", "author")


@row("P20")
def a_trained_recipe_that_changed() -> None:
    shop = trained()
    shop.merge({V1: model_version(MODEL, "1.0.0", bias=0.9)})
    assert "trained" in held(shop.plan(), "sandbox", "immutable", "author").detail


@row("P21")
def a_merged_recipe_that_changed() -> None:
    shop = trained()
    shop.add("1.1.0")
    shop.add("1.2.0")
    shop.refresh()
    shop.merge({version_path(MODEL, "1.1.0"): model_version(MODEL, "1.1.0", bias=0.9)})
    shop.pin("sandbox", "1.1.0")
    assert "merged" in held(shop.plan(), "sandbox", "immutable", "author").detail
    failed = failed_training("recipe", 1)
    failed.merge({V1: model_version(MODEL, "1.0.0", bias=0.9)})
    failed.refresh(day=date(2026, 3, 20))
    held(failed.plan(), "sandbox", "immutable", "author")


@row("P22")
def a_new_owner() -> None:
    shop = trained()
    shop.merge({V1: model_version(MODEL, "1.0.0", owner="treasury")})
    nothing_to_do(shop.plan())


# --- Judge -------------------------------------------------------------------------------------------------


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
    for shop in (failed_judging("recipe", 1), failed_judging("machine", 3)):
        held(shop.plan(), "production", "judge-failed", "author")
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


# --- Deploy ------------------------------------------------------------------------------------------------


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


# --- Withdraw ----------------------------------------------------------------------------------------------


@row("P60")
def withdrawn() -> None:
    shop = Shop().in_production("1.0.0")
    shop.pin("production", None, state="withdrawn")
    only(shop.plan(), "withdraw production payment 1.0.0")
    shop.apply()
    assert shop.serves("production") is None


@row("P61")
def withdrawn_without_evidence() -> None:
    shop = Shop().in_production("1.0.0")
    shop.push(shop.pinned("production", None, state="withdrawn"))
    plan = shop.plan()
    only(plan)
    held(plan, "production", "no-evidence", "approver")


@row("P62")
def withdrawn_already() -> None:
    shop = Shop().in_production("1.0.0")
    shop.pin("production", None, state="withdrawn")
    shop.apply()
    nothing_to_do(shop.plan())


@row("P63")
def withdrawn_from_a_target_that_cannot_be_read() -> None:
    shop = Shop().in_production("1.0.0")
    shop.pin("production", None, state="withdrawn")
    shop.target("production").unreadable = "permission denied"
    plan = shop.plan()
    only(plan)
    held(plan, "production", "target-unknown", "operator")


@row("P64")
def withdrawn_and_pinned_again() -> None:
    shop = Shop().in_production("1.0.0")
    shop.pin("production", None, state="withdrawn")
    shop.apply()
    shop.trainer.log_loss["1.0.0"] = 0.9
    shop.change("production", exam={"latestShare": 0.3})
    shop.promote("1.0.0")
    shop.apply()
    held(shop.plan(), "production", "gate", "author")


# --- Heal --------------------------------------------------------------------------------------------------


@row("P70")
def a_target_that_lost_its_model() -> None:
    shop = Shop().in_production("1.0.0")
    shop.target("production").remove(MODEL)
    only(shop.plan(), "heal production payment 1.0.0")
    shop.apply()
    assert shop.serves("production") == "1.0.0"


@row("P71")
def a_target_with_other_bytes() -> None:
    shop = Shop().in_production("1.0.0")
    shop.target("production").flip(MODEL)
    only(shop.plan(), "heal production payment 1.0.0")


@row("P72")
def a_held_pin_and_drift() -> None:
    shop = Shop().in_production("1.0.0")
    shop.push(shop.pinned("production", "1.0.0", digest=OTHER_DIGEST))
    shop.target("production").remove(MODEL)
    plan = shop.plan()
    only(plan, "heal production payment 1.0.0")
    held(plan, "production", "digest-mismatch", "author")


@row("P73")
def a_pin_that_vanished() -> None:
    shop = Shop().in_production("1.0.0")
    shop.pin("production", None)
    plan = shop.plan()
    only(plan)
    held(plan, "production", "orphaned", "author")
    shop.apply()
    assert shop.serves("production") == "1.0.0"


@row("P74")
def a_pin_that_vanished_and_drift() -> None:
    shop = Shop().in_production("1.0.0")
    shop.pin("production", None)
    shop.target("production").remove(MODEL)
    plan = shop.plan()
    only(plan, "heal production payment 1.0.0")
    held(plan, "production", "orphaned", "author")


@row("P75")
def drift_that_nobody_can_see() -> None:
    shop = Shop().in_production("1.0.0")
    shop.target("production").unreadable = "permission denied"
    plan = shop.plan()
    only(plan)
    held(plan, "production", "target-unknown", "operator")


@row("P76")
def a_target_without_its_marker() -> None:
    shop = Shop().in_production("1.0.0")
    shop.target("production").unmark()
    plan = shop.plan()
    only(plan)
    assert "is empty" in held(plan, "production", "target-unknown", "operator").detail


@row("P77")
def a_model_lost_by_target_and_store() -> None:
    shop = trained()
    shop.target("sandbox").remove(MODEL)
    shop.store.lose(shop.digest("1.0.0"))
    plan = shop.plan()
    only(plan)
    held(plan, "sandbox", "artifact-missing", "operator")


@row("P78")
def nothing_differs() -> None:
    plan = Shop().in_production("1.0.0").plan()
    nothing_to_do(plan)
    assert plan.unchanged == 2


# --- everything --------------------------------------------------------------------------------------------


@row("P80")
def a_fault_in_a_version() -> None:
    shop = trained()
    shop.merge({**shop.pinned("sandbox", "1.1.0"), version_path(MODEL, "1.1.0"): b"{}"})
    shop.merge({version_path("other", "1.0.0"): model_version("other", "1.0.0")})
    shop.merge(shop.pinned("sandbox", "1.0.0", model="other"))
    plan = shop.plan()
    only(plan, "train sandbox other 1.0.0", "deploy sandbox other 1.0.0")
    assert {reason for _, reason in reasons(plan)} == {"manifest-invalid"}
    assert ("sandbox", "manifest-invalid") in reasons(plan)


@row("P81")
def a_fault_in_a_pin() -> None:
    shop = Shop().in_production("1.0.0")
    shop.merge(shop.pinned("production", "one"))
    shop.target("production").remove(MODEL)
    plan = shop.plan()
    only(plan, "heal production payment 1.0.0")
    assert held(plan, "production", "manifest-invalid", "author").model == MODEL


@row("P82")
def a_pin_to_a_version_that_is_not_there() -> None:
    shop = trained()
    for name in ("sandbox", "production"):
        shop.pin(name, "9.9.9", digest=OTHER_DIGEST)
    plan = shop.plan()
    only(plan)
    assert reasons(plan) == [("production", "manifest-invalid"), ("sandbox", "manifest-invalid")]
    assert "no version 9.9.9" in plan.held[0].detail


@row("P83")
def a_fault_that_holds_everything() -> None:
    shop = Shop(refreshed=False)
    shop.specs["sandbox"].pop("training")
    shop.merge({"environments/sandbox.yaml": shop.environment("sandbox")})
    plan = shop.plan()
    only(plan)
    assert "no environment trains" in held(plan, "", "manifest-invalid", "author").detail


@row("P84")
def a_lost_ledger() -> None:
    shop = Shop().in_production("1.0.0")
    shop.ledger.lose("production")
    plan = shop.plan()
    only(plan)
    held(plan, "production", "ledger-missing", "operator")
    assert shop.apply().exit_code == 5
    assert "production" not in shop.ledger.commits


@row("P85")
def a_rewritten_ledger() -> None:
    shop = Shop().in_production("1.0.0", "1.1.0")
    shop.ledger.rewind("production", by=2)
    plan = shop.plan()
    only(plan)
    held(plan, "production", "ledger-rewritten", "operator")
    assert shop.apply().exit_code == 5


@row("P86")
def a_lost_ledger_of_the_environment_that_trains() -> None:
    shop = Shop().in_production("1.0.0")
    shop.promote("1.0.0", hold={"reason": "x", "by": "y"})
    shop.ledger.lose("sandbox")
    shop.change("production", gates=[])
    plan = shop.plan()
    only(plan)
    assert set(reasons(plan)) == {("production", "ledger-missing"), ("sandbox", "ledger-missing")}


@row("P87")
def an_environment_that_wants_a_saved_plan() -> None:
    shop = Shop(production={"autoApply": False})
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    assert "adopt production" in actions(shop.plan())
    applied = shop.apply()
    found = {(held.environment, held.reason, held.who) for held in applied.held}
    assert ("production", "saved-plan-only", "operator") in found
    assert applied.exit_code == 3
    assert shop.ledger.read("production").tip is None


@row("P88")
def only_what_was_asked_for() -> None:
    shop = trained()
    shop.merge({version_path("other", "1.0.0"): model_version("other", "1.0.0")})
    shop.merge(shop.pinned("sandbox", "1.0.0", model="other"))
    shop.promote("1.0.0")
    only(shop.plan(environments=frozenset({"production"})), "deploy production payment 1.0.0")
    only(shop.plan(models=frozenset({"other"})), "train sandbox other 1.0.0", "deploy sandbox other 1.0.0")


@row("P06")
def signers_that_changed() -> None:
    shop = Shop(production={"policy": {"evidence": "signed"}}, approvers=("alice@example.com",))
    shop.apply()
    shop.merge({signers_path("production"): signers("alice@example.com", "mallory@example.com")})
    held(shop.plan(), "production", "rules-not-adopted", "approver")
    signed = Shop(production={"policy": {"evidence": "signed"}}, approvers=("alice@example.com",))
    signed.apply()
    change = {signers_path("production"): signers("alice@example.com", "carol@example.com")}
    signed.merge(change, signed_by="alice@example.com")
    only(signed.plan(), "adopt production")
    assert "signers" in signed.plan().actions[0].reason


@pytest.mark.parametrize("identity", sorted(CASES))
def test_row_of_the_planning_table(identity: str) -> None:
    CASES[identity]()


def test_the_table_and_the_cases_have_the_same_rows() -> None:
    written = re.findall(r"^\| (P\d\d) \|", PLANNING.read_text("utf-8"), re.MULTILINE)
    assert written == sorted(written), "rows stand in order"
    assert written == sorted(CASES)


def test_every_row_has_its_four_columns_filled() -> None:
    for line in PLANNING.read_text("utf-8").splitlines():
        if line.startswith("| P"):
            assert [bool(cell.strip()) for cell in line.strip("|").split("|")] == [True] * 4, line
