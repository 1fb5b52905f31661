"""Fakes of the ports, shipped: everything a use case needs, in memory, honest to the contracts in `ports.py`.

They run the same contract suites as the real adapters. Nothing of the reconciler itself imports them.
"""

from reconciler.testing.clock import START, FakeClock
from reconciler.testing.documents import (
    GATES,
    TASK,
    environment,
    environment_path,
    model_version,
    release,
    release_path,
    signers,
    signers_path,
    version_path,
)
from reconciler.testing.git import FakeGit, FakeHistory
from reconciler.testing.house import Fakes, fake_house
from reconciler.testing.ledger import FakeLease, FakeLedger, Identity, Leases
from reconciler.testing.manifests import FakeEditor, FakeFiles, FakeSource
from reconciler.testing.stores import FakeData, FakeScorer, FakeSnapshots, FakeStore
from reconciler.testing.target import FakeTarget
from reconciler.testing.trainer import FakeTrainer, figures

__all__ = [
    "GATES",
    "START",
    "TASK",
    "FakeClock",
    "FakeData",
    "FakeEditor",
    "FakeFiles",
    "FakeGit",
    "FakeHistory",
    "FakeLease",
    "FakeLedger",
    "FakeScorer",
    "FakeSnapshots",
    "FakeSource",
    "FakeStore",
    "FakeTarget",
    "FakeTrainer",
    "Fakes",
    "Identity",
    "Leases",
    "environment",
    "environment_path",
    "fake_house",
    "figures",
    "model_version",
    "release",
    "release_path",
    "signers",
    "signers_path",
    "version_path",
]
