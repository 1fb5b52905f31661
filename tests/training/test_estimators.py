"""Estimators take published parameters only, and learn no category that few have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Estimator
from reconciler.tasks.customer_payment.estimators import fit, parameters_of, used_inputs
from reconciler.tasks.customer_payment.features import FeatureTable
from reconciler.tasks.customer_payment.spec import SPEC


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("logistic-regression", {"C": 0}),
        ("logistic-regression", {"C": "1"}),
        ("logistic-regression", {"C": float("nan")}),
        ("logistic-regression", {"max_iter": 1.5}),
        ("logistic-regression", {"max_iter": True}),
        ("logistic-regression", {"n_jobs": 8}),
        ("hist-gradient-boosting", {"max_iter": 100_000}),
        ("hist-gradient-boosting", {"early_stopping": True}),
        ("hist-gradient-boosting", {"max_iter": None}),
        ("random-forest", {"max_features": 2.0}),
        ("perceptron", {}),
    ],
)
def test_a_parameter_that_is_not_published_or_outside_its_limits_is_refused(
    kind: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(AuthorMustFix):
        parameters_of(Estimator(kind=kind, parameters=parameters))


@pytest.mark.parametrize("kind", sorted(SPEC.estimators))
def test_every_default_is_inside_the_published_limits(kind: str) -> None:
    defaults = parameters_of(Estimator(kind=kind))
    assert parameters_of(Estimator(kind=kind, parameters=defaults)) == defaults


def test_early_stopping_is_off_whatever_the_number_of_rows() -> None:
    chance = np.random.default_rng(1)
    table = FeatureTable({"x": chance.normal(size=10_500).astype(np.float32)})
    truth = chance.integers(0, 2, 10_500)
    written = Estimator(kind="hist-gradient-boosting", parameters={"max_iter": 40})
    trained = fit(written, table, truth, customer=truth)
    assert trained.named_steps["estimator"].n_iter_ == 40


def test_a_category_of_few_rows_or_few_customers_is_no_column_of_the_model() -> None:
    rows = 300
    texts = np.array(["common"] * 200 + ["one customer"] * 91 + ["rare"] * 9, dtype=object)
    customer = np.where(texts == "one customer", -1, np.arange(rows))
    table = FeatureTable({"x": np.arange(rows, dtype=np.float32), "group": texts})
    trained = fit(Estimator(kind="logistic-regression"), table, np.arange(rows) % 2, customer=customer)
    assert used_inputs(trained) == {"x": [], "group": ["common"]}


def test_a_text_without_any_common_category_is_no_input() -> None:
    table = FeatureTable({"group": np.array([str(i) for i in range(60)], dtype=object)})
    with pytest.raises(AuthorMustFix, match="no feature is left"):
        fit(Estimator(kind="logistic-regression"), table, np.arange(60) % 2, customer=np.arange(60))


@pytest.mark.parametrize("last_below", [20, 21])
def test_rounding_splits_to_float32_changes_no_answer(last_below: int) -> None:
    """Halfway between two neighbours, a threshold rounded to even goes up for one of the two cases."""
    steps = np.arange(1500, dtype=np.int32) % 40
    near = (np.float32(1.0).view(np.int32) + steps).view(np.float32)
    truth = (steps > last_below).astype(np.int64)
    table = FeatureTable({"near": near})
    plain = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=4, early_stopping=False, random_state=1)
    plain.fit(near.reshape(-1, 1), truth)
    written = Estimator(kind="hist-gradient-boosting", parameters={"max_iter": 5, "max_leaf_nodes": 4}, seed=1)
    ours = fit(written, table, truth, customer=truth)
    np.testing.assert_array_equal(ours.predict_proba(table.frame()), plain.predict_proba(near.reshape(-1, 1)))
