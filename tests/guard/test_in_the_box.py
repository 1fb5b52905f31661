"""The guard in the real box: the earlier snapshot can be read there."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.box import BoxedTrainer
from reconciler.domain.jobs import TrainResult
from reconciler.ports import BoxRules
from tests.support.receivables_small import small
from tests.training.made import quiet, recipe, train_job


@pytest.mark.real
def test_the_box_shows_a_training_the_earlier_snapshot_too(tmp_path: Path) -> None:
    for name in ("now", "earlier"):
        (tmp_path / name).mkdir()
        small(tmp_path / name, rows=300)
    job = train_job(tmp_path / "now", recipe(features={"include": ["customer-history"]}))
    asked = job.model_copy(update={"earlier_folder": str(tmp_path / "earlier")})
    with BoxedTrainer().run(asked, BoxRules(required=False), quiet) as ran:
        assert isinstance(ran.result, TrainResult), ran.result
        assert ran.result.guard is not None
        assert ran.result.guard.checks["earlier-snapshot"] == "passed: 300 invoices in both"
