"""A `House` of fakes: everything that a use case is given, in memory."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.domain.manifests import FolderTarget
from reconciler.ports import Progress
from reconciler.testing.clock import FakeClock
from reconciler.testing.documents import TASK
from reconciler.testing.git import FakeGit, FakeHistory
from reconciler.testing.ledger import FakeLease, FakeLedger, Identity, Leases
from reconciler.testing.manifests import FakeEditor, FakeFiles, FakeSource
from reconciler.testing.stores import FakeData, FakeScorer, FakeSnapshots, FakeStore
from reconciler.testing.target import FakeTarget
from reconciler.testing.trainer import FakeTrainer
from reconciler.usecases.house import House, silent


@dataclass
class Fakes:
    """One world of fakes. Stores, snapshots and targets appear when they are opened, by path."""

    git: FakeGit = field(default_factory=FakeGit)
    clock: FakeClock = field(default_factory=FakeClock)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    trainer: FakeTrainer = field(default_factory=FakeTrainer)
    data: FakeData = field(default_factory=FakeData)
    scorer: FakeScorer = field(default_factory=FakeScorer)
    files: FakeFiles = field(default_factory=FakeFiles)
    stores: dict[str, FakeStore] = field(default_factory=dict)
    snapshots: dict[str, FakeSnapshots] = field(default_factory=dict)
    targets: dict[str, FakeTarget] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leases = Leases()
        self.source = FakeSource(self.git)

    def open_store(self, path: str) -> FakeStore:
        """The store at a path."""
        return self.stores.setdefault(path, FakeStore())

    def open_snapshots(self, path: str, progress: Progress = silent) -> FakeSnapshots:  # noqa: ARG002
        """The snapshots at a path."""
        return self.snapshots.setdefault(path, FakeSnapshots())

    def open_target(self, environment: str, target: FolderTarget) -> FakeTarget:  # noqa: ARG002
        """The target at a path."""
        return self.targets.setdefault(target.path, FakeTarget())

    def lease(self, *, holder: str = "somebody", host: str = "laptop", process: int = 1) -> FakeLease:
        """Leases as one holder takes them."""
        return FakeLease(self.leases, self.clock, Identity(holder, host, process=process))


def fake_house(fakes: Fakes, *, who: str = "somebody", lease: FakeLease | None = None) -> House:
    """A house over these fakes for one person; two houses over the same fakes race."""
    return House(
        root=Path("/repository"),
        source=fakes.source,
        history=FakeHistory(fakes.git),
        branches=fakes.git,
        ledger=fakes.ledger,
        lease=lease or fakes.lease(holder=who),
        editor=FakeEditor(),
        files=fakes.files,
        data=fakes.data,
        trainer=fakes.trainer,
        clock=fakes.clock,
        tasks={TASK.name: TASK},
        open_store=fakes.open_store,
        open_snapshots=fakes.open_snapshots,
        open_target=fakes.open_target,
        scratch=lambda: nullcontext(FakeSnapshots()),
        unpack=lambda _files: nullcontext(Path("unpacked")),
        scorer=fakes.scorer,
        identify=lambda: who,
    )
