"""Leases: one writer, lost in the middle, taken over from the dead. Crashes: nothing stored is trained twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.domain.errors import PlanAgain
from reconciler.domain.plan import Action, Deploy, Train
from reconciler.ports import Intent
from reconciler.testing import FakeStore
from reconciler.usecases.apply import Done
from tests.support.stops import Killed, kill_before
from tests.support.worlds import MODEL, Shop, actions


def ready() -> Shop:
    """1.0.0 is merged and pinned in the sandbox."""
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    return shop


def killed_before(shop: Shop, action: str) -> None:
    """A runner on another host's same machine dies between the effect of an action and its receipt."""
    lease = shop.fakes.lease(process=7)
    kill_before(shop.ledger, lease, action)
    with pytest.raises(Killed):
        shop.apply(lease=lease)


def test_a_lease_that_another_holds_is_refused_and_nothing_is_written() -> None:
    shop = ready()
    other = shop.fakes.lease(holder="ci", host="runner")
    other.acquire("sandbox", timedelta(0))
    before = shop.ledger.count()
    with pytest.raises(PlanAgain, match="ci on runner holds the lease of sandbox"):
        shop.apply()
    assert shop.ledger.count() == before
    assert not shop.fakes.leases.states["production"].held


def test_waiting_long_enough_takes_over_an_expired_lease() -> None:
    shop = ready()
    shop.fakes.lease(holder="ci", host="runner").acquire("sandbox", timedelta(0))
    assert shop.apply(wait=timedelta(minutes=10)).exit_code == 0
    assert shop.serves("sandbox") == "1.0.0"


def test_the_plan_is_made_again_once_the_lease_is_ours() -> None:
    shop = ready()
    first = shop.house.lease.acquire

    def after_another_run(environment: str, wait: timedelta, *, above: int = 0) -> object:
        shop.house.lease.acquire = first  # type: ignore[method-assign]
        shop.apply(lease=shop.fakes.lease(holder="ci", process=2))
        return first(environment, wait, above=above)

    shop.house.lease.acquire = after_another_run  # type: ignore[method-assign,assignment]
    assert shop.apply().done == ()
    assert shop.trainer.trained == [(MODEL, "1.0.0")]


def test_a_lease_lost_in_the_middle_stops_the_run_before_the_next_effect() -> None:
    shop = ready()
    thief = shop.fakes.lease(holder="ci", host="runner")

    def steal(event: str, action: Action, done: Done | None) -> None:
        if event == "end" and isinstance(action, Train):
            thief.break_("sandbox")
            thief.acquire("sandbox", timedelta(0))

    with pytest.raises(PlanAgain, match="not ours any more") as lost:
        shop.apply(listen=steal)
    assert lost.value.exit_code == 4
    assert shop.target("sandbox").deployed == 0
    assert shop.fakes.leases.states["sandbox"].holder == "ci"
    assert shop.fakes.leases.states["sandbox"].held
    assert not shop.fakes.leases.states["production"].held


def test_a_ledger_that_moved_under_the_run_stops_it() -> None:
    shop = ready()
    other = Shop()

    def another_writer(event: str, action: Action, done: Done | None) -> None:
        if event == "start" and isinstance(action, Train):
            shop.ledger.commits["sandbox"] += other.ledger.commits["sandbox"][:1]

    with pytest.raises(PlanAgain, match="ledger/sandbox has moved"):
        shop.apply(listen=another_writer)


def test_a_holder_that_slept_and_woke_does_not_reach_the_target() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")

    def another_writes(event: str, action: Action, done: Done | None) -> None:
        if event == "start" and isinstance(action, Deploy):
            shop.target("sandbox").generation = 99

    with pytest.raises(PlanAgain, match="lease generation 99"):
        shop.apply(listen=another_writes)
    assert shop.serves("sandbox") == "1.0.0"


def test_a_lost_lease_goes_on_above_what_the_target_has_seen() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.target("sandbox").generation = 99
    shop.fakes.leases.states.clear()
    assert shop.apply().exit_code == 0
    assert (shop.serves("sandbox"), shop.target("sandbox").generation) == ("1.1.0", 100)


def test_a_lost_lease_goes_on_above_what_the_ledger_knows() -> None:
    shop = Shop().in_production("1.0.0")
    recorded = max(shop.ledger.read("production").record.written.values())
    shop.fakes.leases.states.clear()
    shop.target("production").remove(MODEL)
    assert shop.apply().exit_code == 0
    assert shop.ledger.read("production").record.written[MODEL] > recorded


