"""A small snapshot, and each estimator trained on it, once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.training.train import train
from tests.support.receivables_small import small
from tests.training.made import ESTIMATORS, quiet, recipe, train_job


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot's folder of 900 invoices of 30 customers."""
    return small(tmp_path_factory.mktemp("snapshot"))


@pytest.fixture(scope="session", params=sorted(ESTIMATORS))
def trained(request: pytest.FixtureRequest, snapshot: Path) -> dict[str, bytes]:
    """The artifact's files, once for each estimator."""
    return train(train_job(snapshot, recipe(request.param)), quiet)[1]


@pytest.fixture(scope="session")
def logistic(snapshot: Path) -> dict[str, bytes]:
    """The artifact's files of the logistic regression."""
    return train(train_job(snapshot), quiet)[1]
