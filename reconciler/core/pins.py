"""What one pin asks for: to train, deploy, withdraw or heal, or why it is held. `docs/planning.md` has the rows.

A pin that equals the ledger is only healed. One that differs must have a trained artifact, a digest where the
policy asks for one, evidence, no hold, a target that can be read and, unless it goes back, open gates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.core import gates, judging
from reconciler.core.evidence import EvidenceKind, Lacking, find, required, to_bring
from reconciler.core.facts import Origin, World
from reconciler.core.identity import fingerprint, plain_recipe, recipe_digest
from reconciler.core.retries import exhausted
from reconciler.core.rulebook import Rulebook
from reconciler.domain.manifests import EnvironmentSpec, Hold, Pin
from reconciler.domain.names import short_digest
from reconciler.domain.observed import TargetState
from reconciler.domain.plan import Action, Deploy, Heal, Held, Judge, Train, Who, Withdraw
from reconciler.domain.record import Artifact, Deployment, Evidence, Record, Rules, Served
from reconciler.domain.source import SourcePin


@dataclass(frozen=True)
class View:
    """Everything that a decision about one environment's pins may look at."""

    world: World
    book: Rulebook
    record: Record
    bench: judging.Bench
    below: Record | None
    target: TargetState
    stored: frozenset[str]
    untrusted: str | None = None

    @property
    def environment(self) -> str:
        return self.book.environment

    @property
    def trains(self) -> bool:
        return self.bench.environment == self.environment

    def bench_by(self, spec: EnvironmentSpec) -> judging.Bench:
        """The bench with the snapshot limit of one set of rules; the training environment's where they have none."""
        return replace(self.bench, max_age=spec.data.max_age or self.bench.max_age)


@dataclass(frozen=True)
class Wanted:
    """One pin, how it came to main, what is served now, and what is known of its version's artifact."""

    source: SourcePin
    origin: Origin | None
    deployment: Deployment | None
    artifact: Artifact | None

    @property
    def model(self) -> str:
        return self.source.model

    @property
    def pin(self) -> Pin:
        return self.source.pin

    @property
    def digest(self) -> str | None:
        return self.artifact.digest if self.artifact else None


@dataclass(frozen=True)
class Decision:
    """What came out for one model: actions, what is held, and whether nothing had to be done."""

    actions: tuple[Action, ...] = ()
    held: tuple[Held, ...] = ()
    unchanged: bool = False


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
    """The Heal of a deployment that its target no longer holds; None where all is well or nothing can be known."""
    if deployment is None or deployment.digest is None or deployment.version is None:
        return None
    if view.target.status != "known" or deployment.digest not in view.stored:
        return None
    found = view.target.models.get(deployment.model)
    if found and found.digest == deployment.digest and found.intact:
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
    evidence = _evidence(view, wanted)
    if isinstance(evidence, Held):
        return Decision(held=(evidence,))
    if view.target.status == "unknown":
        return Decision(held=(_target_unknown(view, wanted),))
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
    refused = _recipe_changed(view, wanted)
    if refused:
        return Decision(held=(refused,))
    if wanted.digest is None:
        return _train(view, wanted) if view.trains else Decision(held=(_not_trained(view, wanted),))
    if wanted.pin.digest and wanted.pin.digest != wanted.digest:
        return Decision(held=(_mismatch(view, wanted),))
    if wanted.deployment and wanted.deployment.digest == wanted.digest:
        return _serving(view, wanted)
    return _deploy(view, wanted)


def _serving(view: View, wanted: Wanted) -> Decision:
    if view.target.status == "unknown":
        return Decision(held=(replace(_target_unknown(view, wanted), model=None, version=None),))
    healed = heal(view, wanted.deployment)
    if healed:
        return Decision((healed,))
    found = view.target.models.get(wanted.model)
    lost = wanted.digest not in view.stored and not (found and found.digest == wanted.digest and found.intact)
    return Decision(held=(_missing(view, wanted),)) if lost else Decision(unchanged=True)


