"""Rows of docs/planning.md: Withdraw."""

from __future__ import annotations

from tests.core.rows import held, nothing_to_do, only, row
from tests.support.worlds import Shop


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
