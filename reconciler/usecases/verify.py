"""Check everything that can be checked: ledgers' chains, stores' blobs, targets' bytes, cards and probes, snapshots.

Read-only. What is found is a list of faults, each with its place and the next step; none means that all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.facts import World
from reconciler.core.fold import fold
from reconciler.core.rulebook import rulebooks
from reconciler.domain.errors import ReconcilerError, VerificationFailed
from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.names import short_digest
from reconciler.domain.record import Record
from reconciler.ports import Fault
from reconciler.usecases.house import House
from reconciler.usecases.rollback import probe
from reconciler.usecases.survey import Ask, survey

_INDEX = "restore the store's index.json from a backup or another copy of the store"


_LEDGER = "restore ledger/{} from a copy"


@dataclass(frozen=True)
class Verified:
    """What was checked, by kind, and every fault that was found."""

    checked: Mapping[str, int]
    faults: tuple[Fault, ...]


def verify(house: House) -> Verified:
    """Verify all environments at the tip of main."""
    world = survey(house, Ask(revision=house.history.main_tip(), hash_targets=True))
    specs = {name: book.spec for name, book in rulebooks(world).items()}
    counts = {"ledger commits": 0, "artifacts": 0, "targets": 0, "snapshots": 0}
    faults: list[Fault] = []
    for name in sorted(world.ledgers):
        counts["ledger commits"] += _chain(house, name, faults)
    for path in sorted({spec.artifacts for spec in specs.values()}):
        faults += house.open_store(path).verify()
    counts["artifacts"] = _artifacts(house, world, specs, faults)
    for name in specs:
        counts["targets"] += 1
        faults += _target(world, name)
    counts["snapshots"] = _snapshots(house, world, specs, faults)
    return Verified(counts, tuple(faults))


def _chain(house: House, environment: str, faults: list[Fault]) -> int:
    """Replay the receipts and compare every tree with what they add up to."""
    record, number = Record(environment=environment), 0
    try:
        for commit, receipt, tree in house.ledger.trees(environment):
            number += 1
            record = fold(record, receipt)
            if record != tree:
                where = f"ledger/{environment} {commit[:12]}"
                faults.append(Fault(where, "its tree is not what its receipts add up to", "restore it from a copy"))
                record = tree
    except ReconcilerError as error:
        faults.append(Fault(f"ledger/{environment}", error.message, error.next_step))
    return number


def _artifacts(house: House, world: World, specs: Mapping[str, EnvironmentSpec], faults: list[Fault]) -> int:
    """Every artifact that a ledger knows is stored, and its model answers its card's probe in the box."""
    number = 0
    kept = (
        each
        for record in world.ledgers.values()
        for versions in record.artifacts.values()
        for each in versions.values()
    )
    total = sum(each.digest is not None for each in kept)
    for name, record in sorted(world.ledgers.items()):
        for versions in record.artifacts.values():
            for artifact in versions.values():
                if artifact.digest is None or name not in specs:
                    continue
                house.progress("checking artifacts", number, total)
                number += 1
                named = f"{artifact.model}@{artifact.version}"
                try:
                    store = house.open_store(specs[name].artifacts)
                    probe(house, store.files(artifact.digest), named, specs)
                    if artifact.fingerprint and store.find(artifact.fingerprint) != artifact.digest:
                        raise VerificationFailed("the store's index does not name it", next_step=_INDEX)
                except ReconcilerError as error:
                    where = f"{named} {short_digest(artifact.digest)}"
                    faults.append(Fault(where, error.message, error.next_step))
    return number


def _target(world: World, name: str) -> Iterable[Fault]:
    found = world.targets[name]
    serving = {d.model: d for d in world.ledgers[name].deployments.values() if d.digest}
    if name in world.rewritten:
        yield Fault(
            f"target of {name}", f"it remembers a commit that ledger/{name} does not contain", _LEDGER.format(name)
        )
        return  # apply refuses here: what the target should hold cannot be told by this ledger
    if serving and found.status != "known":
        yield Fault(f"target of {name}", found.detail or "it holds nothing", "reconciler drift says more")
        return
    for model, deployment in sorted(serving.items()):
        held = found.models.get(model)
        if held is None or held.digest != deployment.digest or not held.intact:
            what = held.detail or "it holds other bytes than the ledger says" if held else "it is not there"
            yield Fault(f"target of {name}: {model}", what, "reconciler apply heals it")


def _snapshots(house: House, world: World, specs: Mapping[str, EnvironmentSpec], faults: list[Fault]) -> int:
    """What cannot be asked, as a registry that does not answer, is no fault; it is raised where there is none."""
    number = 0
    for name, record in sorted(world.ledgers.items()):
        there = [snapshot for snapshot in record.snapshots if snapshot.removed_at is None]
        if name not in specs or not there:
            continue
        store = house.open_snapshots(specs[name].snapshots, house.progress)
        for done, snapshot in enumerate(there):
            house.progress("checking snapshots", done, len(there))
            number += 1
            try:
                store.check(snapshot.digest)
            except ReconcilerError as error:
                if not isinstance(error, VerificationFailed) and not faults:
                    raise
                faults.append(Fault(f"snapshot {short_digest(snapshot.digest)}", error.message, error.next_step))
    return number
