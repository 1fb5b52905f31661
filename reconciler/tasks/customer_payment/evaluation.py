"""How well probabilities did on rows whose outcomes are known: the figures of `domain.record.Figures`.

Formulas and sources are in docs/task-customer-payment.md. Pure arithmetic on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from reconciler.domain.record import Figures, OutcomeFigures

FLOOR = 1e-6


def floored(probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Each at least 1e-6, rows summing to 1: what the exported graph does, for what has no graph."""
    raised = np.maximum(np.asarray(probabilities, dtype=np.float64), FLOOR)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def figures(truth: npt.NDArray[np.int64], probabilities: npt.ArrayLike, names: Sequence[str]) -> Figures:
    """Figures of `probabilities` [rows, outcomes] on rows whose outcome is `truth` (position in `names`)."""
    p = floored(probabilities)
    called = p.argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (truth, called), 1)
    actual = np.eye(len(names))[truth]
    return from_confusion(
        confusion,
        names,
        log_loss=float(-np.log(p[np.arange(len(p)), truth]).mean()),
        brier=float(((p - actual) ** 2).sum(axis=1).mean()),
    )


def from_confusion(confusion: npt.NDArray[np.int64], names: Sequence[str], *, log_loss: float, brier: float) -> Figures:
    """The figures that follow from a confusion matrix [true, called], with the two that do not."""
    rows = int(confusion.sum())
    right, actual, called = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = [2 * r / (a + c) if a + c else 0.0 for r, a, c in zip(right, actual, called, strict=True)]
    accuracy = float(right.sum() / rows)
    return Figures(
        rows=rows,
        accuracy=accuracy,
        macro_f1=float(np.mean(f1)),
        log_loss=log_loss,
        brier=brier,
        grade=grade(accuracy, actual / rows),
        outcomes={
            name: OutcomeFigures(rows=int(a), precision=_share(r, c), recall=_share(r, a))
            for name, r, a, c in zip(names, right, actual, called, strict=True)
        },
        confusion=[[int(cell) for cell in line] for line in confusion],
        order=list(names),
    )


def _share(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None


def grade(accuracy: float, shares: npt.ArrayLike) -> Literal["A", "B", "C", "D"]:
    """AI Builder's grade: k = (accuracy − s) / (1 − s), s the sum of squared shares. A from 0.8, B from 0.5, C from
    0.1; D below (worse than chance) and from 0.98 on (too good to be true: a leak)."""
    s = float((np.asarray(shares, dtype=np.float64) ** 2).sum())
    k = (accuracy - s) / (1 - s) if s < 1 else 0.0
    if k >= 0.98 or k < 0.1:
        return "D"
    if k >= 0.8:
        return "A"
    return "B" if k >= 0.5 else "C"
