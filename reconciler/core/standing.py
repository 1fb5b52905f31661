"""What of a plan may be done now, and what exit code its holds ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.plan import VERIFICATION_REASONS, Action, Held, Judge, Plan


def runnable(plan: Plan) -> tuple[Action, ...]:
    """The actions that wait for nothing."""
    return tuple(action for action in plan.actions if not action.pending)


def without_automatic(plan: Plan, specs: Mapping[str, EnvironmentSpec]) -> Plan:
    """The plan with the actions of `autoApply: false` environments held: only a saved plan is applied there."""
    kept: list[Action] = []
    held = list(plan.held)
    for action in plan.actions:
        spec = specs.get(action.environment)
        if isinstance(action, Judge) or spec is None or spec.auto_apply:
            kept.append(action)
        else:
            held.append(_asks_for_a_plan(action))
    return replace(plan, actions=tuple(kept), held=tuple(held))


def _asks_for_a_plan(action: Action) -> Held:
    environment = action.environment
    return Held(
        environment=environment,
        model=getattr(action, "model", None),
        version=getattr(action, "version", None),
        reason="saved-plan-only",
        detail=f"{environment} has autoApply: false",
        next_step=f"reconciler plan -e {environment} --out FILE, look at it, reconciler apply FILE",
        who="operator",
    )


def exit_of_held(held: tuple[Held, ...]) -> int:
    """5 where bytes or records are wrong, 3 where a person must clear a hold, 0 where time does."""
    if any(item.reason in VERIFICATION_REASONS for item in held):
        return 5
    return 3 if any(item.who != "time" for item in held) else 0
