"""The ports and the settings of this run, gathered: what every use case is given. Built only in `__main__`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.domain.manifests import FolderTarget
    from reconciler.domain.observed import Finding
    from reconciler.domain.task import TaskSpec
    from reconciler.ports import (
        ArtifactStore,
        Branches,
        Clock,
        DataSource,
        History,
        Lease,
        Ledger,
        ManifestEditor,
        ManifestFiles,
        ManifestSource,
        Progress,
        Scorer,
        SnapshotStore,
        Target,
        Trainer,
    )


def silent(_label: str, _done: int, _total: int) -> None:
    """A `Progress` that shows nothing."""


@dataclass(frozen=True)
class House:
    """One repository and everything that reaches out of it.

    `root` is the main worktree: relative paths of environment files resolve from it. `who`, which `identify` finds out
    where something is written, and `run_url` go into receipts. The `open_…` functions build the adapter for a path or
    a target named by rules in force; snapshots may be in a registry, and the `Progress` is told of what is sent there
    and fetched. `scratch` is a snapshot store, and `unpack` a folder with the files it is given, both gone when their
    context ends.
    """

    root: Path
    source: ManifestSource
    history: History
    branches: Branches
    ledger: Ledger
    lease: Lease
    editor: ManifestEditor
    files: ManifestFiles
    data: DataSource
    trainer: Trainer
    clock: Clock
    tasks: Mapping[str, TaskSpec]
    open_store: Callable[[str], ArtifactStore]
    open_snapshots: Callable[[str, Progress], SnapshotStore]
    open_target: Callable[[str, FolderTarget], Target]
    scratch: Callable[[], AbstractContextManager[SnapshotStore]]
    unpack: Callable[[Mapping[str, bytes]], AbstractContextManager[Path]]
    scorer: Scorer
    identify: Callable[[], str]
    run_url: str | None = None
    progress: Progress = silent
    looks: tuple[Callable[[], Finding], ...] = ()

    @property
    def who(self) -> str:
        return self.identify()
