"""Rows of docs/planning.md: Train."""

from __future__ import annotations

from datetime import date

from reconciler.core.plan_format import action_document
from reconciler.domain.snapshots import Facts
from reconciler.testing import model_version, version_path
from tests.core.rows import V1, held, nothing_to_do, only, row, trained
from tests.support.worlds import DATA, MODEL, OTHER_DIGEST, Shop


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
    found = held(failed_training("machine", 3).plan(), "sandbox", "train-failed", "operator")
    assert found.next_step == "mend the machine, then reconciler apply --retry"


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


COPY = {"copyOf": "production"}


def to_train(**recipe: object) -> Shop:
    """1.0.0 is pinned in a sandbox with limits on its copies, and not trained."""
    limits = {"maxAge": "30d", "maxPostingAge": "40d", "rowTolerance": 0.1}
    shop = Shop(sandbox={"data": {**COPY, **limits}}, production={"data": {**DATA, "maxAge": "60d"}}, refreshed=False)
    shop.fakes.data.newest = shop.clock.now().date()
    shop.refresh()
    shop.add("1.0.0", **recipe)
    shop.pin("sandbox", "1.0.0")
    return shop


@row("P23")
def a_copy_or_a_posting_that_is_too_old() -> None:
    shop = to_train()
    shop.wait(days=30)
    only(shop.plan(environments=frozenset({"sandbox"})), "train sandbox payment 1.0.0", "deploy sandbox payment 1.0.0")
    shop.wait(days=11)
    found = held(shop.plan(), "sandbox", "snapshot-stale", "operator")
    assert (found.detail, found.next_step) == (
        "the copy is 41 days old, the limit is 30",
        "reconciler data refresh sandbox",
    )
    shop.refresh(day=date(2026, 3, 2))
    assert held(shop.plan(), "sandbox", "snapshot-stale", "operator").detail.startswith("its newest posting is 41 days")


@row("P24")
def a_copy_that_lost_rows_or_a_legal_entity() -> None:
    shop = to_train()
    shop.fakes.data.rows["invoices"] = 850
    shop.refresh()
    found = held(shop.plan(), "sandbox", "snapshot-partial", "operator")
    assert found.detail == "invoices has 850 rows, the copy before had 1,000"
    shop.refresh(day=date(2026, 3, 2))  # a partial copy is no measure for the next one
    held(shop.plan(), "sandbox", "snapshot-partial", "operator")
    shop.change("sandbox", data={**COPY, "rowTolerance": 0.2})
    only(
        shop.plan(environments=frozenset({"sandbox"})),
        "adopt sandbox",
        "train sandbox payment 1.0.0",
        "deploy sandbox payment 1.0.0",
    )


@row("P25")
def a_recipe_that_names_its_copy() -> None:
    shop = to_train()
    digest = shop.record("sandbox").snapshots[0].digest
    shop.add("1.1.0", data={"snapshot": digest})
    shop.pin("sandbox", "1.1.0")
    shop.wait(days=400)
    only(shop.plan(environments=frozenset({"sandbox"})), "train sandbox payment 1.1.0", "deploy sandbox payment 1.1.0")


@row("P26")
def a_copy_that_is_sure_to_be_too_small() -> None:
    shop = to_train()
    facts = Facts(settled=990, first="2024-01-01", last="2026-02-28", late=[800, *[8] * 20, 5])
    shop.fakes.data.facts = facts.model_copy(update={"late": [4, *[8] * 40]})
    shop.refresh()
    found = held(shop.plan(), "sandbox", "too-little-data", "operator")
    assert found.detail == "4 invoices of the copy are on time, training needs 10 mature ones"
    digest = shop.record("sandbox").snapshots[-1].digest
    shop.add("1.1.0", data={"snapshot": digest})
    shop.pin("sandbox", "1.1.0")
    held(shop.plan(), "sandbox", "too-little-data", "operator")
    shop.fakes.data.facts = facts  # ten open ones may be very late by now
    shop.refresh(day=date(2026, 3, 2))
    shop.pin("sandbox", "1.0.0")
    only(shop.plan(environments=frozenset({"sandbox"})), "train sandbox payment 1.0.0", "deploy sandbox payment 1.0.0")
