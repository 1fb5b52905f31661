"""Propose the next patch version: the same recipe, for fresher data, other libraries or a new task revision."""

from __future__ import annotations

from reconciler.core.diff import trainer_of
from reconciler.core.facts import World
from reconciler.core.rulebook import rulebooks
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.manifests import Pin
from reconciler.domain.names import version_key
from reconciler.domain.record import Artifact
from reconciler.domain.source import SourceVersion
from reconciler.usecases.house import House
from reconciler.usecases.proposal import Proposal, changed_lines, next_steps, release_file, write_branch
from reconciler.usecases.survey import Ask, survey


def retrain(house: House, model: str, *, replace: bool = False) -> Proposal:
    """Make the branch `reconciler/retrain/MODEL`: a copy of the pinned version under the next patch number, and the
    training environment's pin. Raises AuthorMustFix where nothing that decides an artifact has changed."""
    house.history.fetch()
    world = survey(house, Ask(revision=house.history.main_tip()))
    books = rulebooks(world)
    trainer = trainer_of(books)
    if trainer is None or world.source.commit is None:
        raise NeedsPerson("there is not exactly one training environment", next_step="reconciler validate")
    base = _base(world, trainer, model)
    why = _why(house, world, trainer, base)
    version = _next_patch(world, base)
    file = f"manifests/models/{model}/{version}.yaml"
    recipe = house.branches.read_file(world.source.commit, base.place.file) or b""
    release = release_file(world.source, trainer, model)
    before = house.branches.read_file(world.source.commit, release) or b""
    after = house.editor.set_pin(before, model, Pin(version=version), release)
    files = {file: house.editor.set_version(recipe, version, base.place.file), release: after}
    branch = f"reconciler/retrain/{model}"
    message = f"Retrain {model} as {version}\n\nThe recipe of {base.version}; {why}.\n"
    commit, replaced = write_branch(house, branch, world.source.commit, files, message=message, replace=replace)
    removed, added = changed_lines(before, after)
    steps = next_steps(house, branch, trainer, books[trainer].spec)
    facts = (f"{file}: the recipe of {base.version}; {why}",)
    return Proposal(branch, commit, release, removed, added, steps, facts=facts, replaced=replaced)


def _base(world: World, trainer: str, model: str) -> SourceVersion:
    pin = world.source.pins.get((trainer, model))
    found = world.source.versions.get((model, pin.pin.version or "")) if pin else None
    if found is None:
        raise AuthorMustFix(
            f"{trainer} does not pin {model}", next_step=f"pin a version of it in the release of {trainer}"
        )
    return found


def _why(house: House, world: World, trainer: str, base: SourceVersion) -> str:
    """What has changed since the version was trained. Raises AuthorMustFix where nothing has."""
    artifact = world.ledgers[trainer].artifacts.get(base.name, {}).get(base.version)
    if artifact is None or artifact.digest is None:
        raise AuthorMustFix(
            f"{base.name} {base.version} has not been trained yet", next_step="reconciler apply trains it"
        )
    reasons = _reasons(house, world, trainer, base, artifact)
    if not reasons:
        raise AuthorMustFix(
            f"retraining {base.name} {base.version} {_nothing_new(world, trainer, base, artifact)}",
            next_step=f"reconciler data refresh {trainer}, then retrain",
        )
    return " and ".join(reasons)


def _reasons(house: House, world: World, trainer: str, base: SourceVersion, artifact: Artifact) -> list[str]:
    newest = world.ledgers[trainer].newest_snapshot
    task = world.tasks[base.manifest.spec.task]
    follows = base.manifest.spec.data.snapshot == "latest"
    reasons = []
    if follows and newest is not None and newest.digest != artifact.snapshot:
        before = _data_date(world, trainer, artifact)
        if newest.data_date >= before:
            kind = "a newer snapshot," if newest.data_date > before else "another snapshot"
            reasons.append(f"{kind} of {newest.data_date}")
    if task.revision != artifact.task_revision:
        reasons.append(f"revision {task.revision} of the task")
    if house.trainer.lock_digest() != artifact.lock_digest:
        reasons.append("other libraries")
    return reasons


def _nothing_new(world: World, trainer: str, base: SourceVersion, artifact: Artifact) -> str:
    newest, before = world.ledgers[trainer].newest_snapshot, _data_date(world, trainer, artifact)
    if base.manifest.spec.data.snapshot == "latest" and newest is not None and newest.data_date < before:
        return (
            f"brings nothing new: the last copy's data ends on {newest.data_date}, "
            f"and it was trained on data until {before}"
        )
    return "gives the same bytes: snapshot, task and libraries are the same"


def _data_date(world: World, trainer: str, artifact: Artifact) -> str:
    """The last day that the data knew on which the artifact was trained, in ISO form; empty where it is not known."""
    snapshots = world.ledgers[trainer].snapshots
    return next((snapshot.data_date for snapshot in snapshots if snapshot.digest == artifact.snapshot), "")


def _next_patch(world: World, base: SourceVersion) -> str:
    taken = {version for name, version in world.source.versions if name == base.name}
    major, minor, patch = version_key(base.version)[:3]
    while f"{major}.{minor}.{patch}" in taken:
        patch += 1
    return f"{major}.{minor}.{patch}"
