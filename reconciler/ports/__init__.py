"""What the use cases ask of the world, as small Protocols. Adapters answer; `reconciler.testing` has the fakes.

Every method says what it raises. Errors are those of `domain.errors`: `PlanAgain` for a lost race,
`VerificationFailed` for bytes that are not what they should be, `NeedsPerson` and `RetryLater` for the rest.

A name is loaded when it is first asked for: most modules name ports only in annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.ports.git import (
        Branches,
        Commit,
        Entry,
        History,
        Intent,
        Lease,
        LeaseState,
        Ledger,
        LedgerState,
        ManifestSource,
        Trees,
    )
    from reconciler.ports.stores import (
        ArtifactStore,
        BadRow,
        DataSource,
        Did,
        Extract,
        Fault,
        Finding,
        SnapshotStore,
        Target,
    )
    from reconciler.ports.work import (
        Beginnings,
        BoxRules,
        Clock,
        ManifestEditor,
        ManifestFiles,
        Progress,
        Ran,
        Sample,
        Scorer,
        TableLook,
        Trainer,
        Trial,
        Trials,
    )

__all__ = [
    "ArtifactStore",
    "BadRow",
    "Beginnings",
    "BoxRules",
    "Branches",
    "Clock",
    "Commit",
    "DataSource",
    "Did",
    "Entry",
    "Extract",
    "Fault",
    "Finding",
    "History",
    "Intent",
    "Lease",
    "LeaseState",
    "Ledger",
    "LedgerState",
    "ManifestEditor",
    "ManifestFiles",
    "ManifestSource",
    "Progress",
    "Ran",
    "Sample",
    "Scorer",
    "SnapshotStore",
    "TableLook",
    "Target",
    "Trainer",
    "Trees",
    "Trial",
    "Trials",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from reconciler.ports import git  # what every command needs

        if hasattr(git, name):
            return getattr(git, name)
        from reconciler.ports import stores, work

        return getattr(stores if hasattr(stores, name) else work, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
