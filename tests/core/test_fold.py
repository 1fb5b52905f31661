"""What receipts change in a record, and what they never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.core.fold import fold, replay
from reconciler.domain.receipts import (
    AdoptReceipt,
    DeployReceipt,
    HealReceipt,
    JudgeReceipt,
    LeaseBreakReceipt,
    Receipt,
    RefreshReceipt,
    TrainReceipt,
    WithdrawReceipt,
)
from reconciler.domain.record import Artifact, Evidence, Failure, Judgement, Record, Rules, Snapshot
from reconciler.testing import figures

START = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = "payment"


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def at(day: int) -> dict[str, Any]:
    return {"environment": "production", "at": START + timedelta(days=day), "by": "ci", "source_commit": f"c{day}"}


def deploy(day: int, version: str, letter: str, **more: Any) -> DeployReceipt:
    return DeployReceipt(**at(day), model=MODEL, version=version, digest=digest(letter), **more)


def withdraw(day: int, version: str, letter: str, **more: Any) -> WithdrawReceipt:
    return WithdrawReceipt(**at(day), model=MODEL, version=version, digest=digest(letter), **more)


def train(day: int, letter: str | None, *, mark: str = "f", failure: Failure | None = None) -> TrainReceipt:
    artifact = Artifact(
        model=MODEL,
        version="1.0.0",
        recipe_digest=digest("e"),
        recipe={},
        fingerprint=digest(mark),
        digest=digest(letter) if letter else None,
        last_failure=failure,
    )
    return TrainReceipt(**at(day), artifact=artifact, outcome="failed" if failure else "succeeded")


def failure(kind: str = "machine", mark: str = "f") -> Failure:
    return Failure.model_validate(
        {"fingerprint": digest(mark), "kind": kind, "reason": "out of memory", "attempts": 1, "at": START}
    )


def judged(
    day: int, *, letter: str = "a", champion: str | None = None, exam: str = "e", snapshot: str = "d"
) -> Receipt:
    judgement = Judgement(
        environment="production",
        model=MODEL,
        version="1.0.0",
        digest=digest(letter),
        champion=digest(champion) if champion else None,
        champion_version=None,
        exam_digest=digest(exam),
        snapshot=digest(snapshot),
        cut="2026-01-01",
        at=START + timedelta(days=day),
        figures=figures(0.5),
        baselines={},
    )
    named = {"model": MODEL, "version": "1.0.0", "digest": digest(letter), "for_environment": "production"}
    return JudgeReceipt(**at(day), **named, judgement=judgement)


def judging_failed(day: int, attempt: str, *, version: str = "1.0.0", kind: str = "recipe") -> Receipt:
    named = {"model": MODEL, "version": version, "digest": digest("a"), "for_environment": "production"}
    return JudgeReceipt(**at(day), **named, outcome="failed", failure=failure(kind, attempt))


def served(record: Record) -> list[tuple[str, bool, bool]]:
    """(version, still serving, revoked) of the served history."""
    return [(s.version, s.last is None, s.revoked) for s in record.deployments[MODEL].served]


def kept(record: Record) -> Record:
    """The record as it comes back from a ledger's tree."""
    again = Record.from_files(record.environment, record.files())
    assert again == record
    return again


# --- failures ----------------------------------------------------------------------------------------------


def test_a_failed_receipt_of_any_kind_changes_no_deployment() -> None:
    before = replay("production", [deploy(1, "1.0.0", "a"), deploy(2, "1.1.0", "b")])
    rules = Rules(
        source_commit="c",
        environment_blob="b",
        signers_blob=None,
        environment_text="",
        signers_text=None,
        evidence=Evidence(kind="none"),
        adopted_at=START,
    )
    failed: list[Receipt] = [
        deploy(3, "1.2.0", "c", outcome="failed", reason="disk full"),
        deploy(3, "1.0.0", "a", outcome="failed", going_back=True),
        withdraw(3, "1.1.0", "b", outcome="failed"),
        HealReceipt(**at(3), model=MODEL, version="1.1.0", digest=digest("b"), outcome="failed"),
        train(3, None, failure=failure()),
        judging_failed(3, "1"),
        AdoptReceipt(**at(3), rules=rules, outcome="failed"),
    ]
    for receipt in failed:
        after = fold(before, receipt)
        assert after.deployments == before.deployments, receipt.action
        assert after.rules == before.rules
        assert after.last_source == "c3"


def test_a_heal_and_a_broken_lease_change_nothing_but_the_last_source() -> None:
    before = replay("production", [deploy(1, "1.0.0", "a")])
    heal = HealReceipt(**at(2), model=MODEL, version="1.0.0", digest=digest("a"))
    broken = LeaseBreakReceipt(**at(3), holder="ci", generation=4)
    after = fold(fold(before, heal), broken)
    assert after == before.model_copy(update={"last_source": "c3"})


def test_a_receipt_without_a_source_keeps_the_last_one() -> None:
    before = replay("production", [deploy(1, "1.0.0", "a")])
    broken = LeaseBreakReceipt(environment="production", at=START, by="ci", holder="ci", generation=4)
    assert fold(before, broken).last_source == "c1"


# --- deployments -------------------------------------------------------------------------------------------


def test_the_served_history_says_from_when_until_when() -> None:
    record = kept(replay("production", [deploy(1, "1.0.0", "a"), deploy(5, "1.1.0", "b")]))
    first, second = record.deployments[MODEL].served
    assert (first.first, first.last) == (START + timedelta(days=1), START + timedelta(days=5))
    assert (second.first, second.last) == (START + timedelta(days=5), None)


