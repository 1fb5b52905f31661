"""Source moves forward only: whatever writes a ledger reads a main that contains what was applied there last.

A tip older than that is stale; one beside it is a rewritten main, and the way out is to merge the old tip back.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.facts import World
from reconciler.domain.errors import NeedsPerson, PlanAgain
from reconciler.usecases.house import House


def forward_only(house: House, world: World, environments: Iterable[str]) -> str:
    """The commit of main that was read. Raises PlanAgain where it is older than the last source of one of these
    ledgers, NeedsPerson where it does not contain it."""
    tip = house.history.resolve(world.source.commit or "HEAD")
    for name in sorted(environments):
        last = world.ledgers[name].last_source
        if last is None or house.history.is_ancestor(last, tip):
            continue
        if not _is_known(house, last):
            raise NeedsPerson(
                f"main was rewritten: {name} was applied from {last[:12]}, which nobody here has any more",
                next_step=f"push it from a clone that has it to refs/reconciler/sources/{name}, then merge it back",
            )
        if house.history.is_ancestor(tip, last):
            raise PlanAgain(
                f"main is at {tip[:12]}, and {name} was applied from the newer {last[:12]}",
                next_step="fetch main, then plan again",
            )
        line = f"git merge -s ours {_unrelated(house, last, tip)}{last}"
        raise NeedsPerson(
            f"main was rewritten: {name} was applied from {last[:12]}, which main does not contain any more",
            next_step=f"merge it back: {line} (kept by refs/reconciler/sources/{name})",
        )
    return tip


def _unrelated(house: House, last: str, tip: str) -> str:
    """The option that git wants where the two have no common past."""
    return "" if house.history.merge_bases(tip, last) else "--allow-unrelated-histories "


def _is_known(house: House, commit: str) -> bool:
    try:
        house.history.resolve(commit)
    except NeedsPerson:
        return False
    return True
