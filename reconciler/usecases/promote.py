"""Propose a version for an environment: the deployment below becomes a one-line change, version and digest."""

from __future__ import annotations

from reconciler.core.diff import trainer_of
from reconciler.core.facts import World
from reconciler.core.foresight import held_once_merged
from reconciler.core.rulebook import rulebooks
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.manifests import Pin
from reconciler.domain.names import short_digest
from reconciler.domain.problems import Place
from reconciler.domain.record import Deployment
from reconciler.domain.source import SourcePin
from reconciler.usecases.house import House
from reconciler.usecases.proposal import Proposal, propose_pin
from reconciler.usecases.survey import Ask, rulebook_of, survey


def promote(house: House, model: str, *, to: str, version: str | None = None, replace: bool = False) -> Proposal:
    """Make the branch `reconciler/promote/ENV/MODEL`. Raises AuthorMustFix where there is nothing to promote, a
    hold is set, or the version has not been deployed in the environment that `to` promotes from."""
    house.history.fetch()
    world = survey(house, Ask(revision=house.history.main_tip()))
    book = rulebook_of(world, to)
    below = book.spec.promotes_from
    if below is None or below not in world.ledgers:
        raise AuthorMustFix(
            f"{to} does not promote from another environment", next_step=f"pin it in the release of {to} yourself"
        )
    found_version, digest = _candidate(world, model, below, version)
    wanted = Pin(version=found_version, digest=digest)
    _refuse_if_held(world.source.pins.get((to, model)), wanted)
    message = f"Promote {model} {found_version} to {to}\n\n{found_version} ({digest}), as deployed in {below}.\n"
    proposal = propose_pin(
        house,
        world.source,
        environment=to,
        model=model,
        pin=wanted,
        branch=f"reconciler/promote/{to}/{model}",
        message=message,
        replace=replace,
        spec=book.spec,
    )
    holds = held_once_merged(world, SourcePin(to, model, wanted.model_dump(by_alias=True), Place(proposal.file)))
    facts = (*_facts(world, to, model, digest), *(f"held once merged: {held.detail}" for held in holds))
    return Proposal(**{**vars(proposal), "facts": facts})


def _refuse_if_held(pin: SourcePin | None, wanted: Pin) -> None:
    """Raise AuthorMustFix where the pin has a hold, or says what is wanted already."""
    if pin and pin.pin.hold:
        hold = pin.pin.hold
        raise AuthorMustFix(
            f"{pin.model} is on hold in {pin.environment} by {hold.by}: {hold.reason} ({pin.place})",
            next_step="take the hold out with a pull request first",
        )
    if pin and pin.pin == wanted:
        raise AuthorMustFix(
            f"{pin.environment} pins {pin.model} {wanted.version} already ({pin.place})",
            next_step="reconciler plan says what is left",
        )


def _candidate(world: World, model: str, below: str, version: str | None) -> tuple[str, str]:
    deployment = world.ledgers[below].deployments.get(model)
    if deployment is None or not deployment.served:
        raise AuthorMustFix(
            f"{model} has never been deployed in {below}", next_step=f"pin it in {below}, merge, reconciler apply"
        )
    if version is None:
        if deployment.version is None or deployment.digest is None:
            raise AuthorMustFix(f"{model} is withdrawn in {below}", next_step="name a --version that it served")
        return deployment.version, deployment.digest
    served = _served(deployment, version)
    if served is None:
        known = ", ".join(s.version for s in deployment.served)
        raise AuthorMustFix(
            f"{model} {version} has not been deployed in {below}", next_step=f"versions served there: {known}"
        )
    return version, served


def _served(deployment: Deployment, version: str) -> str | None:
    return next((s.digest for s in reversed(deployment.served) if s.version == version), None)


def _facts(world: World, to: str, model: str, digest: str) -> tuple[str, ...]:
    """What is known of the challenger by the exam of `to`, in a few lines."""
    books = rulebooks(world)
    trainer = trainer_of(books)
    if trainer is None:
        raise NeedsPerson("there is not exactly one training environment", next_step="reconciler validate")
    judgements = world.ledgers[trainer].judgements.get(to, {}).get(model, [])
    judged = [judgement for judgement in judgements if judgement.digest == digest]
    if not judged:
        return (f"{short_digest(digest)} has no judgement by {to}'s exam yet: apply makes one",)
    figures = judged[-1].figures
    return (f"judged: log-loss {figures.log_loss:.3f}, accuracy {figures.accuracy:.1%}, grade {figures.grade}",)