def _train(view: View, wanted: Wanted) -> Decision:
    version = wanted.pin.version or ""
    written = view.world.source.versions.get((wanted.model, version))
    if written is None:
        detail = f"there is no {wanted.model} {version}"
        return Decision(held=(_held(view, wanted, "manifest-invalid", detail, "reconciler validate", "author"),))
    recipe = written.manifest.spec
    snapshots = view.bench.record.snapshots
    asked = recipe.data.snapshot
    snapshot = next((s for s in reversed(snapshots) if asked in ("latest", s.digest)), None)
    if snapshot is None:
        detail = "there is no snapshot to train on" if asked == "latest" else f"snapshot {asked} is not recorded here"
        step = f"reconciler data refresh {view.environment}"
        return Decision(held=(_held(view, wanted, "no-snapshot", detail, step, "operator"),))
    task = view.world.tasks[recipe.task]
    identity = recipe_digest(wanted.model, version, written.written_spec)
    mark = fingerprint(identity, snapshot.digest, task.revision)
    failure = wanted.artifact.last_failure if wanted.artifact else None
    if failure and failure.fingerprint == mark and exhausted(failure) and not view.world.retry:
        step = "add a new version, refresh the data, or reconciler apply --retry"
        return Decision(held=(_held(view, wanted, "train-failed", failure.reason, step, "author"),))
    evidence = _evidence(view, wanted)
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
    held = [*_policy_holds(view, wanted, rules, back), *([] if back else _gate_holds(view, wanted, rules))]
    evidence = _evidence(view, wanted)
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


def _policy_holds(view: View, wanted: Wanted, rules: tuple[Rules, ...], back: Served | None) -> list[Held]:
    held: list[Held] = []
    if wanted.pin.digest is None and any(view.book.spec_of(r).policy.require_digest for r in rules):
        step = f"reconciler promote {wanted.model} --to {view.environment}"
        held.append(_held(view, wanted, "digest-required", "the policy asks for a digest in the pin", step, "author"))
    hold = wanted.pin.hold
    if hold and back is None and (hold.until is None or view.world.now.date() < hold.until):
        held.append(_on_hold(view, wanted, hold))
    if wanted.digest is not None and wanted.digest not in view.stored:
        held.append(_missing(view, wanted))
    if view.target.status == "unknown":
        held.append(_target_unknown(view, wanted))
    return held


def _on_hold(view: View, wanted: Wanted, hold: Hold) -> Held:
    until = f" until {hold.until.isoformat()}" if hold.until else ""
    detail = f"held by {hold.by}{until}: {hold.reason}"
    who: Who = "time" if hold.until else "author"
    held = _held(view, wanted, "hold", detail, "take the hold out of the pin with a pull request", who)
    return replace(held, until=hold.until)


def goes_back(view: View, deployment: Deployment | None, digest: str | None, rules: tuple[Rules, ...]) -> Served | None:
    """What was served before, where a pin to `digest` goes back to it inside the rollback window, and it is not
    revoked."""
    window = min(view.book.spec_of(r).policy.rollback_window for r in rules)
    for served in deployment.served if deployment else ():
        fresh = served.last is not None and view.world.now - served.last <= window
        if served.digest == digest and fresh and not served.revoked:
            return served
    return None


def _gate_holds(view: View, wanted: Wanted, rules: tuple[Rules, ...]) -> list[Held]:
    if wanted.digest is None:
        return [_awaits(view, wanted)] if any(view.book.spec_of(r).gates for r in rules) else []
    held: list[Held] = []
    for rule in rules:
        held.extend(_gates_of(view, wanted, view.book.spec_of(rule)))
    return list(dict.fromkeys(held))


def _gates_of(view: View, wanted: Wanted, spec: EnvironmentSpec) -> list[Held]:
    judgement = None
    if gates.needs_judgement(spec.gates):
        answer = judging.ask(view.bench_by(spec), challenger(view, wanted, spec))
        if isinstance(answer, Held):
            return [answer]
        if isinstance(answer, Judge):
            return [_awaits(view, wanted)]
        judgement = answer
    shut = gates.failures(spec.gates, judgement, deployed_below=_deployed_below(view, wanted, spec))
    step = f"improve the model, or pin the version that {view.environment} served before"
    return [_held(view, wanted, "gate", reason, step, "author") for reason in shut]


