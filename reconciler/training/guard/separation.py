"""Whether one raw field alone tells the outcomes apart: by itself, and beyond what the customer's history tells.

Skill is 1 − log-loss / log-loss of the naive shares, each row scored by what was fitted on the other three quarters
of time. A field's own model is the smallest that there is: shares per category, or a tree of depth 2. What a field
adds to history is measured the same way, on top of probabilities from the honest point-in-time history alone: within
each cell of the field these are moved to what is seen there. Rows beyond a limit are sampled, seeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from reconciler.tasks.customer_payment.evaluation import FLOOR, floored
from reconciler.tasks.customer_payment.outcomes import Days
from reconciler.training.guard.fields import View

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_BLOCKS = 4
_WEIGHT = 5.0  # how many rows the shares of all weigh in those of one cell
_DEVIATIONS = 3.0  # what a field adds has to be this many standard errors from nothing


@dataclass(frozen=True)
class Question:
    """The rows that are asked about: their outcome, which quarter of time they are of, how many outcomes there are,
    and what is said of them without any field (`naive`)."""

    truth: Days
    block: Days
    outcomes: int
    naive: Numbers

    def quarters(self) -> Iterator[tuple[Mask, Mask]]:
        """Where to fit and where to ask, for each quarter of time that has rows."""
        for each in range(_BLOCKS):
            if bool((self.block == each).any()):
                yield self.block != each, self.block == each

    @property
    def naive_loss(self) -> float:
        return _loss(self.naive, self.truth)


def question(truth: Days, day: Days, outcomes: int) -> Question:
    """Rows in quarters of equal size by `day`."""
    order = np.argsort(day, kind="stable")
    block = np.empty(len(day), dtype=np.int64)
    block[order] = np.arange(len(day)) * _BLOCKS // max(len(day), 1)
    naive = np.empty((len(truth), outcomes))
    for each in range(_BLOCKS):
        counts = np.bincount(truth[block != each], minlength=outcomes) + 1.0
        naive[block == each] = counts / counts.sum()
    return Question(truth, block, outcomes, naive)


def skill_alone(asked: Question, view: View) -> float:
    """What the field says by itself: at most 1, 0 for nothing, below where it misleads."""
    actual = np.eye(asked.outcomes)[asked.truth]
    p = np.empty_like(actual)
    for fit, test in asked.quarters():
        cells = _cells(view, fit, asked.truth[fit])
        shares = _sums(cells[fit], actual[fit], cells.max() + 1) + _WEIGHT * actual[fit].mean(axis=0)
        p[test] = (shares / shares.sum(axis=1, keepdims=True))[cells[test]]
    return 1.0 - _loss(p, asked.truth) / asked.naive_loss


def history_alone(asked: Question, history: npt.NDArray[np.float32]) -> Numbers:
    """Probabilities from the honest history features [rows, features], each row's from the other quarters."""
    p = np.zeros((len(asked.truth), asked.outcomes))
    for fit, test in asked.quarters():
        model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=4, early_stopping=False, random_state=0)
        model.fit(history[fit], asked.truth[fit])
        p[np.ix_(test, model.classes_)] = model.predict_proba(history[test])
    return floored(p)


def skill_added(asked: Question, view: View, known: Numbers) -> float:
    """How much skill the field alone adds to probabilities `known` [rows, outcomes]; 0 where that may be chance."""
    actual = np.eye(asked.outcomes)[asked.truth]
    p = np.empty_like(known)
    for fit, test in asked.quarters():
        cells = _cells(view, fit, actual[fit] - known[fit])
        least, count = _WEIGHT * known[fit].mean(axis=0), cells.max() + 1
        ratio = (_sums(cells[fit], actual[fit], count) + least) / (_sums(cells[fit], known[fit], count) + least)
        moved = known[test] * ratio[cells[test]]
        p[test] = moved / moved.sum(axis=1, keepdims=True)
    gained = _losses(known, asked.truth) - _losses(p, asked.truth)
    chance = _DEVIATIONS * float(gained.std()) / np.sqrt(len(gained))
    return float(gained.mean()) / asked.naive_loss if gained.mean() > chance else 0.0


def _cells(view: View, fit: Mask, target: npt.NDArray[Any]) -> Days:
    """The cell of every row: its category, or its leaf of a tree of depth 2 that is fitted to the target."""
    if view.codes is not None:
        return view.codes
    assert view.numbers is not None  # noqa: S101  a view is one of the two
    kind = DecisionTreeClassifier if target.dtype.kind == "i" else DecisionTreeRegressor
    tree = kind(max_depth=2, min_samples_leaf=max(5, len(target) // 200), random_state=0)
    column = view.numbers.reshape(-1, 1)
    tree.fit(column[fit], target)
    return np.asarray(tree.apply(column), dtype=np.int64)


def _sums(cells: Days, values: Numbers, count: int) -> Numbers:
    """[count, outcomes]: the values summed within each cell."""
    return np.stack([np.bincount(cells, weights=column, minlength=count) for column in values.T], axis=1)


def _losses(p: Numbers, truth: Days) -> Numbers:
    return np.asarray(-np.log(np.maximum(p[np.arange(len(truth)), truth], FLOOR)))


def _loss(p: Numbers, truth: Days) -> float:
    return float(_losses(p, truth).mean())
