"""Why a pin is held: evidence, policy, gates, and every reason with its words and next step (`docs/planning.md`)."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core import gates, judging
from reconciler.core.data_gates import freshened, more_of, not_whole, short_of, stale
from reconciler.core.evidence import EvidenceKind, Lacking, find, required, to_bring
from reconciler.core.identity import recipe_digest
from reconciler.core.view import View, Wanted
from reconciler.domain.manifests import EnvironmentSpec, Hold, Outcomes
from reconciler.domain.names import short_digest
from reconciler.domain.plan import Held, Judge, Who
from reconciler.domain.record import Deployment, Evidence, Rules, Served, Snapshot


def policy_holds(view: View, wanted: Wanted, rules: tuple[Rules, ...], back: Served | None) -> list[Held]:
    """What the policy, a hold, the store or the target have against a Deploy."""
    held: list[Held] = []
    if wanted.pin.digest is None and any(view.book.spec_of(r).policy.require_digest for r in rules):
        step = f"reconciler promote {wanted.model} --to {view.environment}"
        held.append(
            held_because(view, wanted, "digest-required", "the policy asks for a digest in the pin", step, "author")
        )
    hold = wanted.pin.hold
    if hold and back is None and (hold.until is None or view.world.now.date() < hold.until):
        held.append(_on_hold(view, wanted, hold))
    if wanted.digest is not None and wanted.digest not in view.stored:
        held.append(artifact_missing(view, wanted))
    if view.target.status == "unknown":
        held.append(target_unknown(view, wanted))
    return held


def _on_hold(view: View, wanted: Wanted, hold: Hold) -> Held:
    until = f" until {hold.until.isoformat()}" if hold.until else ""
    detail = f"held by {hold.by}{until}: {hold.reason}"
    who: Who = "time" if hold.until else "author"
    held = held_because(view, wanted, "hold", detail, "take the hold out of the pin with a pull request", who)
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


def gate_holds(view: View, wanted: Wanted, rules: tuple[Rules, ...]) -> list[Held]:
    """What the gates of each set of rules have against a Deploy that does not go back."""
    if wanted.digest is None:
        return [awaits_judgement(view, wanted)] if any(view.book.spec_of(r).gates for r in rules) else []
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
            return [awaits_judgement(view, wanted)]
        judgement = answer
    shut = gates.failures(spec.gates, judgement, deployed_below=_deployed_below(view, wanted, spec))
    serves = wanted.deployment is not None and wanted.deployment.digest is not None
    step = f"improve the model, or pin the version that {view.environment} serves" if serves else "improve the model"
    return [held_because(view, wanted, "gate", reason, step, "author") for reason in shut]


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


def evidence_of(view: View, wanted: Wanted) -> tuple[Evidence, str] | Held:
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
            return _no_evidence(view, wanted, found)
        best = found
    strongest = max((kind for kind, _ in asked), key=_STRENGTH.index)
    return best, "" if merged else to_bring(strongest)


def _no_evidence(view: View, wanted: Wanted, lacking: Lacking) -> Held:
    step = lacking.next_step()
    if view.book.spec.promotes_from is not None and wanted.pin.state == "deployed":
        back = goes_back(view, wanted.deployment, wanted.digest, view.book.for_pin(wanted.origin))
        command = _proposes(view, wanted, back=back is not None)
        step = lacking.next_step(f"run {command} again" if lacking.undo else f"run {command}")
    return held_because(view, wanted, "no-evidence", lacking.detail, step, "approver")


def _proposes(view: View, wanted: Wanted, *, back: bool) -> str:
    """The command that proposes what the pin says: going back to what served before is no promotion."""
    if back:
        return f"reconciler rollback {wanted.model} -e {view.environment} --to {wanted.pin.version}"
    return f"reconciler promote {wanted.model} --to {view.environment} --version {wanted.pin.version}"


# --- reasons -----------------------------------------------------------------------------------------------


def held_because(view: View, wanted: Wanted, reason: str, detail: str, next_step: str, who: Who) -> Held:
    """A hold of this pin."""
    return Held(view.environment, wanted.model, wanted.pin.version, reason, detail, next_step, who)


def awaits_judgement(view: View, wanted: Wanted) -> Held:
    """The gates wait for a Judge of this plan or of the next pass."""
    detail = f"the gates of {view.environment} wait for its judgement"
    return held_because(view, wanted, "judgement-missing", detail, "apply judges it first, then deploys it", "time")


def recipe_changed(view: View, wanted: Wanted) -> Held | None:
    """The hold of a version whose recipe is not the one that was trained or merged."""
    written = view.world.source.versions.get((wanted.model, wanted.pin.version or ""))
    if written is None:
        return None
    if wanted.artifact and view.world.is_as_trained(written, wanted.artifact):
        return None  # the same values give the same digest: nothing to compute for the thousands that did not change
    tried = wanted.artifact.recipe_digest if wanted.artifact else None
    bound = tried or view.world.applied_recipes.get((written.name, written.version))
    if bound in (None, recipe_digest(written.name, written.version, written.written_spec)):
        return None
    known = "trained" if wanted.digest else "merged"
    detail = f"{written.version} is immutable, and its recipe is not the one that was {known} ({written.place})"
    return held_because(view, wanted, "immutable", detail, "put the recipe back, and add the next version", "author")


def unfit_copy(view: View, wanted: Wanted, snapshot: Snapshot) -> Held | None:
    """The hold of a training on the newest copy, where that is too old or has lost rows."""
    limits, refresh = view.bench.limits, f"reconciler data refresh {view.environment}"
    if (detail := stale(snapshot, limits, view.world.now)) is not None:
        step = freshened(snapshot, limits, view.world.now, refresh)
        return held_because(view, wanted, "snapshot-stale", detail, step, "operator")
    if (partial := not_whole(snapshot, view.bench.record.snapshots, limits, refresh)) is not None:
        return held_because(view, wanted, "snapshot-partial", *partial, "operator")
    return None


def too_little(view: View, wanted: Wanted, snapshot: Snapshot, outcomes: Outcomes) -> Held | None:
    """The hold of a training that is sure to stop for want of rows, whatever chose its copy."""
    detail = short_of(snapshot, view.bench.limits.least, outcomes)
    if detail is None:
        return None
    step = more_of(f"reconciler data refresh {view.environment}")
    return held_because(view, wanted, "too-little-data", detail, step, "operator")


def not_trained(view: View, wanted: Wanted) -> Held:
    """The hold of a pin whose version has no artifact yet."""
    detail = f"{wanted.model} {wanted.pin.version} has no artifact"
    step = f"pin it in {view.bench.environment} and let apply train it"
    return held_because(view, wanted, "not-trained", detail, step, "author")


def digest_mismatch(view: View, wanted: Wanted) -> Held:
    """The hold of a pin whose digest is not that of its version."""
    detail = (
        f"the pin's digest {short_digest(wanted.pin.digest)} is not that of {wanted.model} {wanted.pin.version}"
        f" ({short_digest(wanted.digest)})"
    )
    step = f"reconciler promote {wanted.model} --to {view.environment} --version {wanted.pin.version}"
    return held_because(view, wanted, "digest-mismatch", detail, step, "author")


def artifact_missing(view: View, wanted: Wanted) -> Held:
    """The hold of an artifact that the ledger has and the store has not."""
    detail = f"the ledger has {short_digest(wanted.digest)}, and the artifact store has not; it is never retrained"
    return held_because(view, wanted, "artifact-missing", detail, "restore the store from a copy", "operator")


def target_unknown(view: View, wanted: Wanted) -> Held:
    """The hold of a target that cannot be trusted."""
    detail = f"the target cannot be trusted: {view.target.detail}"
    step = "look at the target (where it moved: copy the old folder there, marker included); nothing was touched"
    if view.target.anew:
        step += f"; only if it is lost for good, this lets apply fill it again from the store: {view.target.anew}"
    return held_because(view, wanted, "target-unknown", detail, step, "operator")
