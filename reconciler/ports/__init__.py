"""What the use cases ask of the world, as small Protocols. Adapters answer; `reconciler.testing` has the fakes.

Every method says what it raises. Errors are those of `domain.errors`: `PlanAgain` for a lost race,
`VerificationFailed` for bytes that are not what they should be, `NeedsPerson` and `RetryLater` for the rest.
"""

from __future__ import annotations

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
]
