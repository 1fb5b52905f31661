"""The two actions whose work is done in the box: Train and Judge. What comes back is checked, stored and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.core import packaging
from reconciler.core.copies import same_masks
from reconciler.core.gates import Question
from reconciler.core.identity import digest_of
from reconciler.core.judging import attempt_identity
from reconciler.domain import oci
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.guard import GuardRecord
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.jobs import CheckJob, JobFailure, JudgeJob, JudgeResult, ModelCard, TrainJob, TrainResult
from reconciler.domain.masks import in_words
from reconciler.domain.plan import Judge, Train
from reconciler.domain.receipts import JudgeReceipt, Receipt, TrainReceipt
from reconciler.domain.record import Artifact, Failure, Isolation, Judgement
from reconciler.ports import Intent, Ran
from reconciler.usecases.run import Run


def machine_failure(run: Run, attempt: str, reason: str) -> Failure:
    return Failure(fingerprint=attempt, kind="machine", reason=reason, attempts=1, at=run.house.clock.now())


# --- train -------------------------------------------------------------------------------------------------


def train(run: Run, action: Train) -> Receipt:
    known = _already_stored(run, action)
    return known if known is not None else _train_anew(run, action)


def _already_stored(run: Run, action: Train) -> Receipt | None:
    """After a crash between store and receipt: bytes in the store are believed only if the lease had named them."""
    mark = action.artifact.fingerprint or ""
    digest, intent = run.store(action.environment).find(mark), run.leases.of(action.environment).intent
    if digest is None or intent is None or not intent.names(mark, digest):
        return None
    try:
        files = run.store(action.environment).files(digest)
    except VerificationFailed:
        return None
    return _trained(run, action, intent, ModelCard.read(files[oci.CARD_FILE]))


def _train_anew(run: Run, action: Train) -> Receipt:
    artifact = action.artifact
    snapshots = run.snapshots(action.environment)
    job = TrainJob(
        model=artifact.model,
        version=artifact.version,
        recipe=artifact.recipe,
        fingerprint=artifact.fingerprint or "",
        snapshot=artifact.snapshot or "",
        snapshot_folder=str(snapshots.folder(artifact.snapshot or "")),
        guard=guard_of(run),
        sufficiency=_owner(run).sufficiency.model_dump(mode="json", by_alias=True),
        masks=_masks(run, action.environment, artifact.snapshot or ""),
        earlier_folder=_earlier(run, action.environment, artifact.snapshot or ""),
    )
    with run.stop.interruptible(), run.box(action.environment, job) as ran:
        if not isinstance(ran.result, TrainResult):
            return train_failed(run, action, _failure(ran.result, artifact.fingerprint or "", run))
        refused = _checked(run, action, ran)
        if refused is not None:
            return train_failed(run, action, _failure(refused, artifact.fingerprint or "", run))
        contents = {name: ran.files[name].read_bytes() for name in (oci.MODEL_FILE, oci.CARD_FILE)}
        result, isolation = ran.result, ran.isolation
    return _trained(run, action, _store(run, action, contents, (isolation, result.guard)), result)


def _checked(run: Run, action: Train, ran: Ran) -> JobFailure | None:
    """Have the bytes that will be stored parsed and probed in a box of their own; what it refuses, or None."""
    folder = next(iter(ran.files.values())).parent if ran.files else Path()
    job = CheckJob(model=action.model, version=action.version, artifact_folder=str(folder))
    with run.box(action.environment, job) as checked:
        return checked.result if isinstance(checked.result, JobFailure) else None


def _store(
    run: Run, action: Train, contents: Mapping[str, bytes], how: tuple[Isolation, GuardRecord | None]
) -> Intent:  # fmt: skip
    """Name what is about to be stored in the lease, and how it came about, then store it."""
    isolation, guard = how
    artifact = action.artifact
    mark = artifact.fingerprint or ""
    described = {name: (digest_of(content), len(content)) for name, content in contents.items()}
    packed = packaging.package(model=artifact.model, version=artifact.version, fingerprint=mark, files=described)
    blobs: dict[str, bytes | Path] = {described[name][0]: content for name, content in contents.items()}
    blobs[packed.config_digest] = packed.config
    intent = Intent(
        mark,
        packed.digest,
        isolation.network,
        isolation.files,
        run.house.trainer.lock_digest(),
        guard.model_dump_json() if guard else "",
    )
    run.leases.renew(action.environment, intent)
    run.store(action.environment).put(packed.manifest, blobs, mark)
    return intent


def guard_of(run: Run) -> dict[str, Any]:
    """The leak guard's limits, by the rules in force where the data comes from: they are its owner's to set."""
    return _owner(run).guard.model_dump(mode="json", by_alias=True)


def _owner(run: Run) -> EnvironmentData:
    """The data block of where the data comes from, by its rules in force."""
    spec = run.specs[run.trainer]
    return run.specs.get(spec.data.copy_of or run.trainer, spec).data


def _masks(run: Run, environment: str, snapshot: str) -> dict[str, str] | None:
    """How a snapshot is masked, by the first record of it: later ones of the same rows change no card."""
    found = next((each for each in run.states[environment].record.snapshots if each.digest == snapshot), None)
    return None if found is None or found.masks is None else in_words(found.masks)


def _earlier(run: Run, environment: str, snapshot: str) -> str | None:
    """The folder of the newest snapshot recorded before this one that verifies, and was masked as this one: other
    masks are no changes of the data. None where there is none."""
    recorded = run.states[environment].record.snapshots
    known = [each.digest for each in recorded]
    at = len(known) - 1 - known[::-1].index(snapshot) if snapshot in known else 0
    before = [each.digest for each in recorded[:at] if same_masks(each, recorded[at])]
    snapshots = run.snapshots(environment)
    for digest in dict.fromkeys(reversed(before)):
        if digest != snapshot:
            with suppress(VerificationFailed):
                return str(snapshots.folder(digest))
    return None


def _trained(run: Run, action: Train, stored: Intent, told: TrainResult | ModelCard) -> Receipt:
    artifact = action.artifact.model_copy(
        update={
            "digest": stored.digest,
            "reported": told.reported,
            "cold_start": told.cold_start,
            "guard": _guarded(stored),
            "trained_at": run.house.clock.now(),
            "isolation": Isolation(network=stored.network, files=stored.files) if stored.network else None,
            "lock_digest": stored.lock_digest or None,
            "last_failure": None,
        }
    )
    return run.write(TrainReceipt(**run.stamp(action.environment), artifact=artifact))


def _guarded(stored: Intent) -> GuardRecord | None:
    """What the lease says that the guard did; None for what says nothing that is one."""
    try:
        return GuardRecord.model_validate_json(stored.guard) if stored.guard else None
    except ValueError:
        return None


def _failure(result: object, mark: str, run: Run) -> Failure:
    whose = result.whose if isinstance(result, JobFailure) else "machine"
    reason = result.reason if isinstance(result, JobFailure) else "the box answered something else"
    failed = Failure(fingerprint=mark, kind=whose, reason=reason, attempts=1, at=run.house.clock.now())
    if isinstance(result, JobFailure):
        return failed.model_copy(update={"next_step": result.next_step, "findings": result.findings})
    return failed


def train_failed(run: Run, action: Train, failure: Failure) -> Receipt:
    artifact: Artifact = action.artifact.model_copy(update={"last_failure": failure})
    stamp = {**run.stamp(action.environment), "outcome": "failed", "reason": failure.reason}
    return run.write(TrainReceipt(**stamp, artifact=artifact))


# --- judge -------------------------------------------------------------------------------------------------


def judge(run: Run, action: Judge) -> Receipt:
    record = run.states[action.environment].record
    snapshot = next((known for known in record.snapshots if known.digest == action.snapshot), None)
    if snapshot is None:
        raise VerificationFailed(f"ledger/{action.environment} has no snapshot", next_step="plan again")
    recipes = record.artifacts.get(action.model, {})
    champion = recipes.get(action.champion_version or "")
    folder = run.snapshots(action.environment).folder(snapshot.digest)
    job = JudgeJob(
        model=action.model,
        version=action.version,
        recipe=recipes[action.version].recipe,
        champion_recipe=champion.recipe if champion else None,
        exam=action.exam.model_dump(mode="json", by_alias=True),
        snapshot=snapshot.digest,
        snapshot_folder=str(folder),
        guard=guard_of(run),
    )
    with run.stop.interruptible(), run.box(action.environment, job) as ran:
        result = ran.result
    if not isinstance(result, JudgeResult):
        return judge_failed(run, action, _failure(result, attempt_of(action), run))
    judgement = _judgement(run, action, result, snapshot.digest)
    return run.write(JudgeReceipt(**run.stamp(action.environment), **_named(action), judgement=judgement))


def _named(action: Judge) -> dict[str, Any]:
    return {
        "model": action.model,
        "version": action.version,
        "digest": action.digest,
        "for_environment": action.for_environment,
    }


def attempt_of(action: Judge) -> str:
    question = Question(action.for_environment, action.model, action.digest, action.champion, action.exam_digest)
    return attempt_identity(question, action.snapshot)


def judge_failed(run: Run, action: Judge, failure: Failure) -> Receipt:
    stamp = {**run.stamp(action.environment), "outcome": "failed", "reason": failure.reason}
    return run.write(JudgeReceipt(**stamp, **_named(action), failure=failure))


def _judgement(run: Run, action: Judge, result: JudgeResult, snapshot: str) -> Judgement:
    return Judgement(
        environment=action.for_environment,
        model=action.model,
        version=action.version,
        digest=action.digest,
        champion=action.champion,
        champion_version=action.champion_version,
        exam_digest=action.exam_digest,
        snapshot=snapshot,
        cut=result.cut,
        at=run.house.clock.now(),
        figures=result.figures,
        champion_figures=result.champion_figures,
        baselines=result.baselines,
        verdict="first" if action.champion is None else result.verdict,
    )
