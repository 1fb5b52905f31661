"""A plan as JSON values, in the stable format of `plan -o json`: what views print and saved plans hold."""

from __future__ import annotations

from typing import Any, assert_never

from reconciler.domain.plan import Action, Adopt, DataState, Deploy, Heal, Held, Judge, Plan, Train, Withdraw

FORMAT_VERSION = 1
KINDS = ("train", "judge", "deploy", "withdraw", "heal", "adopt")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan in its published form; keys are snake_case, unknown values null."""
    actions = [action_document(action) for action in plan.actions]
    summary: dict[str, int] = {kind: sum(a["action"] == kind for a in actions) for kind in KINDS}
    return {
        "format_version": FORMAT_VERSION,
        "source_commit": plan.source_commit,
        "ledgers": dict(plan.ledgers),
        "actions": actions,
        "held": [held_document(held) for held in plan.held],
        "summary": {**summary, "held": len(plan.held), "unchanged": plan.unchanged},
        "notes": list(plan.notes),
        "data": [data_document(state) for state in plan.data],
    }


def action_kind(action: Action) -> str:
    """The word for an action: `train`, `judge`, `deploy`, `withdraw`, `heal` or `adopt`."""
    return type(action).__name__.lower()


def action_document(action: Action) -> dict[str, Any]:
    """One action; on a Judge `environment` is the ledger that is written and `for` names whose exam it is."""
    common: dict[str, Any] = {"action": action_kind(action), "environment": action.environment}
    end: dict[str, Any] = {"reason": action.reason, "pending": action.pending or None}
    match action:
        case Adopt():
            return {**common, "model": None, "version": None, "digest": None, **end}
        case Train():
            return {**common, "model": action.model, "version": action.version, "digest": None, **end}
        case Judge():
            named = {"model": action.model, "version": action.version, "digest": action.digest}
            return {**common, "for": action.for_environment, **named, "champion": action.champion, **end}
        case Deploy():
            wanted = {"model": action.model, "version": action.version, "digest": action.digest}
            return {**common, **wanted, "going_back": action.going_back, "evidence": action.evidence.kind, **end}
        case Withdraw() | Heal():
            return {**common, "model": action.model, "version": action.version, "digest": action.digest, **end}
        case _:
            assert_never(action)


def data_document(state: DataState) -> dict[str, Any]:
    """The state of one gate on data."""
    return {
        "environment": state.environment,
        "gate": state.gate,
        "state": state.state,
        "detail": state.detail,
        "next_step": state.next_step or None,
        "holds_in_days": state.holds_in_days,
    }


def held_document(held: Held) -> dict[str, Any]:
    """One thing that is held."""
    return {
        "environment": held.environment or None,
        "model": held.model,
        "version": held.version,
        "reason": held.reason,
        "detail": held.detail,
        "next_step": held.next_step,
        "who": held.who,
        "until": held.until.isoformat() if held.until else None,
    }
