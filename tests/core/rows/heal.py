"""Rows of docs/planning.md: Heal."""

from __future__ import annotations

import pytest

from tests.core.rows import held, nothing_to_do, only, row, trained
from tests.support.stops import Killed, kill_before
from tests.support.worlds import MODEL, OTHER_DIGEST, Shop


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


@row("P79")
def a_heal_that_was_not_recorded() -> None:
    shop = Shop().in_production("1.0.0")
    shop.target("production").remove(MODEL)
    lease = shop.fakes.lease(process=7)
    kill_before(shop.ledger, lease, "heal")
    with pytest.raises(Killed):
        shop.apply(lease=lease)
    plan = shop.plan()
    only(plan, "heal production payment 1.0.0")
    assert "did not live to record it" in plan.actions[0].reason
    shop.apply()
    nothing_to_do(shop.plan())
    assert [receipt.action for receipt in shop.receipts("production")][-1] == "heal"


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
