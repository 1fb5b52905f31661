"""What one pass works with: the leases it holds, the ledgers as they stand, the rules in force, and who may stop it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.core.facts import World
from reconciler.core.fold import fold
from reconciler.core.rulebook import rulebooks
from reconciler.domain.jobs import Job
from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.receipts import Receipt
from reconciler.ports import ArtifactStore, BoxRules, LedgerState, Ran, SnapshotStore
from reconciler.usecases.house import House
from reconciler.usecases.leases import Leases


class Stop(Protocol):
    """Whether somebody asked to stop, and where stopping at once is safe."""

    def requested(self) -> bool: ...

    def interruptible(self) -> AbstractContextManager[None]:
        """Inside, a signal may end what runs: nothing has been stored yet."""


class NeverStop:
    """A `Stop` for those who are never asked."""

    def requested(self) -> bool:
        return False

    def interruptible(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass
class Run:
    """One pass of apply: the house, the leases, the ledgers as they stand, and the rules in force."""

    house: House
    leases: Leases
    source_commit: str | None
    states: dict[str, LedgerState]
    specs: Mapping[str, EnvironmentSpec]
    trainer: str
    stop: Stop

    def write(self, receipt: Receipt) -> Receipt:
        """Append a receipt to its ledger."""
        state = self.states[receipt.environment]
        self.states[receipt.environment] = self.house.ledger.append(state, receipt, fold(state.record, receipt))
        return receipt

    def stamp(self, environment: str) -> dict[str, Any]:
        """What every receipt of this run says."""
        return {
            "environment": environment,
            "source_commit": self.source_commit,
            "at": self.house.clock.now(),
            "by": self.house.who,
            "run_url": self.house.run_url,
        }

    def store(self, environment: str) -> ArtifactStore:
        return self.house.open_store(self.specs[environment].artifacts)

    def snapshots(self, environment: str, place: str | None = None) -> SnapshotStore:
        """Its snapshots, or those at another place; the lease is kept alive while a registry sends or gets them."""
        kept = self.leases.kept(environment, self.house.progress)
        return self.house.open_snapshots(place or self.specs[environment].snapshots, kept)

    def box(self, environment: str, job: Job) -> AbstractContextManager[Ran]:
        """Run a job by the limits of the rules in force; the lease is kept alive while it runs."""
        return self.house.trainer.run(job, box_rules(self.specs), self.leases.kept(environment, self.house.progress))


def begin_run(house: House, world: World, leases: Leases, *, trainer: str, stop: Stop | None = None) -> Run:
    """A run over a world that was just read; `trainer` is the environment that trains."""
    return Run(
        house=house,
        leases=leases,
        source_commit=world.source.commit,
        states={name: LedgerState(world.tips[name], world.ledgers[name]) for name in world.ledgers},
        specs={name: book.spec for name, book in rulebooks(world).items()},
        trainer=trainer,
        stop=stop or NeverStop(),
    )


def box_rules(specs: Mapping[str, EnvironmentSpec]) -> BoxRules:
    """How the training environment boxes its jobs, by its rules in force."""
    training = next((spec.training for spec in specs.values() if spec.training), None)
    if training is None:
        return BoxRules()
    limits = training.limits
    return BoxRules(training.isolation == "required", limits.memory, limits.processor, limits.wall)
