"""What would hold a pin once its proposal is merged as it should be: the plan of that world, and no evidence asked."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.diff import diff
from reconciler.core.facts import Origin, World
from reconciler.domain.plan import Held
from reconciler.domain.source import SourcePin

_PASSES = frozenset({"judgement-missing", "rules-not-adopted"})  # apply judges first; the rules in force judge anyhow


def held_once_merged(world: World, pin: SourcePin) -> list[Held]:
    """What would hold `pin` in the world as it is but for a merge that sets it. Its artifact counts as stored."""
    key = (pin.environment, pin.model)
    merge = Origin(
        commit=world.source.commit or "",
        parents=2,
        branch_changed=True,
        in_main=False,
        adopted_before=len(world.ledgers[pin.environment].rules),
    )
    stored = world.stored.get(pin.environment, frozenset()) | ({pin.pin.digest} if pin.pin.digest else set())
    merged = replace(
        world,
        source=replace(world.source, pins={**world.source.pins, key: pin}),
        origins={**world.origins, key: merge},
        stored={**world.stored, pin.environment: stored},
        environments=frozenset({pin.environment}),
        models=frozenset({pin.model}),
    )
    found = (held for held in diff(merged).held if held.environment == pin.environment)
    return [held for held in found if held.reason not in _PASSES]