def test_a_new_version_does_not_revoke_the_old_one() -> None:
    record = replay("production", [deploy(1, "1.0.0", "a"), deploy(2, "1.1.0", "b")])
    assert served(record) == [("1.0.0", False, False), ("1.1.0", True, False)]


def test_going_back_revokes_what_was_left() -> None:
    record = kept(
        replay(
            "production", [deploy(1, "1.0.0", "a"), deploy(2, "1.1.0", "b"), deploy(3, "1.0.0", "a", going_back=True)]
        )
    )
    assert served(record) == [("1.1.0", False, True), ("1.0.0", True, False)]
    assert record.deployments[MODEL].served[1].first == START + timedelta(days=1)


def test_serving_a_revoked_digest_again_by_promotion_lifts_its_revocation() -> None:
    story = [
        deploy(1, "1.0.0", "a"),
        deploy(2, "1.1.0", "b"),
        deploy(3, "1.0.0", "a", going_back=True),
        deploy(4, "1.1.0", "b"),
    ]
    assert served(replay("production", story)) == [("1.0.0", False, False), ("1.1.0", True, False)]


def test_withdrawing_revokes_and_leaves_no_version() -> None:
    record = kept(replay("production", [deploy(1, "1.0.0", "a"), withdraw(2, "1.0.0", "a")]))
    assert served(record) == [("1.0.0", False, True)]
    assert (record.deployments[MODEL].version, record.deployments[MODEL].digest) == (None, None)


def test_a_deploy_that_is_recorded_twice_keeps_one_entry_that_serves() -> None:
    record = replay("production", [deploy(1, "1.0.0", "a"), deploy(2, "1.0.0", "a")])
    assert served(record) == [("1.0.0", True, False)]


def test_one_model_s_deployments_leave_the_others_alone() -> None:
    other = DeployReceipt(**at(2), model="fraud", version="1.0.0", digest=digest("c"))
    record = replay("production", [deploy(1, "1.0.0", "a"), other, withdraw(3, "1.0.0", "a")])
    assert record.deployments["fraud"].version == "1.0.0"


# --- artifacts ---------------------------------------------------------------------------------------------


def test_a_bound_artifact_is_never_replaced() -> None:
    first = replay("sandbox", [train(1, "a")])
    for later in (train(2, "b"), train(2, "b", mark="0"), train(2, None, failure=failure())):
        assert fold(first, later).artifacts == first.artifacts


def test_a_failed_training_is_bound_by_the_first_that_succeeds() -> None:
    record = kept(replay("sandbox", [train(1, None, failure=failure()), train(2, "a")]))
    artifact = record.artifacts[MODEL]["1.0.0"]
    assert (artifact.digest, artifact.last_failure) == (digest("a"), None)


def test_failures_of_one_fingerprint_and_kind_are_counted() -> None:
    record = replay("sandbox", [train(day, None, failure=failure()) for day in (1, 2, 3)])
    counted = record.artifacts[MODEL]["1.0.0"].last_failure
    assert counted is not None
    assert counted.attempts == 3


def test_a_failure_with_a_newer_snapshot_is_counted_from_one() -> None:
    again = failure(mark="0")
    record = replay("sandbox", [train(1, None, failure=failure()), train(2, None, mark="0", failure=again)])
    counted = record.artifacts[MODEL]["1.0.0"].last_failure
    assert counted is not None
    assert counted.attempts == 1


# --- judgements, snapshots, rules --------------------------------------------------------------------------


def test_a_judgement_replaces_the_one_of_the_same_question_only() -> None:
    record = kept(replay("sandbox", [judged(1), judged(2, champion="b"), judged(3, exam="f"), judged(4, snapshot="0")]))
    found = record.judgements["production"][MODEL]
    assert [j.at.day - START.day for j in found] == [2, 3, 4]


def test_a_failed_judging_leaves_the_judgements() -> None:
    before = replay("sandbox", [judged(1)])
    assert fold(before, judging_failed(2, "1")).judgements == before.judgements


def test_failures_of_two_questions_stand_side_by_side() -> None:
    record = kept(replay("sandbox", [judging_failed(1, "1"), judging_failed(2, "2"), judging_failed(3, "1")]))
    assert sorted(f.attempts for f in record.judge_failures.values()) == [1, 2]


def test_a_judgement_forgets_the_failures_of_its_version_alone() -> None:
    failed = [
        judging_failed(1, "1"),
        judging_failed(1, "2", version="1.0.0-rc.1"),
        judging_failed(1, "3", version="1.0.1"),
    ]
    record = kept(fold(replay("sandbox", failed), judged(2)))
    assert sorted(key.split("/")[2].rsplit("-", 1)[0] for key in record.judge_failures) == ["1.0.0-rc.1", "1.0.1"]


def test_a_snapshot_taken_again_is_the_newest_and_stands_once() -> None:
    def refresh(day: int, letter: str) -> Receipt:
        taken = START + timedelta(days=day)
        snapshot = Snapshot(
            digest=digest(letter), data_date="2026-03-01", taken_at=taken, rows={}, copy_of="production"
        )
        return RefreshReceipt(**at(day), snapshot=snapshot)

    record = kept(replay("sandbox", [refresh(1, "a"), refresh(2, "b"), refresh(3, "a")]))
    assert [s.digest[7] for s in record.snapshots] == ["b", "a"]
    assert record.newest_snapshot is not None
    assert record.newest_snapshot.taken_at == START + timedelta(days=3)


def test_replaying_receipts_is_folding_them_one_by_one() -> None:
    story = [deploy(1, "1.0.0", "a"), train(2, "a"), judged(3), withdraw(4, "1.0.0", "a")]
    record = Record(environment="production")
    for receipt in story:
        record = kept(fold(record, receipt))
    assert record == replay("production", story)
