"""What every lease keeps: one holder, a generation that only grows, and takeovers from the dead alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from reconciler.domain.errors import PlanAgain
from reconciler.ports import Intent, Lease, LeaseState
from tests.support.ledgers import LEASE_HOUSES, NOW, LeaseHouse, SetClock, holder

NO_WAIT = timedelta(0)
INTENT = Intent("sha256:" + "f" * 64, "sha256:" + "d" * 64, guard='{"checks": {}}')


@pytest.fixture(params=LEASE_HOUSES, ids=lambda make: make.__name__)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LeaseHouse]:
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_first_holder_has_generation_one(house: LeaseHouse, clock: SetClock) -> None:
    lease = house.lease(holder("ann"), clock)
    taken = lease.acquire("sandbox", NO_WAIT)
    assert (taken.generation, taken.holder, taken.held) == (1, "ann", True)
    assert taken.expires == NOW + timedelta(minutes=10)
    assert lease.read("sandbox") == taken


def test_nobody_holds_what_was_never_taken(house: LeaseHouse, clock: SetClock) -> None:
    lease = house.lease(holder(), clock)
    assert lease.read("sandbox") is None
    assert lease.break_("sandbox") is None


def test_a_live_holder_is_named_to_whoever_else_wants_it(house: LeaseHouse, clock: SetClock) -> None:
    house.lease(holder("ann", host="laptop"), clock).acquire("sandbox", NO_WAIT)
    with pytest.raises(PlanAgain, match="ann on laptop") as caught:
        house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT)
    assert "lease break" in caught.value.next_step


def test_a_live_process_of_this_machine_keeps_its_lease(house: LeaseHouse, clock: SetClock) -> None:
    house.lease(holder("ann"), clock).acquire("sandbox", NO_WAIT)
    with pytest.raises(PlanAgain, match="ann"):
        house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT)


def test_leases_of_two_environments_are_apart(house: LeaseHouse, clock: SetClock) -> None:
    house.lease(holder("ann"), clock).acquire("sandbox", NO_WAIT)
    assert house.lease(holder("bob"), clock).acquire("production", NO_WAIT).generation == 1


def test_a_released_lease_keeps_its_generation_and_the_next_adds_one(house: LeaseHouse, clock: SetClock) -> None:
    ann = house.lease(holder("ann"), clock)
    ann.release(ann.acquire("sandbox", NO_WAIT))
    released = ann.read("sandbox")
    assert released is not None
    assert (released.held, released.generation) == (False, 1)
    assert house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT).generation == 2


def test_renewing_extends_and_names_what_is_about_to_be_stored(house: LeaseHouse, clock: SetClock) -> None:
    lease = house.lease(holder("ann"), clock)
    taken = lease.acquire("sandbox", NO_WAIT)
    clock.time += timedelta(minutes=5)
    named = lease.renew(taken, INTENT)
    assert (named.expires, named.intent, named.generation) == (NOW + timedelta(minutes=15), INTENT, 1)
    assert lease.renew(named).intent == INTENT
    lease.release(lease.renew(named))


def test_an_expired_lease_is_taken_over_with_its_intent(house: LeaseHouse, clock: SetClock) -> None:
    ann = house.lease(holder("ann", host="elsewhere"), clock)
    ann.renew(ann.acquire("sandbox", NO_WAIT), INTENT)
    clock.time += timedelta(minutes=10)
    taken = house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT)
    assert (taken.generation, taken.holder, taken.intent) == (2, "bob", INTENT)


def test_a_holder_that_slept_and_woke_is_refused(house: LeaseHouse, clock: SetClock) -> None:
    ann = house.lease(holder("ann", host="elsewhere"), clock)
    asleep = ann.acquire("sandbox", NO_WAIT)
    clock.time += timedelta(hours=1)
    bob = house.lease(holder("bob"), clock)
    taken = bob.acquire("sandbox", NO_WAIT)
    with pytest.raises(PlanAgain, match="not ours any more"):
        ann.renew(asleep)
    ann.release(asleep)
    house.refresh()
    assert bob.read("sandbox") == taken


@pytest.mark.parametrize("dead", ["gone", "other-start", "other-boot"])
def test_a_dead_holder_on_this_machine_is_taken_over_at_once(
    house: LeaseHouse, clock: SetClock, gone: int, dead: str
) -> None:
    changed: dict[str, object] = {
        "gone": {"process": gone},
        "other-start": {"process": os.getpid(), "process_start": "1"},
        "other-boot": {"boot_id": "00000000-0000-0000-0000-000000000000"},
    }[dead]  # type: ignore[assignment]
    house.lease(holder("ann", **changed), clock).acquire("sandbox", NO_WAIT)
    assert house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT).generation == 2


def test_a_process_id_of_another_machine_says_nothing(house: LeaseHouse, clock: SetClock, gone: int) -> None:
    house.lease(holder("ann", host="elsewhere", process=gone), clock).acquire("sandbox", NO_WAIT)
    with pytest.raises(PlanAgain):
        house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT)


def test_a_holder_is_told_to_have_ended_only_where_that_is_certain(
    house: LeaseHouse, clock: SetClock, gone: int
) -> None:
    me = house.lease(holder(), clock)
    dead = house.lease(holder("ann", process=gone), clock).acquire("sandbox", NO_WAIT)
    alive = house.lease(holder("bob", process=os.getpid()), clock).acquire("production", NO_WAIT)
    elsewhere = house.lease(holder("eve", process=gone, host="laptop"), clock).acquire("staging", NO_WAIT)
    assert [me.ended(lease) for lease in (dead, alive, elsewhere)] == [True, False, False]


def test_the_same_run_again_takes_over_at_once(house: LeaseHouse, clock: SetClock) -> None:
    url = "https://ci.example.com/runs/7"
    house.lease(holder("ci", host="runner-1", run_url=url), clock).acquire("sandbox", NO_WAIT)
    taken = house.lease(holder("ci", host="runner-2", run_url=url), clock).acquire("sandbox", NO_WAIT)
    assert taken.generation == 2


def test_runs_without_an_address_are_not_the_same_run(house: LeaseHouse, clock: SetClock) -> None:
    house.lease(holder("ci", host="runner-1"), clock).acquire("sandbox", NO_WAIT)
    with pytest.raises(PlanAgain):
        house.lease(holder("ci", host="runner-2"), clock).acquire("sandbox", NO_WAIT)


def test_waiting_ends_with_the_lease_when_it_is_released(house: LeaseHouse, clock: SetClock) -> None:
    ann = house.lease(holder("ann", host="elsewhere"), clock)
    taken = ann.acquire("sandbox", NO_WAIT)
    clock.meanwhile = [lambda: None, lambda: ann.release(taken)]
    assert house.lease(holder("bob"), clock).acquire("sandbox", timedelta(minutes=1)).generation == 2
    assert len(clock.slept) == 2


def test_waiting_in_vain_ends_on_time(house: LeaseHouse, clock: SetClock) -> None:
    house.lease(holder("ann", host="elsewhere"), clock).acquire("sandbox", NO_WAIT)
    with pytest.raises(PlanAgain, match="ann"):
        house.lease(holder("bob"), clock).acquire("sandbox", timedelta(seconds=5))
    assert sum(clock.slept) == 5


def test_breaking_ends_anothers_lease_and_says_whose(house: LeaseHouse, clock: SetClock) -> None:
    ann = house.lease(holder("ann", host="elsewhere"), clock)
    taken = ann.acquire("sandbox", NO_WAIT)
    assert house.lease(holder("bob"), clock).break_("sandbox") == taken
    with pytest.raises(PlanAgain):
        ann.renew(taken)
    assert house.lease(holder("bob"), clock).acquire("sandbox", NO_WAIT).generation == 2


def test_a_lease_goes_on_above_what_others_have_seen(house: LeaseHouse, clock: SetClock) -> None:
    lease = house.lease(holder("ann"), clock)
    first = lease.acquire("sandbox", NO_WAIT, above=8)
    assert first.generation > 8
    lease.release(first)
    assert lease.acquire("sandbox", NO_WAIT, above=8).generation == first.generation + 1


def test_of_two_at_the_same_moment_exactly_one_gets_it(house: LeaseHouse, clock: SetClock) -> None:
    start = Barrier(2)
    leases = [house.lease(holder(who, host=who), SetClock()) for who in ("ann", "bob")]

    def take(lease: Lease) -> LeaseState | None:
        start.wait()
        try:
            return lease.acquire("sandbox", NO_WAIT)
        except PlanAgain:
            return None

    with ThreadPoolExecutor(2) as pool:
        won = [state for state in pool.map(take, leases) if state is not None]
    house.refresh()
    assert [leases[0].read("sandbox")] == won
