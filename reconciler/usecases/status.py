"""What every environment serves, and how that compares with what is wanted and with what the target holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reconciler.core.diff import diff
from reconciler.core.facts import World
from reconciler.domain.plan import Deploy, Heal, Plan, Withdraw
from reconciler.domain.record import Deployment, Evidence, Rules, Snapshot
from reconciler.usecases.house import House
from reconciler.usecases.survey import Ask, survey

Sync = Literal["synced", "out-of-sync", "held", "unknown"]
Health = Literal["healthy", "drifted", "missing", "unknown"]


@dataclass(frozen=True)
class ModelStatus:
    """One model in one environment; `version` is the one that is recorded as served, `wanted` the one that is pinned,
    or `withdrawn` where the pin says so."""

    model: str
    version: str | None
    digest: str | None
    wanted: str | None
    since: datetime | None
    source_commit: str | None
    evidence: Evidence | None
    sync: Sync
    health: Health
    detail: str


@dataclass(frozen=True)
class EnvironmentStatus:
    """One environment: its models, the rules in force, and the newest snapshot where it has one."""

    environment: str
    models: tuple[ModelStatus, ...]
    rules: Rules | None
    first_rules: bool
    snapshot: Snapshot | None


def status(house: House, *, revision: str = "HEAD") -> list[EnvironmentStatus]:
    """The status of every environment at a revision. Reads git, and the targets that can be reached."""
    world = survey(house, Ask(revision=revision))
    plan = diff(world)
    return [_environment(world, plan, name) for name in sorted(world.ledgers)]


def _environment(world: World, plan: Plan, name: str) -> EnvironmentStatus:
    record = world.ledgers[name]
    pins = {model for environment, model in world.source.pins if environment == name}
    return EnvironmentStatus(
        environment=name,
        models=tuple(_model(world, plan, name, model) for model in sorted({*pins, *record.deployments})),
        rules=record.in_force,
        first_rules=len(record.rules) == 1,
        snapshot=record.newest_snapshot,
    )


def _model(world: World, plan: Plan, name: str, model: str) -> ModelStatus:
    deployment = world.ledgers[name].deployments.get(model)
    pin = world.source.pins.get((name, model))
    sync, detail = _sync(plan, name, model)
    return ModelStatus(
        model=model,
        version=deployment.version if deployment else None,
        digest=deployment.digest if deployment else None,
        wanted=pin.pin.version or pin.pin.state if pin else None,
        since=deployment.since if deployment else None,
        source_commit=deployment.source_commit if deployment else None,
        evidence=deployment.evidence if deployment else None,
        sync=sync,
        health=_health(world, name, model, deployment),
        detail=detail,
    )


def _sync(plan: Plan, name: str, model: str) -> tuple[Sync, str]:
    for held in plan.held:
        if held.environment == name and held.model in (model, None):
            return ("unknown" if held.reason == "target-unknown" else "held"), held.detail
    for action in plan.actions:
        if isinstance(action, (Deploy, Withdraw)) and (action.environment, action.model) == (name, model):
            return "out-of-sync", action.reason
        if isinstance(action, Heal) and (action.environment, action.model) == (name, model):
            return "synced", action.reason
    return "synced", ""


def _health(world: World, name: str, model: str, deployment: Deployment | None) -> Health:
    target = world.targets[name]
    found = target.models.get(model)
    wanted = deployment.digest if deployment else None
    if target.status == "unknown":
        return "unknown"
    if wanted is None:
        return "healthy" if found is None else "drifted"
    if found is None:
        return "unknown" if target.status == "empty" else "missing"
    return "healthy" if found.digest == wanted and found.intact else "drifted"
