"""Compare targets with what the ledger says. Read-only: `apply` heals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reconciler.core.facts import World
from reconciler.domain.names import short_digest
from reconciler.domain.record import Deployment
from reconciler.usecases.house import House
from reconciler.usecases.survey import Ask, survey

Kind = Literal["missing", "altered", "other", "unrecorded", "unknown", "ledger"]


@dataclass(frozen=True)
class Drift:
    """One model (None: the whole target) that a target does not hold as its ledger says."""

    environment: str
    model: str | None
    kind: Kind
    recorded: str | None
    found: str | None
    detail: str


def drift(house: House, *, environment: str | None = None) -> list[Drift]:
    """Every difference, with the bytes in the targets hashed."""
    world = survey(house, Ask(revision="HEAD", hash_targets=True))
    names = [environment] if environment else sorted(world.ledgers)
    return [found for name in names if name in world.ledgers for found in _environment(world, name)]


def next_steps(found: Sequence[Drift]) -> list[str]:
    """What to do about it, most urgent first: apply heals only what a ledger that can be trusted says."""
    kinds = {item.kind for item in found}
    lost = sorted({item.environment for item in found if item.kind == "ledger"})
    steps = [f"restore ledger/{name} from a copy; apply touches nothing before that" for name in lost]
    if "unknown" in kinds:
        steps.append("reconciler plan says what an unknown target needs")
    if kinds & {"missing", "altered", "other", "unrecorded"}:
        steps.append("reconciler apply heals what it can")
    return steps


def _environment(world: World, name: str) -> list[Drift]:
    target = world.targets[name]
    if name in world.rewritten:
        detail = f"the target remembers a commit that ledger/{name} does not contain: it is missing or was rewritten"
        return [Drift(name, None, "ledger", None, None, detail)]
    deployments = world.ledgers[name].deployments
    serving = any(deployment.digest for deployment in deployments.values())
    if target.status == "unknown" or (target.status == "empty" and serving):
        detail = target.detail or "the target is empty, and the ledger says that models are deployed"
        return [Drift(name, None, "unknown", None, None, detail)]
    found = [_model(world, name, model, deployments.get(model)) for model in sorted({*deployments, *target.models})]
    return [item for item in found if item is not None]


def _model(world: World, name: str, model: str, deployment: Deployment | None) -> Drift | None:
    held = world.targets[name].models.get(model)
    recorded = deployment.digest if deployment else None
    if held is None:
        lost = "the target does not hold it"
        return Drift(name, model, "missing", recorded, None, lost) if recorded else None
    if recorded is None:
        return Drift(name, model, "unrecorded", None, held.digest, "the target holds it, and the ledger does not")
    if not held.intact:
        return Drift(name, model, "altered", recorded, held.digest, held.detail or "its bytes were changed")
    if held.digest != recorded:
        other = f"the target holds {short_digest(held.digest)}, the ledger says {short_digest(recorded)}"
        return Drift(name, model, "other", recorded, held.digest, other)
    return None
