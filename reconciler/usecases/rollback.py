"""Propose the version that was served before, once its bytes are proved: stored, unaltered, and answering the probe."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.diff import trainer_of
from reconciler.core.facts import World
from reconciler.core.rulebook import rulebooks
from reconciler.domain.errors import AuthorMustFix, VerificationFailed
from reconciler.domain.jobs import CheckJob, CheckResult, JobFailure
from reconciler.domain.manifests import EnvironmentSpec, Pin
from reconciler.domain.names import short_digest
from reconciler.domain.record import Deployment, Served
from reconciler.usecases.house import House
from reconciler.usecases.proposal import Proposal, propose_pin
from reconciler.usecases.run import box_rules
from reconciler.usecases.survey import Ask, rulebook_of, survey


def rollback(house: House, model: str, *, environment: str, to: str | None = None, replace: bool = False) -> Proposal:
    """Make the branch `reconciler/rollback/ENV/MODEL`. Raises AuthorMustFix where there is nothing to go back to,
    VerificationFailed where the older artifact is gone, altered, or does not answer its probe."""
    house.history.fetch()
    world = survey(house, Ask(revision=house.history.main_tip()))
    book = rulebook_of(world, environment)
    served = _earlier(world, model, environment, to, book.spec)
    probe = prove(house, world, environment, model, served)
    pin = Pin(version=served.version, digest=served.digest)
    proposal = propose_pin(
        house,
        world.source,
        environment=environment,
        model=model,
        pin=pin,
        branch=f"reconciler/rollback/{environment}/{model}",
        message=f"Roll {model} back to {served.version} in {environment}\n\n{served.version} ({served.digest}), "
        f"served here from {served.first:%Y-%m-%d}.\n",
        spec=book.spec,
        replace=replace,
    )
    fact = f"{short_digest(served.digest)} is stored, unaltered, and answers its probe (largest difference {probe:.1e})"
    return Proposal(**{**vars(proposal), "facts": (fact,)})


def _earlier(world: World, model: str, environment: str, to: str | None, spec: EnvironmentSpec) -> Served:
    """The newest bytes served before that may be gone back to, or those of version `to`."""
    deployment = world.ledgers[environment].deployments.get(model)
    window = spec.policy.rollback_window
    candidates = [
        served
        for served in (deployment.served if deployment else [])
        if served.last is not None and not served.revoked and world.now - served.last <= window
        if deployment and served.digest != deployment.digest
    ]
    chosen = [served for served in candidates if to is None or served.version == to]
    if chosen:
        return max(chosen, key=lambda served: served.last or served.first)
    wanted = f"{model} {to}" if to else f"an earlier version of {model}"
    withdraw = f"to take it out, pin {model}: {{state: withdrawn}} in the release of {environment}"
    if deployment is not None and deployment.digest is None:
        raise AuthorMustFix(
            f"{model} was withdrawn from {environment}: serving it again is no way back",
            next_step=_pin_again(deployment, environment, to, spec),
        )
    known = ", ".join(sorted({served.version for served in candidates}))
    raise AuthorMustFix(
        f"{environment} has not served {wanted} inside its rollback window (or has left it by going back)",
        next_step=f"versions to go back to: {known}" if known else withdraw,
    )


def _pin_again(deployment: Deployment, environment: str, to: str | None, spec: EnvironmentSpec) -> str:
    """How a model that was withdrawn is served again: as any version is that is new to the environment."""
    versions = list(dict.fromkeys(served.version for served in reversed(deployment.served)))
    version = to or (versions[0] if versions else "VERSION")
    if spec.promotes_from is None:
        return f"pin a version of it in the release of {environment} (it served {', '.join(versions) or 'none'})"
    return f"reconciler promote {deployment.model} --to {environment} --version {version}"


def prove(house: House, world: World, environment: str, model: str, served: Served) -> float:
    """The largest difference from the probe's expected answers. Raises VerificationFailed where it cannot be had."""
    books = rulebooks(world)
    trainer = trainer_of(books)
    paths = [books[environment].spec.artifacts, *([books[trainer].spec.artifacts] if trainer else [])]
    store = next((s for path in paths if (s := house.open_store(path)).has(served.digest)), None)
    if store is None:
        raise VerificationFailed(
            f"the artifact {short_digest(served.digest)} of {model} {served.version} is not in the store",
            next_step="restore the store from a copy; it is never retrained",
        )
    files = store.files(served.digest)
    specs = {name: book.spec for name, book in books.items()}
    return probe(house, files, f"{model}@{served.version}", specs)


def probe(house: House, files: Mapping[str, bytes], named: str, specs: Mapping[str, EnvironmentSpec]) -> float:
    """Check and probe verified files in the box. Raises VerificationFailed with what the box said."""
    model, _, version = named.partition("@")
    with house.unpack(files) as folder:
        job = CheckJob(model=model, version=version, artifact_folder=str(folder))
        with house.trainer.run(job, box_rules(specs), house.progress) as ran:
            result = ran.result
    if isinstance(result, CheckResult):
        return result.probe
    reason = result.reason if isinstance(result, JobFailure) else "the box answered something else"
    raise VerificationFailed(f"{model} {version} did not pass its check: {reason}", next_step="reconciler verify")
