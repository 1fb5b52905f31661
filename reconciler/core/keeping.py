"""Which recorded copies have to be kept, and why; the others may go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.facts import World
from reconciler.domain.names import short_digest
from reconciler.domain.record import Artifact, Record
from reconciler.domain.snapshots import Snapshot


@dataclass(frozen=True)
class Keeping:
    """Copies that stay, each with the first reason, and those that may go, with why nothing needs them."""

    kept: Mapping[str, str]
    going: Mapping[str, str]


def keeping(world: World, trainer: str, window: timedelta) -> Keeping:
    """Of the copies in the training environment's ledger. Kept is what is newest of each environment copied, the one
    before (the leak guard compares with it), what a recipe on main names, what a pinned version was trained on, and
    what an artifact that served, or was trained, inside the rollback window was trained on."""
    record = world.ledgers[trainer]
    kept: dict[str, str] = {}
    for digest, why in (*_newest(record), *_named(world), *_trained_on(world, record, window)):
        kept.setdefault(digest, why)
    going: dict[str, str] = {}
    for snapshot in record.snapshots:
        if snapshot.digest not in kept:
            going[snapshot.digest] = _unneeded(record, snapshot, window)
    there = {snapshot.digest for snapshot in record.snapshots}
    return Keeping({digest: why for digest, why in kept.items() if digest in there}, going)


def _newest(record: Record) -> Iterator[tuple[str, str]]:
    there = [snapshot for snapshot in record.snapshots if snapshot.removed_at is None]
    for origin in dict.fromkeys(snapshot.copy_of for snapshot in reversed(there)):
        newest = [snapshot for snapshot in there if snapshot.copy_of == origin][-1]
        yield newest.digest, f"the newest copy of {origin}"
    digests = list(dict.fromkeys(snapshot.digest for snapshot in reversed(there)))
    yield from ((digest, "the one before, which the leak guard compares with") for digest in digests[1:2])


def _named(world: World) -> Iterator[tuple[str, str]]:
    for (model, version), written in sorted(world.source.versions.items()):
        if written.manifest.spec.data.snapshot != "latest":
            yield written.manifest.spec.data.snapshot, f"the recipe of {model} {version} names it"


def _trained_on(world: World, record: Record, window: timedelta) -> Iterator[tuple[str, str]]:
    pinned = {(model, pin.pin.version) for (_, model), pin in world.source.pins.items()}
    served = _served(world, window)
    for versions in record.artifacts.values():
        for artifact in versions.values():
            why = _needed(artifact, (artifact.model, artifact.version) in pinned, served, world.now - window)
            if artifact.snapshot is not None and why:
                yield artifact.snapshot, f"{artifact.model} {artifact.version} was trained on it, and {why}"


def _needed(artifact: Artifact, pinned: bool, served: Mapping[str, str], since: datetime) -> str:
    if pinned:
        return "is pinned"
    if artifact.digest in served:
        return served[artifact.digest or ""]
    recent = artifact.trained_at is not None and artifact.trained_at >= since
    return f"was trained on {artifact.trained_at:%Y-%m-%d}, inside the rollback window" if recent else ""


def _served(world: World, window: timedelta) -> dict[str, str]:
    """Artifact → where it serves, or served inside the rollback window."""
    found: dict[str, str] = {}
    for name, record in sorted(world.ledgers.items()):
        for deployment in record.deployments.values():
            for served in deployment.served:
                if served.last is None:
                    found.setdefault(served.digest, f"serves in {name}")
                elif world.now - served.last <= window:
                    found.setdefault(served.digest, f"served in {name} until {served.last:%Y-%m-%d}")
    return found


def _unneeded(record: Record, snapshot: Snapshot, window: timedelta) -> str:
    trained = [
        f"{artifact.model} {artifact.version}"
        for versions in record.artifacts.values()
        for artifact in versions.values()
        if artifact.snapshot == snapshot.digest and artifact.digest is not None
    ]
    if trained:
        return f"{', '.join(trained)} of {short_digest(snapshot.digest)} is not pinned, and left service more than {window.days} days ago"  # noqa: E501
    return "no model was trained on it, and a newer copy is there"
