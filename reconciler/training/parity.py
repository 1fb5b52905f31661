"""Whether the exported bytes are the trained model: onnxruntime against scikit-learn on the same float32 table.

A condition of storing: conversions exist that are accepted and silently wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.jobs import CardInput
from reconciler.scoring.session import Session
from reconciler.tasks.customer_payment.evaluation import floored
from reconciler.tasks.customer_payment.features import Column, FeatureTable

LARGEST_DIFFERENCE = 1e-5
TIE = 2e-5
_ROWS = 400


@dataclass(frozen=True)
class Parity:
    """`largest`: difference of any probability; `disagreements`: rows called otherwise that are no tie."""

    rows: int
    largest: float
    disagreements: int


def measure(trained: Any, model: bytes, inputs: Sequence[CardInput], table: FeatureTable) -> Parity:
    """Compare a fitted classifier (classes 0, 1, … in the outcomes' order) with its ONNX on a table's rows."""
    ours = np.asarray(Session(model, inputs).probabilities(table), dtype=np.float64)
    frame = table.frame()
    with np.errstate(all="ignore"):  # the ends of float32 overflow on the way to the clip
        theirs, called = floored(trained.predict_proba(frame)), np.asarray(trained.predict(frame))
    difference = np.abs(ours - theirs).max(initial=0.0) if np.isfinite(ours).all() else np.inf
    ordered = np.sort(theirs, axis=1)
    tie = ordered[:, -1] - ordered[:, -2] <= TIE
    other = ours.argmax(axis=1) != called
    return Parity(len(table), float(difference), int((other & ~tie).sum()))


def require(parity: Parity, rows: str) -> float:
    """The largest difference. Raises AuthorMustFix naming the figure where the two are not the same model."""
    if not parity.largest <= LARGEST_DIFFERENCE:
        raise AuthorMustFix(
            f"parity: the exported model differs from the trained one by {parity.largest:.3g} on {rows}, "
            f"at most {LARGEST_DIFFERENCE:g} is allowed",
            next_step="choose another estimator or other parameters; nothing was stored",
        )
    if parity.disagreements:
        raise AuthorMustFix(
            f"parity: the exported model calls {parity.disagreements} of {parity.rows} {rows} otherwise than the "
            "trained one",
            next_step="choose another estimator or other parameters; nothing was stored",
        )
    return parity.largest


def adversarial(table: FeatureTable, rows: int = _ROWS) -> FeatureTable:
    """Rows made to differ: the ends of float32 and of the fitted range, zeros, negatives, unseen and odd texts."""
    random = np.random.default_rng(20)
    return FeatureTable({name: _odd(values, random, rows) for name, values in table.columns.items()})


def _odd(values: Column, random: np.random.Generator, rows: int) -> Column:
    if values.dtype == np.float32:
        numbers = np.asarray(values, dtype=np.float32)
        return random.choice(_odd_numbers(numbers), size=rows).astype(np.float32)
    texts = ["", " ", "unseen", "ÆØÅ", "日本語", "\U0001f4c4", "a" * 300, "0", "nan", "USD ", "\t"]
    texts += sorted({str(value) for value in values})[:20]
    return np.array([texts[i] for i in random.integers(0, len(texts), size=rows)], dtype=np.object_)


def _odd_numbers(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    info = np.finfo(np.float32)
    low, high = values.min(), values.max()
    middle = np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9]).astype(np.float32)
    near = [np.nextafter(v, np.float32(s), dtype=np.float32) for v in (low, high, *middle) for s in (-np.inf, np.inf)]
    fixed = [info.max, info.min, info.tiny, -info.tiny, info.smallest_subnormal, 1e30, -1e30, 0.0, -0.0, -1.0, 1.0]
    chosen = np.unique(values)[:: max(1, len(np.unique(values)) // 50)]
    return np.concatenate([np.array([*fixed, low, high, *middle, *near], dtype=np.float32), chosen])
