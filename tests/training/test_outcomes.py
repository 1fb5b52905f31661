"""On time, late, very late; and when that is known."""

from __future__ import annotations

import numpy as np
import pytest

from reconciler.domain import manifests
from reconciler.domain.errors import AuthorMustFix
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Outcomes


def _of(outcomes: Outcomes, *days_late: int) -> list[str]:
    due = np.full(len(days_late), 100)
    return [outcomes.names[i] for i in outcomes.of_rows(due, due + np.array(days_late))]


def test_three_outcomes_start_on_the_days_that_the_recipe_says() -> None:
    found = _of(Outcomes(0, 15), -3, 0, 1, 14, 15, 90)
    assert found == ["on_time", "on_time", "late", "late", "very_late", "very_late"]


def test_days_of_grace_count_as_on_time() -> None:
    assert _of(Outcomes(5, 15), 5, 6) == ["on_time", "late"]


def test_very_late_from_zero_folds_two_outcomes_into_one() -> None:
    assert _of(Outcomes(0, 0), 0, 1, 90) == ["on_time", "late", "late"]


def test_very_late_that_starts_before_late_is_refused() -> None:
    with pytest.raises(AuthorMustFix, match="not after lateAfterDays"):
        Outcomes.of(manifests.Outcomes(late_after_days=10, very_late_after_days=10))


@pytest.mark.parametrize(("limits", "day"), [((0, 15), 115), ((3, 0), 104)])
def test_an_invoice_is_mature_once_its_last_outcome_would_have_begun(limits: tuple[int, int], day: int) -> None:
    due = np.array([100])
    assert [bool(Outcomes(*limits).mature(due, cut)[0]) for cut in (day - 1, day)] == [False, True]


@pytest.mark.parametrize("limits", [(0, 15), (3, 10), (0, 0), (4, 0)])
def test_a_mature_row_has_the_outcome_at_the_cut_that_it_has_for_ever(limits: tuple[int, int]) -> None:
    outcomes, cut = Outcomes(*limits), 200
    due = np.repeat(np.arange(150, 201), 120)
    settled = due + np.tile(np.arange(-30, 90), 51)
    known = np.where(settled < cut, settled, NO_DAY)
    mature = outcomes.mature(due, cut)
    np.testing.assert_array_equal(outcomes.of_rows(due, known)[mature], outcomes.of_rows(due, settled)[mature])


def test_what_can_no_longer_happen_to_an_open_invoice_is_impossible() -> None:
    due = np.array([100, 100, 100, 100])
    possible = [Outcomes(0, 15).possible(due, as_of)[0].tolist() for as_of in (100, 101, 114, 115)]
    assert possible == [[True, True, True], [False, True, True], [False, True, True], [False, False, True]]
