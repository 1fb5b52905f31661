"""Synthetic rows that a stored model must answer as when it was stored.

Made from input types, the categories that the model knows and the training ranges rounded outwards to powers of two:
nothing of a customer is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reconciler.domain.jobs import CardInput, Probe
from reconciler.tasks.customer_payment.evaluation import floored
from reconciler.tasks.customer_payment.features import Column, FeatureTable

ROWS = 24
TOLERANCE = 1e-5
_DIGITS = 8


def make(trained: Any, inputs: Sequence[CardInput], table: FeatureTable, texts: Mapping[str, Sequence[str]]) -> Probe:
    """Seeded rows, and the probabilities that the trained model gives them. `texts`: categories by input."""
    random = np.random.default_rng(7)
    columns: dict[str, Column] = {}
    for each in inputs:
        if each.type == "float32":
            low, high = _coarse(np.asarray(table.columns[each.name], dtype=np.float32))
            columns[each.name] = random.uniform(low, high, ROWS).round(2).astype(np.float32)
        else:
            choices = [*texts.get(each.name, ()), "", "unseen"]
            columns[each.name] = np.array([choices[i % len(choices)] for i in range(ROWS)], dtype=np.object_)
    rows = FeatureTable(columns)
    expected = floored(trained.predict_proba(rows.frame())).round(_DIGITS)
    return Probe(inputs={name: _plain(values) for name, values in columns.items()}, expected=expected.tolist())


def _coarse(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The range, each end rounded away from zero to a power of two (at least 1)."""

    def outward(value: float) -> float:
        return float(2.0 ** np.ceil(np.log2(max(abs(value), 1.0))))

    low, high = float(values.min()), float(values.max())
    return (-outward(low) if low < 0 else 0.0), (outward(high) if high > 0 else 0.0)


def _plain(values: Column) -> list[float | str]:
    return [value if isinstance(value, str) else float(value) for value in values]


def rows_of(probe: Probe, inputs: Sequence[CardInput]) -> FeatureTable:
    """The probe's rows as a feature table. Raises ValueError or KeyError where they do not fit the inputs."""
    columns: dict[str, Column] = {}
    for each in inputs:
        values = probe.inputs[each.name]
        columns[each.name] = (
            np.array(values, dtype=np.float32) if each.type == "float32" else np.array(values, dtype=np.object_)
        )
    return FeatureTable(columns)
