"""The public file of real invoices: what is known of it comes out, and what would be a leak does not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from reconciler.domain.jobs import JudgeJob, JudgeResult
from reconciler.tasks.customer_payment.outcomes import Outcomes
from reconciler.tasks.customer_payment.tables import load
from reconciler.training.judge import judge
from tests.support.receivables_small import real
from tests.training.made import SHA, quiet, recipe

pytestmark = pytest.mark.shared

#: The recipes that the document names, and one that overfits.
GOOD: dict[str, dict[str, float]] = {
    "logistic-regression": {},
    "hist-gradient-boosting": {"max_iter": 60, "learning_rate": 0.05},
    "random-forest": {"n_estimators": 100, "max_depth": 5, "min_samples_leaf": 10},
}
OVERFITS: dict[str, float] = {"max_iter": 200, "max_leaf_nodes": 31}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real(tmp_path_factory.mktemp("real"))


def _judged(folder: Path, kind: str, parameters: dict[str, float]) -> JudgeResult:
    spec = recipe(kind, parameters=parameters)
    job = JudgeJob(model="m", version="1.0.0", recipe=spec, exam={}, snapshot=SHA, snapshot_folder=str(folder))
    return judge(job, quiet)


def test_the_whole_file_has_the_published_outcomes(tmp_path: Path) -> None:
    tables = load(real(tmp_path, as_of=date(2014, 12, 31)))
    truth = Outcomes(0, 15).of_rows(tables.days("due_date"), tables.days("settled_date"))
    assert np.bincount(truth).tolist() == [1589, 681, 196]


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_each_estimator_beats_both_baselines_and_leaks_nothing(kind: str, folder: Path) -> None:
    found = _judged(folder, kind, GOOD[kind])
    assert (found.cut, found.figures.rows) == ("2013-04-22", 418)
    assert found.figures.log_loss <= 0.56
    assert found.figures.log_loss < min(each.log_loss for each in found.baselines.values())
    assert found.figures.accuracy < 0.83, "above the ceiling of this file: a leak"
    assert found.baselines["own-shares"].log_loss == pytest.approx(0.588, abs=0.001)


def test_too_many_rounds_of_boosting_do_worse_than_the_naive_shares(folder: Path) -> None:
    found = _judged(folder, "hist-gradient-boosting", OVERFITS)
    assert found.figures.log_loss > found.baselines["naive"].log_loss
