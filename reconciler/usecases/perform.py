"""Do one action and write its receipt: the interpreter that acts. One receipt per action, before the next starts.

Every effect is looked up before it is repeated, so that a run that was killed is finished by the next one. What is
recorded is what was confirmed. A failed action changes no deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, assert_never

from reconciler.core import packaging
from reconciler.core.fold import fold
from reconciler.core.gates import Question
from reconciler.core.identity import digest_of
from reconciler.core.judging import attempt_identity
from reconciler.domain import oci
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import CheckJob, Job, JobFailure, JudgeJob, JudgeResult, ModelCard, TrainJob, TrainResult
from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.names import short_digest
from reconciler.domain.observed import Observed
from reconciler.domain.plan import Action, Adopt, Deploy, Heal, Judge, Train, Withdraw
from reconciler.domain.record import (
    AdoptReceipt,
    Artifact,
    DeployReceipt,
    Failure,
    Figures,
    HealReceipt,
    Isolation,
    Judgement,
    JudgeReceipt,
    Receipt,
    TrainReceipt,
    WithdrawReceipt,
)
from reconciler.ports import ArtifactStore, BoxRules, Intent, LedgerState, Ran
from reconciler.usecases.house import House
from reconciler.usecases.leases import Leases


class Stop(Protocol):
    """Whether somebody asked to stop, and where stopping at once is safe."""

    def requested(self) -> bool: ...

    def interruptible(self) -> AbstractContextManager[None]:
        """Inside, a signal may end what runs: nothing has been stored yet."""


class NeverStop:
    """A `Stop` for those who are never asked."""

    def requested(self) -> bool:
        return False

    def interruptible(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass
class Run:
    """One pass of apply: the house, the leases, the ledgers as they stand, and the rules in force."""

    house: House
    leases: Leases
    source_commit: str | None
    states: dict[str, LedgerState]
    specs: Mapping[str, EnvironmentSpec]
    trainer: str
    stop: Stop

    def write(self, receipt: Receipt) -> Receipt:
        """Append a receipt to its ledger."""
        state = self.states[receipt.environment]
        self.states[receipt.environment] = self.house.ledger.append(state, receipt, fold(state.record, receipt))
        return receipt

    def stamp(self, environment: str) -> dict[str, Any]:
        """What every receipt of this run says."""
        return {
            "environment": environment,
            "source_commit": self.source_commit,
            "at": self.house.clock.now(),
            "by": self.house.who,
            "run_url": self.house.run_url,
        }

    def store(self, environment: str) -> ArtifactStore:
        return self.house.open_store(self.specs[environment].artifacts)

    def box(self, environment: str, job: Job) -> AbstractContextManager[Ran]:
        """Run a job by the limits of the rules in force; the lease is kept alive while it runs."""
        return self.house.trainer.run(job, box_rules(self.specs), self.leases.kept(environment, self.house.progress))


def perform(run: Run, action: Action) -> Receipt:
    """Do it and record it. Raises PlanAgain for a lost lease or race, RetryLater and VerificationFailed otherwise."""
    run.leases.renew(action.environment)
    match action:
        case Adopt():
            return run.write(AdoptReceipt(**run.stamp(action.environment), rules=action.rules))
        case Train():
            return _train(run, action)
        case Judge():
            return _judge(run, action)
        case Deploy():
            return _deploy(run, action)
        case Withdraw():
            return _withdraw(run, action)
        case Heal():
            return _heal(run, action)
        case _:
            assert_never(action)


def failed(run: Run, action: Action, reason: str) -> Receipt | None:
    """The receipt of an action that failed outside the box, as a failure of the machine; None where failing leaves
    nothing to record."""
    stamp = {**run.stamp(action.environment), "outcome": "failed", "reason": reason}
    match action:
        case Deploy() if action.digest is not None:
            named = {"model": action.model, "version": action.version, "digest": action.digest}
            return run.write(DeployReceipt(**stamp, **named, pin_commit=action.pin_commit))
        case Heal():
            named = {"model": action.model, "version": action.version, "digest": action.digest}
            return run.write(HealReceipt(**stamp, **named))
        case Withdraw():
            return run.write(WithdrawReceipt(**stamp, model=action.model, version=action.version, digest=action.digest))
        case Train():
            return _train_failed(run, action, _machine(run, action.artifact.fingerprint or "", reason))
        case Judge() if (snapshot := run.states[action.environment].record.newest_snapshot) is not None:
            return _judge_failed(run, action, _machine(run, _attempt(action, snapshot.digest), reason))
        case _:
            return None


def _machine(run: Run, attempt: str, reason: str) -> Failure:
    return Failure(fingerprint=attempt, kind="machine", reason=reason, attempts=1, at=run.house.clock.now())


# --- train -------------------------------------------------------------------------------------------------


def _train(run: Run, action: Train) -> Receipt:
    known = _already_stored(run, action)
    return known if known is not None else _train_anew(run, action)


def _already_stored(run: Run, action: Train) -> Receipt | None:
    """After a crash between store and receipt: bytes in the store are believed only if the lease had named them."""
    mark = action.artifact.fingerprint or ""
    digest = run.store(action.environment).find(mark)
    if digest is None or run.leases.of(action.environment).intent != Intent(mark, digest):
        return None
    try:
        files = run.store(action.environment).files(digest)
    except VerificationFailed:
        return None
    card = ModelCard.model_validate_json(files[oci.CARD_FILE])
    return _trained(run, action, digest, card.reported, None)


def _train_anew(run: Run, action: Train) -> Receipt:
    artifact = action.artifact
    snapshots = run.house.open_snapshots(run.specs[action.environment].snapshots)
    job = TrainJob(
        model=artifact.model,
        version=artifact.version,
        recipe=artifact.recipe,
        fingerprint=artifact.fingerprint or "",
        snapshot=artifact.snapshot or "",
        snapshot_folder=str(snapshots.folder(artifact.snapshot or "")),
    )
    with run.stop.interruptible(), run.box(action.environment, job) as ran:
        if not isinstance(ran.result, TrainResult):
            return _train_failed(run, action, _failure(ran.result, artifact.fingerprint or "", run))
        refused = _checked(run, action, ran)
        if refused is not None:
            return _train_failed(run, action, _failure(refused, artifact.fingerprint or "", run))
        contents = {name: ran.files[name].read_bytes() for name in (oci.MODEL_FILE, oci.CARD_FILE)}
        result, isolation = ran.result, ran.isolation
    digest = _store(run, action, contents)
    return _trained(run, action, digest, result.reported, isolation)


def box_rules(specs: Mapping[str, EnvironmentSpec]) -> BoxRules:
    """How the training environment boxes its jobs, by its rules in force."""
    training = next((spec.training for spec in specs.values() if spec.training), None)
    if training is None:
        return BoxRules()
    limits = training.limits
    return BoxRules(training.isolation == "required", limits.memory, limits.processor, limits.wall)


def _checked(run: Run, action: Train, ran: Ran) -> JobFailure | None:
    """Have the bytes that will be stored parsed and probed in a box of their own; what it refuses, or None."""
    folder = next(iter(ran.files.values())).parent if ran.files else Path()
    job = CheckJob(model=action.model, version=action.version, artifact_folder=str(folder))
    with run.box(action.environment, job) as checked:
        return checked.result if isinstance(checked.result, JobFailure) else None


def _store(run: Run, action: Train, contents: Mapping[str, bytes]) -> str:
    """Name what is about to be stored in the lease, then store it."""
    artifact = action.artifact
    mark = artifact.fingerprint or ""
    described = {name: (digest_of(content), len(content)) for name, content in contents.items()}
    packed = packaging.package(model=artifact.model, version=artifact.version, fingerprint=mark, files=described)
    blobs: dict[str, bytes | Path] = {described[name][0]: content for name, content in contents.items()}
    blobs[packed.config_digest] = packed.config
    run.leases.renew(action.environment, Intent(mark, packed.digest))
    return run.store(action.environment).put(packed.manifest, blobs, mark)


def _trained(run: Run, action: Train, digest: str, reported: Figures | None, isolation: Isolation | None) -> Receipt:
    artifact = action.artifact.model_copy(
        update={
            "digest": digest,
            "reported": reported,
            "trained_at": run.house.clock.now(),
            "isolation": isolation,
            "lock_digest": run.house.trainer.lock_digest(),
            "last_failure": None,
        }
    )
    return run.write(TrainReceipt(**run.stamp(action.environment), artifact=artifact))


def _failure(result: object, mark: str, run: Run) -> Failure:
    whose = result.whose if isinstance(result, JobFailure) else "machine"
    reason = result.reason if isinstance(result, JobFailure) else "the box answered something else"
    return Failure(fingerprint=mark, kind=whose, reason=reason, attempts=1, at=run.house.clock.now())


def _train_failed(run: Run, action: Train, failure: Failure) -> Receipt:
    artifact: Artifact = action.artifact.model_copy(update={"last_failure": failure})
    stamp = {**run.stamp(action.environment), "outcome": "failed", "reason": failure.reason}
    return run.write(TrainReceipt(**stamp, artifact=artifact))


# --- judge -------------------------------------------------------------------------------------------------


def _judge(run: Run, action: Judge) -> Receipt:
    record = run.states[action.environment].record
    snapshot = record.newest_snapshot
    if snapshot is None:
        raise VerificationFailed(f"ledger/{action.environment} has no snapshot", next_step="plan again")
    recipes = record.artifacts.get(action.model, {})
    champion = recipes.get(action.champion_version or "")
    folder = run.house.open_snapshots(run.specs[action.environment].snapshots).folder(snapshot.digest)
    job = JudgeJob(
        model=action.model,
        version=action.version,
        recipe=recipes[action.version].recipe,
        champion_recipe=champion.recipe if champion else None,
        exam=action.exam.model_dump(mode="json", by_alias=True),
        snapshot=snapshot.digest,
        snapshot_folder=str(folder),
    )
    with run.stop.interruptible(), run.box(action.environment, job) as ran:
        result = ran.result
    if not isinstance(result, JudgeResult):
        return _judge_failed(run, action, _failure(result, _attempt(action, snapshot.digest), run))
    judgement = _judgement(run, action, result, snapshot.digest)
    return run.write(JudgeReceipt(**run.stamp(action.environment), **_named(action), judgement=judgement))


def _named(action: Judge) -> dict[str, Any]:
    return {
        "model": action.model,
        "version": action.version,
        "digest": action.digest,
        "for_environment": action.for_environment,
    }


def _attempt(action: Judge, snapshot: str) -> str:
    question = Question(action.for_environment, action.model, action.digest, action.champion, action.exam_digest)
    return attempt_identity(question, snapshot)


def _judge_failed(run: Run, action: Judge, failure: Failure) -> Receipt:
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


# --- deploy, heal, withdraw --------------------------------------------------------------------------------


def _deploy(run: Run, action: Deploy) -> Receipt:
    digest = action.digest or _just_trained(run, action)
    generation = _put_in_target(run, action.environment, action.model, action.version, digest)
    return run.write(
        DeployReceipt(
            **run.stamp(action.environment),
            model=action.model,
            version=action.version,
            digest=digest,
            pin_commit=action.pin_commit,
            evidence=action.evidence,
            going_back=action.going_back,
            generation=generation,
        )
    )


def _just_trained(run: Run, action: Deploy) -> str:
    artifact = run.states[run.trainer].record.artifacts.get(action.model, {}).get(action.version)
    if artifact is None or artifact.digest is None:
        raise VerificationFailed(f"{action.model} {action.version} has no artifact", next_step="plan again")
    return artifact.digest


def _put_in_target(run: Run, environment: str, model: str, version: str, digest: str) -> int:
    """Bring exactly these bytes into the environment's store and target; the lease's generation guards the swap."""
    store = run.store(environment)
    if not store.has(digest):
        below = run.store(run.trainer)
        fingerprint = _fingerprint(run, model, version)
        copied: dict[str, bytes | Path] = dict(below.blobs(digest))
        store.put(below.manifest(digest), copied, fingerprint)
    files = {**store.files(digest), oci.MANIFEST_FILE: store.manifest(digest)}
    if digest_of(files[oci.MANIFEST_FILE]) != digest:
        raise VerificationFailed(
            f"the store gave other bytes for {short_digest(digest)}", next_step="reconciler verify"
        )
    lease = run.leases.renew(environment)
    deployed = Observed(model, version, digest, lease.generation, run.states[environment].tip)
    run.house.open_target(environment, run.specs[environment].target).deploy(model, deployed, files)
    return lease.generation


def _fingerprint(run: Run, model: str, version: str) -> str:
    artifact = run.states[run.trainer].record.artifacts.get(model, {}).get(version)
    return artifact.fingerprint or "" if artifact else ""


def _heal(run: Run, action: Heal) -> Receipt:
    generation = _put_in_target(run, action.environment, action.model, action.version, action.digest)
    named = {"model": action.model, "version": action.version, "digest": action.digest}
    return run.write(HealReceipt(**run.stamp(action.environment), **named, generation=generation))


def _withdraw(run: Run, action: Withdraw) -> Receipt:
    lease = run.leases.renew(action.environment)
    run.house.open_target(action.environment, run.specs[action.environment].target).withdraw(
        action.model, lease.generation
    )
    return run.write(
        WithdrawReceipt(
            **run.stamp(action.environment),
            model=action.model,
            version=action.version,
            digest=action.digest,
            pin_commit=action.pin_commit,
            evidence=action.evidence,
            generation=lease.generation,
        )
    )
