"""Parity is a condition of storing: conversions that are accepted and silently wrong are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.jobs import CardInput
from reconciler.domain.manifests import Estimator
from reconciler.tasks.customer_payment import estimators
from reconciler.tasks.customer_payment.features import FeatureTable
from reconciler.training import parity
from reconciler.training.export import export

INPUTS = [CardInput(name=name, type="float32", summary="") for name in ("one", "two")]


def _table(missing: float, rows: int = 600) -> tuple[FeatureTable, Any]:
    """Two numbers, some missing where asked; whether they are missing tells something of the outcome."""
    chance = np.random.default_rng(3)
    one, two = (chance.normal(0, 1, rows).astype(np.float32) for _ in range(2))
    truth = (one + two + chance.normal(0, 0.7, rows) > 0.8).astype(np.int64)
    gone = chance.random(rows) < missing * (0.5 + truth)
    return FeatureTable({"one": np.where(gone, np.float32(np.nan), one), "two": two}), truth


def _measured(estimator: Any, missing: float) -> parity.Parity:
    table, truth = _table(missing)
    inputs = ColumnTransformer([("numbers", "passthrough", ["one", "two"])])
    trained = Pipeline([("inputs", inputs), ("estimator", estimator)]).fit(table.frame(), truth)
    model = export(trained, INPUTS, ("on_time", "late"), {"name": "m", "version": "1.0.0", "fingerprint": "f"})
    return parity.measure(trained, model, INPUTS, table)


WRONG = {
    "random forest on native NaN": RandomForestClassifier(20, random_state=1),
    "decision tree on native NaN": DecisionTreeClassifier(max_depth=4, random_state=1),
    "imputation with an indicator": Pipeline(
        [("impute", SimpleImputer(add_indicator=True)), ("fit", LogisticRegression(C=10))]
    ),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_conversion_that_is_silently_wrong_on_missing_values_is_refused_with_its_figure(name: str) -> None:
    found = _measured(WRONG[name], missing=0.3)
    assert found.largest > 0.01
    with pytest.raises(AuthorMustFix, match="parity: the exported model differs from the trained one by 0"):
        parity.require(found, "mature rows")


def test_a_tuned_threshold_that_the_export_forgets_is_refused() -> None:
    found = _measured(TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy"), missing=0.0)
    with pytest.raises(AuthorMustFix, match="parity: the exported model"):
        parity.require(found, "mature rows")


def test_the_same_steps_without_missing_values_pass() -> None:
    assert parity.require(_measured(DecisionTreeClassifier(max_depth=4, random_state=1), missing=0.0), "rows") <= 1e-5


def test_a_difference_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(AuthorMustFix):
        parity.require(parity.Parity(10, float("nan"), 0), "rows")


@pytest.mark.parametrize("kind", ["hist-gradient-boosting", "random-forest", "logistic-regression"])
@pytest.mark.parametrize("outcomes", [2, 3])
def test_neighbouring_float32_values_and_odd_texts_keep_to_the_trained_model(kind: str, outcomes: int) -> None:
    """Splits between two neighbouring numbers are where a rounded threshold would show."""
    chance = np.random.default_rng(outcomes)
    start = np.float32(1.0).view(np.int32)
    near = (start + chance.integers(0, 40, 1500, dtype=np.int32)).view(np.float32)
    wide = chance.lognormal(5, 3, 1500).astype(np.float32)
    texts = np.array(chance.choice(["paper", "", "é", "日本"], 1500), dtype=object)
    truth = ((near > near.mean()).astype(np.int64) + (wide > 150) + (texts == "é")) % outcomes
    table = FeatureTable({"near": near, "text": texts, "wide": wide})
    inputs = [
        CardInput(name=name, type="string" if name == "text" else "float32", summary="") for name in table.columns
    ]
    customer = np.arange(1500) % 20
    written = Estimator(kind=kind, parameters={"max_depth": None} if kind == "random-forest" else {}, seed=1)
    trained = estimators.fit(written, table, truth, customer=customer)
    names = ("on_time", "late", "very_late")[:outcomes]
    model = export(trained, inputs, names, {"name": "m", "version": "1.0.0", "fingerprint": "f"})
    for rows in (table, parity.adversarial(table)):
        assert parity.require(parity.measure(trained, model, inputs, rows), "rows") <= 1e-5
