"""Figures, by hand and against the published examples."""

from __future__ import annotations

import numpy as np
import pytest

from reconciler.tasks.customer_payment.baselines import baselines
from reconciler.tasks.customer_payment.evaluation import figures, floored, from_confusion, grade
from reconciler.tasks.customer_payment.outcomes import Outcomes
from reconciler.tasks.customer_payment.settlements import Rows
from tests.training.tables import line, of_lines

NAMES = ("on_time", "late", "very_late")


def test_the_reference_products_own_example_comes_out() -> None:
    found = from_confusion(np.array([[71, 0, 21], [5, 0, 27], [2, 0, 45]]), NAMES, log_loss=0.0, brier=0.0)
    assert (round(found.accuracy, 4), round(found.macro_f1, 4)) == (0.6784, 0.4927)
    assert round(92 / found.rows, 4) == 0.538
    assert found.outcomes["late"].precision is None and found.outcomes["late"].recall == 0.0


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.99, "D"), (0.873, "A"), (0.871, "B"), (0.681, "B"), (0.679, "C"), (0.425, "C"), (0.423, "D")],
)
def test_grades_change_where_the_reference_says(accuracy: float, expected: str) -> None:
    assert grade(accuracy, [0.2, 0.4, 0.4]) == expected


def test_log_loss_brier_and_confusion_are_those_computed_by_hand() -> None:
    found = figures(np.array([0, 1]), [[0.5, 0.3, 0.2], [0.7, 0.2, 0.1]], NAMES)
    assert found.log_loss == pytest.approx(-(np.log(0.5) + np.log(0.2)) / 2)
    assert found.brier == pytest.approx((0.25 + 0.09 + 0.04 + 0.49 + 0.64 + 0.01) / 2)
    assert found.confusion == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert found.accuracy == 0.5


def test_a_forest_s_zeros_are_floored_and_rows_sum_to_one() -> None:
    out = floored([[1.0, 0.0, 0.0]])
    assert out.sum() == pytest.approx(1.0) and out[0, 1] == pytest.approx(1e-6, rel=1e-3)


def test_own_shares_count_what_had_settled_before_the_row() -> None:
    lines = [line("A", 0, paid=0), line("A", 0, paid=20), line("A", 0, paid=70), line("A", 60), line("B", 60)]
    rows = Rows(np.array([3, 4]), np.array([60, 60]))
    found = baselines(of_lines(lines), rows, Outcomes(0, 15), known=np.array([0, 0, 1, 2]))
    naive = np.array([0.5, 0.25, 0.25])
    np.testing.assert_allclose(found["naive"], [naive, naive])
    np.testing.assert_allclose(found["own-shares"][0], (np.array([1, 0, 1]) + 3 * naive) / 5)
    np.testing.assert_allclose(found["own-shares"][1], naive)
