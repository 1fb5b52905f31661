"""Rows of docs/planning.md: Faults, lost ledgers, saved plans and selections."""

from __future__ import annotations

from reconciler.testing import model_version, version_path
from tests.core.rows import held, only, row, trained
from tests.support.worlds import MODEL, OTHER_DIGEST, Shop, actions, reasons


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
