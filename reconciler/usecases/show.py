"""Everything that git knows of one model version: its recipe, artifact, judgements, and where it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.core.changes import Change, changes
from reconciler.core.facts import World
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.masks import in_words
from reconciler.domain.names import version_key
from reconciler.domain.record import Artifact, Judgement
from reconciler.domain.source import SourceVersion
from reconciler.usecases.house import House
from reconciler.usecases.survey import Ask, survey


@dataclass(frozen=True)
class Served:
    """That an environment serves it, or has."""

    environment: str
    digest: str
    first: datetime
    last: datetime | None
    revoked: bool


@dataclass(frozen=True)
class Shown:
    """One model version. `previous` and `changed` compare its recipe with the version before it. `masks`: how the
    copy that it was trained on is masked, as the ledger has it; None where it does not say."""

    model: str
    version: str
    written: SourceVersion | None
    artifact: Artifact | None
    judgements: tuple[Judgement, ...]
    served: tuple[Served, ...]
    previous: str | None
    changed: tuple[Change, ...]
    masks: Mapping[str, str] | None = None


def show(house: House, named: str) -> Shown:
    """Show `MODEL@VERSION`, or the newest version of `MODEL`. Raises AuthorMustFix where git knows no such version."""
    model, _, version = named.partition("@")
    world = survey(house, Ask(revision="HEAD"))
    version = version or _newest(world, model)
    written = world.source.versions.get((model, version))
    artifact = next((a for r in world.ledgers.values() if (a := r.artifacts.get(model, {}).get(version))), None)
    if written is None and artifact is None:
        raise AuthorMustFix(f"there is no {model}@{version}", next_step=_known(world, model))
    before = _before(world, model, version)
    return Shown(
        model=model,
        version=version,
        written=written,
        artifact=artifact,
        judgements=_judgements(world, model, artifact),
        served=_served(world, model, version),
        previous=before.version if before else None,
        changed=tuple(changes(before.written_spec, written.written_spec)) if before and written else (),
        masks=_masks(world, artifact),
    )


def _masks(world: World, artifact: Artifact | None) -> Mapping[str, str] | None:
    every = (snapshot for record in world.ledgers.values() for snapshot in record.snapshots)
    found = next((each for each in every if artifact and each.digest == artifact.snapshot), None)
    return None if found is None or found.masks is None else in_words(found.masks)


def _versions(world: World, model: str) -> list[str]:
    written = {version for name, version in world.source.versions if name == model}
    trained = {version for record in world.ledgers.values() for version in record.artifacts.get(model, {})}
    return sorted(written | trained, key=version_key)


def _newest(world: World, model: str) -> str:
    versions = _versions(world, model)
    if not versions:
        raise AuthorMustFix(f"there is no model {model!r}", next_step=_known(world, model))
    return versions[-1]


def _known(world: World, model: str) -> str:
    versions = _versions(world, model)
    if versions:
        return f"versions of {model}: {', '.join(versions)}"
    models = sorted({name for name, _ in world.source.versions})
    return f"models here: {', '.join(models) or 'none'}"


def _before(world: World, model: str, version: str) -> SourceVersion | None:
    older = [v for v in _versions(world, model) if version_key(v) < version_key(version)]
    found = [world.source.versions[(model, v)] for v in older if (model, v) in world.source.versions]
    return found[-1] if found else None


def _judgements(world: World, model: str, artifact: Artifact | None) -> tuple[Judgement, ...]:
    found = [
        judgement
        for record in world.ledgers.values()
        for models in record.judgements.values()
        for judgement in models.get(model, [])
        if artifact and judgement.digest == artifact.digest
    ]
    return tuple(sorted(found, key=lambda judgement: judgement.at))


def _served(world: World, model: str, version: str) -> tuple[Served, ...]:
    return tuple(
        Served(
            environment=name,
            digest=served.digest,
            first=served.first,
            last=served.last,
            revoked=served.revoked,
        )
        for name, record in sorted(world.ledgers.items())
        if (deployment := record.deployments.get(model))
        for served in deployment.served
        if served.version == version
    )
