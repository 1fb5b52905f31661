"""Remove copies that nothing needs: list them, ask, record, remove.

The receipt is written first: what it names is not used from then on, and a run that was killed before the files were
gone is completed by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.core.facts import World
from reconciler.core.fold import fold
from reconciler.core.keeping import keeping
from reconciler.core.rulebook import rulebooks
from reconciler.domain.receipts import SweepReceipt
from reconciler.domain.snapshots import Snapshot
from reconciler.usecases.data import training
from reconciler.usecases.forward import forward_only
from reconciler.usecases.house import House
from reconciler.usecases.leases import Leases
from reconciler.usecases.survey import Ask, rulebook_of, survey


@dataclass(frozen=True)
class Going:
    """A copy that may go: how many bytes that frees, and why nothing needs it."""

    snapshot: Snapshot
    size: int
    why: str


@dataclass(frozen=True)
class Swept:
    """What stays with its reasons, what may go, and whether it went."""

    environment: str
    kept: Mapping[str, str]
    going: tuple[Going, ...]
    done: bool
    snapshots: tuple[Snapshot, ...]


def sweep(house: House, *, confirm: Callable[[Swept], bool] | None) -> Swept:
    """Remove the training environment's unneeded copies if `confirm` agrees; None: only say what would go. Raises
    PlanAgain while another run, such as an apply, holds the lease."""
    house.history.fetch()
    environment = training(house.source.read(house.history.main_tip()))
    if confirm is None:
        return _found(house, survey(house, Ask(revision=house.history.main_tip())), environment)
    with Leases(house) as leases:
        leases.take([environment])
        house.history.fetch()
        world = survey(house, Ask(revision=house.history.main_tip()))
        forward_only(house, world, [environment])
        found = _found(house, world, environment)
        if not found.going or not confirm(found):
            return found
        leases.renew(environment)
        _remove(house, world, found)
    return Swept(environment, found.kept, found.going, True, found.snapshots)


def _found(house: House, world: World, environment: str) -> Swept:
    books = rulebooks(world)
    window = max(spec.policy.rollback_window for book in books.values() for spec in (book.spec, book.recorded_spec))
    found = keeping(world, environment, window)
    record = world.ledgers[environment]
    store = house.open_snapshots(rulebook_of(world, environment).spec.snapshots, house.progress)
    there = store.sizes(list(found.going))
    of = {snapshot.digest: snapshot for snapshot in record.snapshots}
    going = tuple(Going(of[digest], size, found.going[digest]) for digest, size in there.items())
    stay = tuple(of[digest] for digest in found.kept)
    return Swept(environment, found.kept, going, False, stay)


def _remove(house: House, world: World, found: Swept) -> None:
    state = house.ledger.read(found.environment)
    fresh = [going.snapshot.digest for going in found.going if going.snapshot.removed_at is None]
    if fresh:
        receipt = SweepReceipt(
            environment=found.environment,
            source_commit=world.source.commit,
            at=house.clock.now(),
            by=house.who,
            run_url=house.run_url,
            removed=fresh,
        )
        house.ledger.append(state, receipt, fold(state.record, receipt))
    store = house.open_snapshots(rulebook_of(world, found.environment).spec.snapshots, house.progress)
    store.remove([going.snapshot.digest for going in found.going])
