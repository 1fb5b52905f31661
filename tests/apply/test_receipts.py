"""One receipt per action, written before the next starts; what failed stops only what needs it."""

from __future__ import annotations

import pytest

from reconciler.core.retries import way_out
from reconciler.domain.errors import RetryLater
from reconciler.domain.jobs import JobFailure
from reconciler.domain.plan import Action
from reconciler.domain.receipts import Receipt, TrainReceipt
from reconciler.domain.record import Failure
from reconciler.testing import model_version, version_path
from reconciler.usecases.apply import Done
from tests.support.stops import StopAfter
from tests.support.worlds import MODEL, OTHER_DIGEST, Shop, actions, told


def two_models() -> Shop:
    """Two untrained models, both pinned in the sandbox."""
    shop = Shop()
    shop.merge({version_path(model, "1.0.0"): model_version(model, "1.0.0") for model in ("fraud", MODEL)})
    shop.pinned("sandbox", "1.0.0", model="fraud")
    shop.pin("sandbox", "1.0.0")
    return shop


def outcomes(done: tuple[Done, ...]) -> list[tuple[str, str]]:
    return [(told(each.action), each.outcome) for each in done]


def test_each_action_has_its_receipt_before_the_next_starts() -> None:
    shop = two_models()
    begun: list[int] = []
    before = shop.ledger.count()

    def listen(event: str, action: Action, done: Done | None) -> None:
        if event == "start":
            begun.append(shop.ledger.count() - before)

    applied = shop.apply(listen=listen)
    assert begun == list(range(len(applied.done)))
    assert shop.ledger.count() - before == len(applied.done) == 7


def test_receipts_say_who_when_and_from_which_commit() -> None:
    shop = two_models()
    shop.apply()
    for receipt in shop.receipts("sandbox")[2:]:
        assert (receipt.source_commit, receipt.by, receipt.at) == (
            shop.git.main_tip(),
            "somebody",
            shop.clock.now(),
        )


def test_a_second_apply_takes_no_lease_and_writes_nothing() -> None:
    shop = two_models()
    shop.apply()
    before = (shop.ledger.count(), shop.fakes.leases.taken, shop.trainer.runs, dict(shop.git.kept))
    applied = shop.apply()
    assert (applied.done, applied.held, applied.exit_code) == ((), (), 0)
    assert (shop.ledger.count(), shop.fakes.leases.taken, shop.trainer.runs, dict(shop.git.kept)) == before


def test_the_leases_are_given_back_at_the_end() -> None:
    shop = two_models()
    shop.apply()
    assert {state.held for state in shop.fakes.leases.states.values()} == {False}


def test_independent_actions_go_on_after_a_failure() -> None:
    shop = two_models()
    shop.trainer.fail("train", "1.0.0", "recipe")
    applied = shop.apply()
    assert applied.exit_code == 1
    assert shop.serves("sandbox", "fraud") is None
    assert shop.serves("sandbox", MODEL) == "1.0.0"
    assert ("train sandbox fraud 1.0.0", "failed") in outcomes(applied.done)


def test_a_failed_training_deploys_nothing() -> None:
    shop = two_models()
    shop.trainer.fail("train", "1.0.0", "recipe", times=2)
    shop.apply()
    assert shop.target("sandbox").deployed == 0
    assert shop.record("sandbox").deployments == {}


def test_a_recipe_failure_is_held_in_the_next_run_and_not_tried_again() -> None:
    shop = two_models()
    shop.trainer.fail("train", "1.0.0", "recipe")
    shop.apply()
    runs = shop.trainer.runs
    applied = shop.apply()
    assert (applied.exit_code, shop.trainer.runs) == (3, runs)
    assert [held.reason for held in applied.held] == ["train-failed"]


def test_retry_tries_a_failed_recipe_once_more_and_not_in_every_pass() -> None:
    shop = two_models()
    shop.trainer.fail("train", "1.0.0", "recipe", times=1)
    shop.apply()
    shop.trainer.fail("train", "1.0.0", "recipe", times=5)
    applied = shop.apply(retry=True)
    assert outcomes(applied.done) == [("train sandbox fraud 1.0.0", "failed")]
    shop.trainer.failures.clear()
    shop.apply(retry=True)
    assert shop.serves("sandbox", "fraud") == "1.0.0"


def test_a_machine_failure_is_tried_three_times() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.trainer.fail("train", "1.0.0", "machine", times=9)
    applied = shop.apply()
    assert [each for each in outcomes(applied.done) if each[1] == "failed"] == [
        ("train sandbox payment 1.0.0", "failed")
    ] * 3
    failure = shop.record("sandbox").artifacts[MODEL]["1.0.0"].last_failure
    assert failure is not None
    assert (failure.kind, failure.attempts) == ("machine", 3)
    assert applied.exit_code == 1
    assert shop.apply().exit_code == 3


@pytest.mark.parametrize(("whose", "who"), [("machine", "operator"), ("recipe", "author")])
def test_the_next_step_of_the_failed_job_itself_is_kept_and_is_what_the_hold_says(whose: str, who: str) -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    step = "raise training.limits.wall in the training environment's file, or train on less"
    told = JobFailure.model_validate({"whose": whose, "reason": "wall time limit of 2 s reached", "next_step": step})
    shop.trainer.failures["train", "1.0.0"] = [told] * 3
    shop.apply()
    failure = shop.record("sandbox").artifacts[MODEL]["1.0.0"].last_failure
    assert failure is not None
    assert failure.next_step == step
    (held,) = [held for held in shop.plan().held if held.reason == "train-failed"]
    assert held.next_step.startswith(step)
    assert held.next_step.endswith("reconciler apply --retry")
    assert held.who == who


