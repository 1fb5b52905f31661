"""What one pin asks for: to train, deploy, withdraw or heal, or why it is held. `docs/planning.md` has the rows.

A pin that equals the ledger is only healed. One that differs must have a trained artifact, a digest where the
policy asks for one, evidence, no hold, a target that can be read and, unless it goes back, open gates.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.identity import fingerprint, plain_recipe, recipe_digest
from reconciler.core.pin_holds import (
    artifact_missing,
    digest_mismatch,
    evidence_of,
    gate_holds,
    goes_back,
    held_because,
    not_trained,
    policy_holds,
    recipe_changed,
    target_unknown,
    too_little,
    unfit_copy,
)
from reconciler.core.retries import exhausted, way_out
from reconciler.core.view import Decision, View, Wanted
from reconciler.domain.names import short_digest
from reconciler.domain.plan import Deploy, Heal, Held, Train, Withdraw
from reconciler.domain.record import Artifact, Deployment, Served
from reconciler.domain.source import SourcePin


def decide(view: View, source: SourcePin) -> Decision:
    """The decision on one pin."""
    artifact = view.bench.record.artifacts.get(source.model, {}).get(source.pin.version or "")
    wanted = Wanted(
        source=source,
        origin=view.world.origins.get((view.environment, source.model)),
        deployment=view.record.deployments.get(source.model),
        artifact=artifact,
    )
    decision = _withdrawn(view, wanted) if source.pin.state == "withdrawn" else _deployed(view, wanted)
    waits = decision.held and not any(isinstance(action, Deploy) for action in decision.actions)
    healed = heal(view, wanted.deployment) if waits else None
    return Decision((*decision.actions, healed), decision.held) if healed else decision


def orphan(view: View, deployment: Deployment) -> Decision:
    """A deployment whose pin vanished keeps serving; absence is never an order."""
    held = Held(
        environment=view.environment,
        model=deployment.model,
        version=deployment.version,
        reason="orphaned",
        detail="its pin is gone, so it keeps serving",
        next_step=f"pin it again, or say {deployment.model}: {{state: withdrawn}}",
        who="author",
    )
    healed = heal(view, deployment)
    return Decision((healed,) if healed else (), (held,))


def heal(view: View, deployment: Deployment | None) -> Heal | None:
    """The Heal of a deployment that its target no longer holds, or was given back by a run that did not live to record
    it; None where all is well or nothing can be known."""
    if deployment is None or deployment.digest is None or deployment.version is None:
        return None
    if view.target.status != "known":
        return None
    found = view.target.models.get(deployment.model)
    if found and found.digest == deployment.digest and found.intact:
        if not 0 < view.record.written.get(deployment.model, 0) < found.generation:
            return None
        reason = "the target holds it again, by a run that did not live to record it"
        return Heal(view.environment, deployment.model, deployment.version, deployment.digest, reason)
    if deployment.digest not in view.stored:
        return None
    reason = "the target does not hold it" if found is None else found.detail or _other(found.digest)
    return Heal(view.environment, deployment.model, deployment.version, deployment.digest, reason)


def _other(digest: str | None) -> str:
    return f"the target holds {short_digest(digest)} instead"


# --- withdrawn ---------------------------------------------------------------------------------------------


def _withdrawn(view: View, wanted: Wanted) -> Decision:
    deployment = wanted.deployment
    if deployment is None or deployment.digest is None:
        return Decision(unchanged=True)
    evidence = evidence_of(view, wanted)
    if isinstance(evidence, Held):
        return Decision(held=(evidence,))
    if view.target.status == "unknown":
        return Decision(held=(target_unknown(view, wanted),))
    action = Withdraw(
        environment=view.environment,
        model=wanted.model,
        version=deployment.version,
        digest=deployment.digest,
        pin_commit=wanted.origin.commit if wanted.origin else None,
        evidence=evidence[0],
        reason="its pin says state: withdrawn",
        pending=evidence[1],
    )
    return Decision((action,))


# --- deployed ----------------------------------------------------------------------------------------------


def _deployed(view: View, wanted: Wanted) -> Decision:
    refused = recipe_changed(view, wanted)
    if refused:
        return Decision(held=(refused,))
    if wanted.digest is None:
        return _train(view, wanted) if view.trains else Decision(held=(not_trained(view, wanted),))
    if wanted.pin.digest and wanted.pin.digest != wanted.digest:
        return Decision(held=(digest_mismatch(view, wanted),))
    if wanted.deployment and wanted.deployment.digest == wanted.digest:
        return _serving(view, wanted)
    return _deploy(view, wanted)


def _serving(view: View, wanted: Wanted) -> Decision:
    if view.target.status == "unknown":
        return Decision(held=(replace(target_unknown(view, wanted), model=None, version=None),))
    healed = heal(view, wanted.deployment)
    if healed:
        return Decision((healed,))
    found = view.target.models.get(wanted.model)
    lost = wanted.digest not in view.stored and not (found and found.digest == wanted.digest and found.intact)
    return Decision(held=(artifact_missing(view, wanted),)) if lost else Decision(unchanged=True)


def _train(view: View, wanted: Wanted) -> Decision:
    version = wanted.pin.version or ""
    written = view.world.source.versions.get((wanted.model, version))
    if written is None:
        detail = f"there is no {wanted.model} {version}"
        return Decision(held=(held_because(view, wanted, "manifest-invalid", detail, "reconciler validate", "author"),))
    recipe = written.manifest.spec
    snapshots = view.bench.record.snapshots
    asked = recipe.data.snapshot
    snapshot = next((s for s in reversed(snapshots) if s.removed_at is None and asked in ("latest", s.digest)), None)
    if snapshot is None:
        detail = "there is no snapshot to train on" if asked == "latest" else f"snapshot {asked} is not recorded here"
        step = f"reconciler data refresh {view.environment}"
        return Decision(held=(held_because(view, wanted, "no-snapshot", detail, step, "operator"),))
    if asked == "latest" and (unfit := unfit_copy(view, wanted, snapshot)):
        return Decision(held=(unfit,))
    if short := too_little(view, wanted, snapshot, recipe.outcomes):
        return Decision(held=(short,))
    task = view.world.tasks[recipe.task]
    identity = recipe_digest(wanted.model, version, written.written_spec)
    mark = fingerprint(identity, snapshot.digest, task.revision)
    failure = wanted.artifact.last_failure if wanted.artifact else None
    if failure and failure.fingerprint == mark and exhausted(failure) and not view.world.retry:
        step, who = way_out(failure)
        return Decision(held=(held_because(view, wanted, "train-failed", failure.reason, step, who),))
    evidence = evidence_of(view, wanted)
    if isinstance(evidence, Held):
        return Decision(held=(evidence,))
    artifact = Artifact(
        model=wanted.model,
        version=version,
        recipe_digest=identity,
        recipe=plain_recipe(written.written_spec),
        fingerprint=mark,
        snapshot=snapshot.digest,
        task_revision=task.revision,
    )
    reason = f"{version} has no artifact; trained on the snapshot of {snapshot.data_date}"
    train = Train(view.environment, artifact, reason, evidence[1])
    return _train_and_deploy(view, wanted, train)


def _train_and_deploy(view: View, wanted: Wanted, train: Train) -> Decision:
    """A Deploy follows its Train in the same pass, unless something holds it. A pin that names a digest waits for
    the next pass, which knows whether the training gave those bytes."""
    if wanted.pin.digest is not None:
        return Decision((train,))
    deploy = _deploy(view, wanted)
    return Decision((train, *deploy.actions), deploy.held)


def _deploy(view: View, wanted: Wanted) -> Decision:
    rules = view.book.for_pin(wanted.origin)
    back = goes_back(view, wanted.deployment, wanted.digest, rules)
    held = [*policy_holds(view, wanted, rules, back), *([] if back else gate_holds(view, wanted, rules))]
    evidence = evidence_of(view, wanted)
    if isinstance(evidence, Held):
        held.insert(0, evidence)
    if held or isinstance(evidence, Held):
        return Decision(held=tuple(held))
    action = Deploy(
        environment=view.environment,
        model=wanted.model,
        version=wanted.pin.version or "",
        digest=wanted.digest,
        pin_commit=wanted.origin.commit if wanted.origin else None,
        evidence=evidence[0],
        reason=_deploy_reason(view, wanted, back),
        going_back=back is not None,
        pending=evidence[1],
    )
    return Decision((action,))


def _deploy_reason(view: View, wanted: Wanted, back: Served | None) -> str:
    before = wanted.deployment.version if wanted.deployment else None
    if back is not None:
        return f"going back from {before or 'nothing'}: served here until {back.last:%Y-%m-%d %H:%M} UTC"
    if view.target.models.get(wanted.model) and wanted.digest == view.target.models[wanted.model].digest:
        return "the target holds it already; the ledger has no receipt yet"
    return f"the pin says {wanted.pin.version}, it serves {before or 'nothing'}"
