"""What this machine and this repository can do, before something needs it: facts, each with its next step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from reconciler.core.rulebook import open_rulebook
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observed import Finding
from reconciler.domain.registry import is_registry
from reconciler.usecases.house import House
from reconciler.usecases.survey import Ask, survey


def doctor(house: House) -> list[Finding]:
    """Look at the machine, then at the repository: at what main says only where there is a main."""
    main = _safely("main", lambda: _main(house))
    return [*look_at(house.looks), main, *(_environments(house) if main.state == "ok" else ())]


def look_at(machine: Sequence[Callable[[], Finding]]) -> list[Finding]:
    """What the machine can do, by looks that need an adapter: what there is to say without a repository."""
    return [_safely("machine", look) for look in machine]


def _safely(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except ReconcilerError as error:
        return Finding(what, "error", error.message, error.next_step)


def _main(house: House) -> Finding:
    tip = house.history.main_tip()
    where = "the remote's, as last fetched" if house.history.has_remote() else "local"
    return Finding("main", "ok", f"{tip[:12]} ({where})")


def _environments(house: House) -> list[Finding]:
    try:
        world = survey(house, Ask(revision=house.history.main_tip()))
    except ReconcilerError as error:
        return [Finding("manifests", "error", error.message, error.next_step)]
    faults = [problem for problem in world.source.problems if problem.severity == "error"]
    found = [Finding("manifests", "error", f"{len(faults)} problems", "reconciler validate")] if faults else []
    for name in sorted(world.ledgers):
        book = open_rulebook(world, name)
        if book is None:
            continue
        target = world.targets[name]
        state: Literal["ok", "warning"] = "warning" if target.status == "unknown" else "ok"
        weak = " · evidence merge is weak: docs/limits.md" if book.spec.policy.evidence == "merge" else ""
        ledger = "has a ledger" if world.tips[name] else "no ledger yet: reconciler apply begins it"
        detail = f"{ledger} · target {target.status}{': ' + target.detail if target.detail else ''}{weak}"
        found.append(Finding(f"environment {name}", state, detail))
        if book.spec.training is not None and is_registry(book.spec.snapshots):
            found.append(_safely(f"snapshots of {name}", partial(_registry, house, name, book.spec.snapshots)))
    return found


def _registry(house: House, name: str, place: str) -> Finding:
    house.open_snapshots(place, house.progress).reach()
    return Finding(f"snapshots of {name}", "ok", f"{place} is allowed, answers, and lets snapshots be read")
