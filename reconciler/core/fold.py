"""fold(record, receipt) → record: what each receipt changes in the present state of its ledger.

The ledger's tree is this fold over its receipts and nothing else; `verify` replays it. A failed receipt changes
no deployment.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import assert_never

from reconciler.core.judging import failure_key
from reconciler.domain.receipts import (
    AdoptReceipt,
    DeployReceipt,
    HealReceipt,
    JudgeReceipt,
    LeaseBreakReceipt,
    Receipt,
    RefreshReceipt,
    SweepReceipt,
    TrainReceipt,
    WithdrawReceipt,
)
from reconciler.domain.record import Artifact, Deployment, Failure, Record, Served


def fold(record: Record, receipt: Receipt) -> Record:
    """The record after this receipt."""
    changed = _apply(record, receipt)
    return changed.model_copy(update={"last_source": receipt.source_commit or record.last_source})


def replay(environment: str, receipts: Iterable[Receipt]) -> Record:
    """The record that receipts, oldest first, add up to."""
    return reduce(fold, receipts, Record(environment=environment))


def _apply(record: Record, receipt: Receipt) -> Record:  # noqa: C901  one case for each receipt
    match receipt:
        case TrainReceipt():
            return _with_artifact(record, receipt.artifact)
        case JudgeReceipt():
            return _judge(record, receipt)
        case LeaseBreakReceipt():
            return record
        case _ if receipt.outcome == "failed":
            return record
        case AdoptReceipt():
            return record.model_copy(update={"rules": [*record.rules, receipt.rules]})
        case RefreshReceipt():
            new = receipt.snapshot  # equal rows may be a copy of two environments, and stay recorded as both
            others = [s for s in record.snapshots if (s.digest, s.copy_of) != (new.digest, new.copy_of)]
            return record.model_copy(update={"snapshots": [*others, new]})
        case DeployReceipt():
            return _written(_deploy(record, receipt), receipt)
        case SweepReceipt():
            return _swept(record, receipt)
        case WithdrawReceipt():
            return _withdraw(record, receipt)
        case HealReceipt():
            return _written(record, receipt)
        case _:
            assert_never(receipt)


def _swept(record: Record, receipt: SweepReceipt) -> Record:
    """What is known of removed copies stays known."""
    gone = set(receipt.removed)
    snapshots = [s.model_copy(update={"removed_at": receipt.at}) if s.digest in gone else s for s in record.snapshots]
    return record.model_copy(update={"snapshots": snapshots})


def _with_artifact(record: Record, artifact: Artifact) -> Record:
    """Record a training; a version that has its digest keeps it for ever."""
    versions = record.artifacts.get(artifact.model, {})
    bound = versions.get(artifact.version)
    if bound is not None and bound.digest is not None:
        return record
    if bound is not None and artifact.last_failure is not None:
        artifact = artifact.model_copy(update={"last_failure": _counted(bound.last_failure, artifact.last_failure)})
    changed = {**versions, artifact.version: artifact}
    return record.model_copy(update={"artifacts": {**record.artifacts, artifact.model: changed}})


def _counted(before: Failure | None, failure: Failure) -> Failure:
    """Count tries of the same fingerprint."""
    again = before is not None and before.fingerprint == failure.fingerprint and before.kind == failure.kind
    return failure.model_copy(update={"attempts": before.attempts + 1}) if again and before else failure


def _judge(record: Record, receipt: JudgeReceipt) -> Record:
    if receipt.judgement is None:
        return _judge_failed(record, receipt)
    judgement = receipt.judgement
    done = failure_key(receipt.for_environment, receipt.model, receipt.version)
    failures = {key: failure for key, failure in record.judge_failures.items() if not _is_try(key, done)}
    models = record.judgements.get(judgement.environment, {})
    same = (judgement.digest, judgement.champion, judgement.exam_digest)
    others = [j for j in models.get(judgement.model, []) if (j.digest, j.champion, j.exam_digest) != same]
    models = {**models, judgement.model: [*others, judgement]}
    judgements = {**record.judgements, judgement.environment: models}
    return record.model_copy(update={"judgements": judgements, "judge_failures": failures})


def _judge_failed(record: Record, receipt: JudgeReceipt) -> Record:
    if receipt.failure is None:
        return record
    attempt = receipt.failure.fingerprint
    key = failure_key(receipt.for_environment, receipt.model, receipt.version, attempt)
    failure = _counted(record.judge_failures.get(key), receipt.failure)
    return record.model_copy(update={"judge_failures": {**record.judge_failures, key: failure}})


def _is_try(key: str, version: str) -> bool:
    """True for the tries of one version alone: `1.0.0-` begins those of 1.0.0-rc too."""
    return key.startswith(version) and "-" not in key.removeprefix(version)


def _deploy(record: Record, receipt: DeployReceipt) -> Record:
    before = record.deployments.get(receipt.model)
    served = _left(before, receipt, revoke=receipt.going_back)
    earlier = next((s for s in served if s.digest == receipt.digest), None)
    others = [s for s in served if s.digest != receipt.digest]
    now = Served(
        version=receipt.version, digest=receipt.digest, first=earlier.first if earlier else receipt.at, last=None
    )
    return _with_deployment(
        record,
        Deployment(
            model=receipt.model,
            version=receipt.version,
            digest=receipt.digest,
            since=receipt.at,
            source_commit=receipt.source_commit or "",
            pin_commit=receipt.pin_commit,
            evidence=receipt.evidence,
            served=[*others, now],
        ),
    )


def _withdraw(record: Record, receipt: WithdrawReceipt) -> Record:
    return _with_deployment(
        record,
        Deployment(
            model=receipt.model,
            version=None,
            digest=None,
            since=receipt.at,
            source_commit=receipt.source_commit or "",
            pin_commit=receipt.pin_commit,
            evidence=receipt.evidence,
            served=_left(record.deployments.get(receipt.model), receipt, revoke=True),
        ),
    )


def _written(record: Record, receipt: DeployReceipt | HealReceipt) -> Record:
    return record.model_copy(update={"written": {**record.written, receipt.model: receipt.generation}})


def _left(before: Deployment | None, receipt: DeployReceipt | WithdrawReceipt, *, revoke: bool) -> list[Served]:
    """What was served, with the present digest left at the time of this receipt."""
    if before is None:
        return []
    leaves = before.digest != receipt.digest or isinstance(receipt, WithdrawReceipt)
    return [
        served.model_copy(update={"last": receipt.at, "revoked": revoke})
        if leaves and served.digest == before.digest
        else served
        for served in before.served
    ]


def _with_deployment(record: Record, deployment: Deployment) -> Record:
    return record.model_copy(update={"deployments": {**record.deployments, deployment.model: deployment}})
