"""Do one action and write its receipt: the interpreter that acts. One receipt per action, before the next starts.

Every effect is looked up before it is repeated, so that a run that was killed is finished by the next one. What is
recorded is what was confirmed. A failed action changes no deployment.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from reconciler.core.identity import digest_of
from reconciler.domain import oci
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.names import short_digest
from reconciler.domain.observed import Observed
from reconciler.domain.plan import Action, Adopt, Deploy, Heal, Judge, Train, Withdraw
from reconciler.domain.receipts import AdoptReceipt, DeployReceipt, HealReceipt, Receipt, WithdrawReceipt
from reconciler.ports import ArtifactStore
from reconciler.usecases import boxed
from reconciler.usecases.run import Run


def perform(run: Run, action: Action) -> Receipt:
    """Do it and record it. Raises PlanAgain for a lost lease or race, RetryLater and VerificationFailed otherwise."""
    run.leases.renew(action.environment)
    match action:
        case Adopt():
            return run.write(AdoptReceipt(**run.stamp(action.environment), rules=action.rules))
        case Train():
            return boxed.train(run, action)
        case Judge():
            return boxed.judge(run, action)
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
            return boxed.train_failed(
                run, action, boxed.machine_failure(run, action.artifact.fingerprint or "", reason)
            )
        case Judge():
            return boxed.judge_failed(run, action, boxed.machine_failure(run, boxed.attempt_of(action), reason))
        case _:
            return None


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
    _copy(run, store, digest, _fingerprint(run, model, version))
    files = {**store.files(digest), oci.MANIFEST_FILE: store.manifest(digest)}
    if digest_of(files[oci.MANIFEST_FILE]) != digest:
        raise VerificationFailed(
            f"the store gave other bytes for {short_digest(digest)}", next_step="reconciler verify"
        )
    lease = run.leases.renew(environment)
    deployed = Observed(model, version, digest, lease.generation, run.states[environment].tip)
    run.house.open_target(environment, run.specs[environment].target).deploy(model, deployed, files)
    return lease.generation


def _copy(run: Run, store: ArtifactStore, digest: str, fingerprint: str) -> None:
    """Have the artifact in the environment's own store, under its tag. A copy that broke off between its last blob
    and its tag is brought to its end."""
    there = store.has(digest)
    if there and (not fingerprint or store.find(fingerprint) == digest):
        return
    source = store if there else run.store(run.trainer)
    copied: dict[str, bytes | Path] = dict(source.blobs(digest))
    store.put(source.manifest(digest), copied, fingerprint)


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