def _deployed_below(view: View, wanted: Wanted, spec: EnvironmentSpec) -> bool:
    """Whether the environment that these rules promote from has served the bytes; True where they name none."""
    if spec.promotes_from is None:
        return True
    record = view.world.ledgers.get(spec.promotes_from)
    below = record.deployments.get(wanted.model) if record else None
    return below is not None and any(served.digest == wanted.digest for served in below.served)


def challenger(view: View, wanted: Wanted, spec: EnvironmentSpec) -> judging.Challenger:
    """The pinned artifact as the challenger of what this environment serves."""
    serves = wanted.deployment if wanted.deployment and wanted.deployment.digest else None
    return judging.Challenger(
        environment=view.environment,
        model=wanted.model,
        version=wanted.pin.version or "",
        digest=wanted.digest or "",
        champion=serves,
        exam=spec.exam,
    )


# --- evidence ----------------------------------------------------------------------------------------------


_STRENGTH: tuple[EvidenceKind, ...] = ("none", "merge", "signed")


def _evidence(view: View, wanted: Wanted) -> tuple[Evidence, str] | Held:
    """The evidence by the rules in force and by the older ones, with what a merge must still bring."""
    origin = wanted.origin
    merged = view.world.source.commit is not None if origin is None else origin.in_main
    best = Evidence(kind="none", commit=origin.commit if origin else None)
    asked = [(required(view.book.spec_of(rule).policy), rule) for rule in view.book.for_pin(origin)]
    for kind, rule in sorted(asked, key=lambda each: _STRENGTH.index(each[0])):
        if not merged:
            continue
        found = find(origin, kind, rule)
        if isinstance(found, Lacking):
            return _held(view, wanted, "no-evidence", found.detail, found.next_step, "approver")
        best = found
    strongest = max((kind for kind, _ in asked), key=_STRENGTH.index)
    return best, "" if merged else to_bring(strongest)


# --- reasons -----------------------------------------------------------------------------------------------


def _held(view: View, wanted: Wanted, reason: str, detail: str, next_step: str, who: Who) -> Held:
    return Held(view.environment, wanted.model, wanted.pin.version, reason, detail, next_step, who)


def _awaits(view: View, wanted: Wanted) -> Held:
    detail = f"the gates of {view.environment} wait for its judgement"
    return _held(view, wanted, "judgement-missing", detail, "apply judges it first, then deploys it", "time")


def _recipe_changed(view: View, wanted: Wanted) -> Held | None:
    written = view.world.source.versions.get((wanted.model, wanted.pin.version or ""))
    if written is None:
        return None
    tried = wanted.artifact.recipe_digest if wanted.artifact else None
    bound = tried or view.world.applied_recipes.get((written.name, written.version))
    if bound in (None, recipe_digest(written.name, written.version, written.written_spec)):
        return None
    known = "trained" if wanted.digest else "merged"
    detail = f"{written.version} is immutable, and its recipe is not the one that was {known} ({written.place})"
    return _held(view, wanted, "immutable", detail, "put the recipe back, and add the next version", "author")


def _not_trained(view: View, wanted: Wanted) -> Held:
    detail = f"{wanted.model} {wanted.pin.version} has no artifact"
    step = f"pin it in {view.bench.environment} and let apply train it"
    return _held(view, wanted, "not-trained", detail, step, "author")


def _mismatch(view: View, wanted: Wanted) -> Held:
    detail = (
        f"the pin's digest {short_digest(wanted.pin.digest)} is not that of {wanted.model} {wanted.pin.version}"
        f" ({short_digest(wanted.digest)})"
    )
    step = f"reconciler promote {wanted.model} --to {view.environment} --version {wanted.pin.version}"
    return _held(view, wanted, "digest-mismatch", detail, step, "author")


def _missing(view: View, wanted: Wanted) -> Held:
    detail = f"the ledger has {short_digest(wanted.digest)}, and the artifact store has not; it is never retrained"
    return _held(view, wanted, "artifact-missing", detail, "restore the store from a copy", "operator")


def _target_unknown(view: View, wanted: Wanted) -> Held:
    detail = f"the target cannot be trusted: {view.target.detail}"
    return _held(view, wanted, "target-unknown", detail, "look at the target; nothing was touched", "operator")
