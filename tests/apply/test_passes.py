"""How many passes an apply makes, and what it says of work that is left after them."""

from __future__ import annotations

from reconciler.domain.observed import TargetState
from reconciler.testing.target import FakeTarget
from tests.support.worlds import MODEL, Shop, told


class Forgetful(FakeTarget):
    """A target that takes every model and holds none."""

    def observe(self, *, hash_bytes: bool = False) -> TargetState:
        found = super().observe(hash_bytes=hash_bytes)
        return TargetState("known", models={}, generation=found.generation) if found.status == "known" else found


def test_work_that_no_pass_brings_to_an_end_is_told_and_asks_to_apply_again() -> None:
    shop = Shop()
    shop.fakes.targets["targets/sandbox"] = Forgetful()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    applied = shop.apply()
    assert [told(action) for action in applied.left] == [f"heal sandbox {MODEL} 1.0.0"]
    assert (applied.unsettled, applied.exit_code) == (True, 4)
    assert "every pass found more to do" in applied.notes[-1]


def test_a_run_that_settles_and_a_saved_plan_of_one_pass_leave_nothing_unsettled() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    assert not shop.apply().unsettled
