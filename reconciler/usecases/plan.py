"""Show what would be done. Read-only: reads git, the ledgers, and the targets that can be reached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.changes import version_changes
from reconciler.core.diff import diff
from reconciler.core.facts import World
from reconciler.core.identity import canonical, digest_of
from reconciler.core.plan_format import FORMAT_VERSION, action_document, plan_document
from reconciler.domain.errors import AuthorMustFix, PlanAgain
from reconciler.domain.plan import Plan
from reconciler.domain.source import Source
from reconciler.usecases.house import House
from reconciler.usecases.survey import Ask, refuse_unknown, survey


@dataclass(frozen=True)
class Planned:
    """A plan and the world it was made from."""

    plan: Plan
    world: World


def plan(house: House, ask: Ask) -> Planned:
    """Plan a revision (or the working tree). Raises what reading raises, and AuthorMustFix for an unknown environment
    or model; manifest faults are in the plan as held."""
    world = survey(house, ask)
    refuse_unknown(world)
    made = diff(world)
    return Planned(replace(made, notes=tuple(_notes(house, world))), world)


def _notes(house: House, world: World) -> list[str]:
    """What changed in files that were applied before, field by field, with what follows from it."""
    source = world.source
    if world.models is not None:
        chosen = {key: version for key, version in source.versions.items() if key[0] in world.models}
        source = replace(source, versions=chosen)
    return version_changes(_last_applied(house, world), source)


def _last_applied(house: House, world: World) -> Source | None:
    """The newest source that a planned environment was applied from; None where that is the planned one."""
    names = [name for name in world.ledgers if world.environments is None or name in world.environments]
    here = world.source.commit
    newest: str | None = None
    for commit in sorted({last for name in names if (last := world.ledgers[name].last_source)}):
        if commit == here:
            return None
        if house.history.is_ancestor(commit, here or "HEAD"):
            newest = commit if newest is None or house.history.is_ancestor(newest, commit) else newest
    return house.source.read(newest) if newest else None


# --- saved plans -------------------------------------------------------------------------------------------


def saved_plan(planned: Planned, ask: Ask) -> bytes:
    """A plan as a file that `apply PLAN` takes: the published form, what was asked, and a digest of all that."""
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": "reconciler-plan",
        "environments": sorted(ask.environments) if ask.environments is not None else None,
        "models": sorted(ask.models) if ask.models is not None else None,
        "plan": plan_document(planned.plan),
    }
    document["digest"] = digest_of(canonical(document))
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read_saved(content: bytes, name: str) -> dict[str, Any]:
    """Read a saved plan. Raises AuthorMustFix for a file that is none, PlanAgain for one of another format or that
    was changed since."""
    try:
        document = json.loads(content)
        shape = isinstance(document, dict) and document["kind"] == "reconciler-plan"
        plan_part = document["plan"] if shape else None
        fits = isinstance(plan_part, dict) and all(key in plan_part for key in ("source_commit", "ledgers", "actions"))
    except (ValueError, KeyError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise AuthorMustFix(f"{name} is not a saved plan", next_step="reconciler plan --out FILE writes one")
    if document.get("format_version") != FORMAT_VERSION:
        raise PlanAgain(f"{name} was written in another format", next_step="plan again with this reconciler")
    for key in ("environments", "models"):
        value = document.get(key)
        if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise AuthorMustFix(f"{name} is not a saved plan", next_step="reconciler plan --out FILE writes one")
    told = document.pop("digest", None)
    if told != _digest(document):
        raise PlanAgain(
            f"{name} is not as it was written: something was changed, added or taken out",
            next_step="plan again: reconciler plan --out FILE",
        )
    return dict(document)


def _digest(document: object) -> str | None:
    """The digest of a saved plan's content; None for what nobody can have written."""
    try:
        return digest_of(canonical(document))
    except (ValueError, TypeError, RecursionError):
        return None


def refuse_unless_same(saved: Mapping[str, Any], now: Plan) -> None:
    """Raise PlanAgain unless source, ledgers and actions are what the saved plan saw, and none is pending."""
    before = saved["plan"]
    actions = before["actions"] if isinstance(before["actions"], list) else []
    if any(isinstance(action, dict) and action.get("pending") for action in actions):
        raise PlanAgain("this plan waits for a merge", next_step="merge the pull request, then plan again")
    if before["source_commit"] != now.source_commit:
        raise PlanAgain(
            f"main moved from {_short(before['source_commit'])} to {_short(now.source_commit)} since this plan",
            next_step="plan again",
        )
    for environment, tip in now.ledgers.items():
        old = before["ledgers"].get(environment) if isinstance(before["ledgers"], dict) else None
        if old != tip:
            raise PlanAgain(
                f"ledger/{environment} moved from {_short(old)} to {_short(tip)} since this plan",
                next_step="plan again",
            )
    if before["actions"] != [action_document(action) for action in now.actions]:
        raise PlanAgain("the actions are not those of this plan any more", next_step="plan again")


def _short(commit: object) -> str:
    return commit[:12] if isinstance(commit, str) else "nothing"