# --- crashes -----------------------------------------------------------------------------------------------


def test_a_crash_between_store_and_receipt_does_not_train_again() -> None:
    shop, undisturbed = ready(), ready()
    undisturbed.apply()
    killed_before(shop, "train")
    assert shop.fakes.leases.states["sandbox"].held
    shop.apply()
    assert shop.trainer.trained == [(MODEL, "1.0.0")]
    assert shop.serves("sandbox") == "1.0.0"
    assert shop.digest("1.0.0") == undisturbed.digest("1.0.0")


def test_bytes_that_no_lease_named_are_not_believed() -> None:
    shop, stranger = ready(), ready()
    stranger.trainer.libraries = "of a stranger"
    stranger.apply()
    shop.fakes.stores[".reconciler/store"] = planted = FakeStore()
    planted.content, planted.tags = dict(stranger.store.content), dict(stranger.store.tags)
    shop.apply()
    assert shop.trainer.trained == [(MODEL, "1.0.0")]
    assert shop.digest("1.0.0") != stranger.digest("1.0.0")


def test_a_lease_that_named_other_bytes_does_not_vouch_for_these() -> None:
    shop, stranger = ready(), ready()
    stranger.trainer.libraries = "of a stranger"
    stranger.apply()
    fingerprint = next(iter(stranger.store.tags))
    shop.fakes.stores[".reconciler/store"] = stranger.store
    lease = shop.house.lease.acquire("sandbox", timedelta(0))
    named = shop.house.lease.renew(lease, Intent(fingerprint, "sha256:" + "0" * 64))
    shop.house.lease.release(named)
    shop.apply()
    assert shop.trainer.trained == [(MODEL, "1.0.0")]
    assert shop.digest("1.0.0") != stranger.digest("1.0.0")


def test_named_bytes_that_were_altered_since_are_trained_again() -> None:
    shop = ready()
    killed_before(shop, "train")
    shop.store.flip(next(iter(shop.store.tags.values())))
    shop.apply()
    assert shop.trainer.trained == [(MODEL, "1.0.0")] * 2
    assert shop.serves("sandbox") == "1.0.0"
    assert list(shop.store.verify()) == []


def test_a_crash_between_swap_and_receipt_is_found_and_recorded() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.apply()
    shop.promote("1.1.0")
    killed_before(shop, "deploy")
    assert shop.target("production").observe().models[MODEL].version == "1.1.0"
    plan = shop.plan()
    assert actions(plan) == ["deploy production payment 1.1.0"]
    assert "holds it already" in plan.actions[0].reason
    shop.apply()
    assert shop.serves("production") == "1.1.0"


@pytest.mark.parametrize("action", ["adopt", "train", "judge", "deploy", "withdraw", "heal"])
def test_a_crash_before_any_receipt_ends_as_an_undisturbed_run_does(action: str) -> None:
    def story(shop: Shop) -> None:
        shop.add("1.0.0")
        shop.pin("sandbox", "1.0.0")
        shop.apply()
        shop.promote("1.0.0")
        shop.apply()
        shop.change("production", exam={"latestShare": 0.3})
        shop.add("1.1.0")
        shop.pin("sandbox", "1.1.0")
        shop.target("sandbox").remove(MODEL)
        shop.pin("production", None, state="withdrawn")
        shop.apply()

    undisturbed, disturbed = Shop(), Shop()
    story(undisturbed)
    lease = disturbed.fakes.lease(process=7)
    kill_before(disturbed.ledger, lease, action)
    died: list[bool] = []
    apply, disturbed_apply = disturbed.apply, disturbed.apply

    def dying_apply() -> object:
        if died:
            return disturbed_apply()
        try:
            return apply(lease=lease)
        except Killed:
            died.append(True)
            return disturbed_apply()

    disturbed.apply = dying_apply  # type: ignore[method-assign,assignment]
    story(disturbed)
    assert died or action == "heal"
    for name in ("sandbox", "production"):
        ours, theirs = disturbed.record(name), undisturbed.record(name)
        assert ours.deployments == theirs.deployments
        assert disturbed.serves(name) == undisturbed.serves(name)
        assert [r.action for r in disturbed.receipts(name)] == [r.action for r in undisturbed.receipts(name)]
    assert disturbed.trainer.trained == undisturbed.trainer.trained
    assert disturbed.store.content == undisturbed.store.content
