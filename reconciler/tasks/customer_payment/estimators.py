"""Estimators as scikit-learn pipelines whose conversion to ONNX is known to be right.

Only steps whose converted graph was found equal are used: one-hot of named categories, min-max scaling with
clipping, and the three estimators. No imputation: the feature table is never NaN. Parameters come from the
published list alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Estimator
from reconciler.domain.task import ParameterSpec
from reconciler.tasks.customer_payment.features import FeatureTable
from reconciler.tasks.customer_payment.outcomes import Days
from reconciler.tasks.customer_payment.spec import SPEC

#: A category is a column of the model when this many rows of this many customers have it; at most `_MOST` are.
_LEAST_ROWS, _LEAST_CUSTOMERS, _MOST = 10, 3, 100

_LINEAR = frozenset({"logistic-regression"})
_DEFAULTS: dict[str, dict[str, Any]] = {
    "logistic-regression": {"C": 0.3, "max_iter": 1000},
    "hist-gradient-boosting": {"max_iter": 60, "max_leaf_nodes": 4},
    "random-forest": {"n_estimators": 200, "max_depth": 8, "min_samples_leaf": 5, "max_features": 0.5},
}


def parameters_of(estimator: Estimator) -> dict[str, Any]:
    """Defaults and what the author wrote, checked against the published list. Raises AuthorMustFix."""
    spec = SPEC.estimators.get(estimator.kind)
    if spec is None:
        raise AuthorMustFix(
            f"there is no estimator {estimator.kind}", next_step=f"estimators are {', '.join(SPEC.estimators)}"
        )
    for name, value in estimator.parameters.items():
        if name not in spec.parameters:
            raise AuthorMustFix(
                f"{estimator.kind} has no parameter {name}", next_step=f"parameters are {', '.join(spec.parameters)}"
            )
        _check(name, value, spec.parameters[name])
    return {**_DEFAULTS[estimator.kind], **estimator.parameters}


def _check(name: str, value: object, spec: ParameterSpec) -> None:
    kinds: dict[str, tuple[type, ...]] = {"whole": (int,), "number": (int, float), "flag": (bool,), "text": (str,)}
    right = isinstance(value, kinds[spec.type]) and (spec.type == "flag" or not isinstance(value, bool))
    if value is None and spec.nullable:
        return
    if right and isinstance(value, int | float):
        low = spec.minimum is None or value >= spec.minimum
        right = low and (spec.maximum is None or value <= spec.maximum)
    if not right or (spec.choices and value not in spec.choices):
        raise AuthorMustFix(
            f"parameter {name} is not a {spec.type} from {spec.minimum} to {spec.maximum}",
            next_step="write a value inside these limits",
        )


def fit(estimator: Estimator, table: FeatureTable, truth: Days, *, customer: Days) -> Pipeline:
    """A fitted pipeline over the table's columns; `predict_proba` has a column per outcome. Seeded.

    `customer`: a number per row, equal for rows of one customer; only used to leave out categories that few have.
    """
    parameters = parameters_of(estimator)
    pipeline = Pipeline(
        [
            ("inputs", _inputs(estimator.kind, table, customer)),
            ("estimator", _BUILD[estimator.kind](parameters, estimator.seed)),
        ]
    )
    pipeline.fit(table.frame(), truth)
    if estimator.kind == "hist-gradient-boosting":
        _round_splits(pipeline.named_steps["estimator"])
    return pipeline


def _round_splits(boosting: HistGradientBoostingClassifier) -> None:
    """Every split's threshold becomes the largest float32 that is not above it.

    Inputs are float32, so that no answer changes; but a graph's thresholds are float32, and one rounded upwards
    would let the next larger input pass.
    """
    for predictor in (each for round_ in boosting._predictors for each in round_):
        exact = predictor.nodes["num_threshold"]
        near = exact.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf), dtype=np.float32)
        predictor.nodes["num_threshold"] = np.where(near > exact, below, near)


def used_inputs(pipeline: Pipeline) -> dict[str, list[str]]:
    """The features that a fitted pipeline reads, each with its categories (none for a number)."""
    out: dict[str, list[str]] = {}
    for _, step, names in pipeline.named_steps["inputs"].transformers_:
        if isinstance(step, OneHotEncoder):
            out[names[0]] = [str(category) for category in step.categories_[0]]
        elif step != "drop":
            out |= {name: [] for name in names}
    return out


def _inputs(kind: str, table: FeatureTable, customer: Days) -> ColumnTransformer:
    """Texts one-hot over what is common enough; numbers for a linear model scaled to the range of the fitted rows and
    clipped there, for trees as they are: a scaled value rounded otherwise could fall on the other side of a split."""
    numbers = [name for name, values in table.columns.items() if values.dtype == np.float32]
    steps: list[tuple[str, Any, list[str]]] = []
    if numbers:
        steps.append(("numbers", MinMaxScaler(clip=True) if kind in _LINEAR else "passthrough", numbers))
    for name, values in table.columns.items():
        categories = _categories(values, customer) if values.dtype == object else []
        if categories:
            known = [np.array(categories, dtype=object)]
            encoder = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False, dtype=np.float32)
            steps.append((f"text_{name}", encoder, [name]))
    if not steps:
        raise AuthorMustFix(
            "no feature is left: no category is common enough",
            next_step="include features that are numbers, such as customer-history",
        )
    return ColumnTransformer(steps, remainder="drop", sparse_threshold=0.0)


def _categories(values: npt.NDArray[Any], customer: Days) -> list[str]:
    names, codes = np.unique(values.astype(str), return_inverse=True)
    rows = np.bincount(codes, minlength=len(names))
    pairs = np.unique(np.stack([codes, customer]), axis=1)
    customers = np.bincount(pairs[0], minlength=len(names))
    common = [i for i in range(len(names)) if rows[i] >= _LEAST_ROWS and customers[i] >= _LEAST_CUSTOMERS]
    common.sort(key=lambda i: (-rows[i], names[i]))
    return sorted(str(names[i]) for i in common[:_MOST])


def _logistic(parameters: Mapping[str, Any], seed: int) -> LogisticRegression:
    return LogisticRegression(random_state=seed, **parameters)


def _boosting(parameters: Mapping[str, Any], seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **parameters)


def _forest(parameters: Mapping[str, Any], seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(random_state=seed, n_jobs=1, **parameters)


_BUILD: dict[str, Callable[[Mapping[str, Any], int], Any]] = {
    "logistic-regression": _logistic,
    "hist-gradient-boosting": _boosting,
    "random-forest": _forest,
}