def test_a_failure_that_was_written_without_a_next_step_is_read_and_says_what_can_be_said() -> None:
    written = {
        "fingerprint": OTHER_DIGEST,
        "kind": "machine",
        "reason": "r",
        "attempts": 3,
        "at": "2026-03-01T12:00:00Z",
    }
    failure = Failure.model_validate(written)
    assert way_out(failure) == ("mend the machine, then reconciler apply --retry", "operator")


def test_a_failed_check_of_the_bytes_stores_nothing() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.trainer.fail("check", "1.0.0", "recipe")
    assert shop.apply().exit_code == 1
    assert shop.store.content == {}
    assert shop.record("sandbox").artifacts[MODEL]["1.0.0"].digest is None


def test_a_full_store_ends_the_apply_and_is_none_of_the_attempts_of_a_version() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.fakes.open_store(".reconciler/store").full = 4
    for _ in range(4):
        applied = shop.apply()
        assert applied.exit_code == 1
        (failed,) = [done for done in applied.done if done.outcome == "failed"]
        assert "the disk of the store is full; make room" in failed.reason
    assert not [r for r in shop.receipts("sandbox") if isinstance(r, TrainReceipt)]
    assert shop.apply().exit_code == 0, "no --retry is needed"
    assert shop.serves("sandbox") == "1.0.0"


def test_a_full_target_is_tried_three_times_and_changes_no_deployment() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.target("sandbox").full = 9
    applied = shop.apply()
    failed = [each for each in applied.done if each.outcome == "failed"]
    assert [told(each.action) for each in failed] == ["deploy sandbox payment 1.1.0"] * 3
    assert applied.exit_code == 1
    assert shop.serves("sandbox") == "1.0.0"
    shop.target("sandbox").full = 0
    assert shop.apply().exit_code == 0
    assert shop.serves("sandbox") == "1.1.0"


def test_altered_bytes_in_the_store_are_refused_once_and_the_old_model_serves_on() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.apply()
    shop.promote("1.1.0")
    shop.store.flip(shop.digest("1.1.0"))
    applied = shop.apply()
    assert outcomes(applied.done) == [("deploy production payment 1.1.0", "failed")]
    assert applied.exit_code == 5
    assert shop.serves("production") == "1.0.0"


def test_a_machine_without_a_box_stops_trainings_and_nothing_else() -> None:
    shop = two_models()
    shop.apply()
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.promote("1.0.0")
    shop.trainer.no_box = True
    applied = shop.apply()
    assert shop.serves("production") == "1.0.0"
    assert ("train sandbox payment 1.1.0", "failed") in outcomes(applied.done)
    assert len(applied.done) == 2
    assert applied.exit_code == 1
    assert "1.1.0" not in shop.record("sandbox").artifacts[MODEL]
    assert actions(shop.plan()) == ["train sandbox payment 1.1.0", "deploy sandbox payment 1.1.0"]


def test_promotion_copies_exactly_the_approved_bytes_into_the_other_store() -> None:
    shop = Shop(production={"artifacts": "elsewhere"}).in_production("1.0.0")
    digest = shop.digest("1.0.0")
    assert shop.fakes.stores["elsewhere"].manifest(digest) == shop.store.manifest(digest)
    assert shop.fakes.stores["elsewhere"].files(digest) == shop.store.files(digest)
    assert shop.trainer.trained == [(MODEL, "1.0.0")]


def test_a_refused_confirmation_changes_nothing() -> None:
    shop = two_models()
    before = shop.ledger.count(), shop.fakes.leases.taken
    applied = shop.apply(confirm=lambda _plan: False)
    assert (shop.ledger.count(), shop.fakes.leases.taken) == before
    assert len(applied.left) == 5


@pytest.mark.parametrize("questions", range(12))
def test_a_stop_between_two_actions_leaves_a_correct_ledger_and_no_lease(questions: int) -> None:
    shop, undisturbed = two_models(), two_models()
    undisturbed.apply()
    shop.apply(stop=StopAfter(questions))
    assert not any(state.held for state in shop.fakes.leases.states.values())
    shop.apply()
    for name in ("sandbox", "production"):
        assert [r.action for r in shop.receipts(name)] == [r.action for r in undisturbed.receipts(name)]
        assert shop.record(name).deployments == undisturbed.record(name).deployments
    assert sorted(shop.trainer.trained) == sorted(undisturbed.trainer.trained)


def test_a_stopped_run_says_so_and_exits_1() -> None:
    applied = two_models().apply(stop=StopAfter(1))
    assert (applied.interrupted, applied.exit_code) == (True, 1)
    assert "stopped on request" in applied.notes[-1]


def test_a_failed_adopt_stops_what_follows_it_in_its_environment() -> None:
    shop = Shop(refreshed=False)
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.refresh()
    shop.apply()
    shop.change("sandbox", policy={"rollbackWindow": "10d"})
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")

    def full(receipt: Receipt) -> None:
        if receipt.action == "adopt":
            raise RetryLater("the disk of the repository is full")

    shop.ledger.before_append = full
    applied = shop.apply()
    assert outcomes(applied.done) == [("adopt sandbox", "failed")] * 3
    assert shop.serves("sandbox") == "1.0.0"


def test_a_ledger_that_cannot_be_written_ends_the_run_and_gives_the_leases_back() -> None:
    shop = two_models()

    def full(_receipt: Receipt) -> None:
        raise RetryLater("the disk of the repository is full")

    shop.ledger.before_append = full
    with pytest.raises(RetryLater):
        shop.apply()
    assert not any(state.held for state in shop.fakes.leases.states.values())
    assert shop.target("sandbox").deployed == 0
