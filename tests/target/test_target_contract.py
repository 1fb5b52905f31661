"""What every target does, whatever it is made of. Add a factory to run the suite on another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.folder_target import FolderTarget
from reconciler.domain.errors import NeedsPerson, PlanAgain, VerificationFailed
from reconciler.domain.observed import Observed
from reconciler.ports import Target
from reconciler.testing import FakeTarget
from tests.support.artifacts import Made, artifact

FACTORIES: dict[str, Callable[[Path], Target]] = {
    "folder": lambda folder: FolderTarget(folder / "target", "sandbox", folder / "cache"),
    "fake": lambda _folder: FakeTarget(),
    "folder-without-cache": lambda folder: FolderTarget(folder / "target", "sandbox"),
}
COMMIT = "a" * 40


@pytest.fixture(params=list(FACTORIES.values()), ids=list(FACTORIES))
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    made: Target = request.param(tmp_path)
    return made


def deployment(made: Made, generation: int = 1) -> Observed:
    return Observed(made.model, made.version, made.digest, generation, COMMIT)


def deploy(target: Target, made: Made, generation: int = 1) -> None:
    target.deploy(made.model, deployment(made, generation), made.deployable)


def test_a_target_that_was_never_written_is_empty(target: Target) -> None:
    assert target.observe().status == "empty"


@pytest.mark.parametrize("hash_bytes", [False, True])
def test_what_was_deployed_is_observed(target: Target, hash_bytes: bool) -> None:
    made = artifact()
    deploy(target, made, generation=7)
    state = target.observe(hash_bytes=hash_bytes)
    assert state.status == "known"
    assert state.generation == 7
    assert dict(state.models) == {made.model: deployment(made, 7)}


def test_what_is_served_comes_back_byte_for_byte(target: Target) -> None:
    made = artifact()
    deploy(target, made)
    observed, files = target.files(made.model)
    assert observed == deployment(made)
    assert dict(files) == made.deployable


def test_a_new_version_takes_the_place_of_the_old_one(target: Target) -> None:
    first, second = artifact("1.0.0"), artifact("1.1.0")
    deploy(target, first)
    deploy(target, second)
    assert target.observe().models[second.model].digest == second.digest
    assert dict(target.files(second.model)[1]) == second.deployable


def test_going_back_and_forth_serves_each_time_what_was_asked(target: Target) -> None:
    first, second = artifact("1.0.0"), artifact("1.1.0")
    for generation, made in enumerate([first, second, first, second, first], start=1):
        deploy(target, made, generation)
        assert target.files(made.model)[0] == deployment(made, generation)


def test_deploying_twice_is_deploying_once(target: Target) -> None:
    made = artifact()
    deploy(target, made)
    deploy(target, made)
    assert dict(target.observe().models) == {made.model: deployment(made)}


def test_two_models_stand_side_by_side(target: Target) -> None:
    one, two = artifact(model="payment-prediction"), artifact(model="other-model")
    deploy(target, one)
    deploy(target, two)
    assert set(target.observe().models) == {one.model, two.model}
    target.withdraw(one.model, 1)
    assert set(target.observe().models) == {two.model}
    assert dict(target.files(two.model)[1]) == two.deployable


def test_withdrawing_takes_the_model_out_and_may_be_repeated(target: Target) -> None:
    made = artifact()
    deploy(target, made)
    target.withdraw(made.model, 2)
    target.withdraw(made.model, 2)
    state = target.observe()
    assert state.status == "known"
    assert dict(state.models) == {}
    with pytest.raises(NeedsPerson, match="serves no payment-prediction"):
        target.files(made.model)


def test_withdrawing_from_a_target_that_was_never_written_is_nothing(target: Target) -> None:
    target.withdraw("payment-prediction", 1)
    assert target.observe().status == "empty"


def test_a_holder_that_slept_and_woke_is_refused(target: Target) -> None:
    first, second = artifact("1.0.0"), artifact("1.1.0")
    deploy(target, second, generation=5)
    with pytest.raises(PlanAgain, match="generation 5"):
        deploy(target, first, generation=4)
    with pytest.raises(PlanAgain, match="generation 5"):
        target.withdraw(first.model, 4)
    assert target.observe().models[first.model].digest == second.digest


def test_a_withdrawal_is_remembered_against_older_generations(target: Target) -> None:
    made = artifact()
    deploy(target, made, generation=5)
    target.withdraw(made.model, 6)
    with pytest.raises(PlanAgain):
        deploy(target, made, generation=5)
    assert target.observe().generation == 6


def test_bytes_that_are_not_the_digest_s_are_not_deployed(target: Target) -> None:
    made = artifact()
    deploy(target, made)
    new = artifact("1.1.0")
    for name in new.deployable:
        wrong = {**new.deployable, name: new.deployable[name] + b" "}
        with pytest.raises(VerificationFailed, match=name):
            target.deploy(new.model, deployment(new), wrong)
    with pytest.raises(VerificationFailed, match="files"):
        target.deploy(new.model, deployment(new), {**new.deployable, "extra.bin": b""})
    assert target.observe().models[made.model].digest == made.digest


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "", "-rf", "A", "a b", "\x1b[31m", ".versions"])
def test_a_name_that_is_not_a_model_s_is_refused(target: Target, name: str) -> None:
    made = artifact()
    with pytest.raises(NeedsPerson, match="not a name"):
        target.deploy(name, deployment(made), made.deployable)
    with pytest.raises(NeedsPerson, match="not a name"):
        target.withdraw(name, 1)
    with pytest.raises(NeedsPerson, match="not a name"):
        target.files(name)


def test_asking_a_target_that_was_never_written_says_that_nothing_is_served(target: Target) -> None:
    with pytest.raises(NeedsPerson, match="serves no"):
        target.files("payment-prediction")
