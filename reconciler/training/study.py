"""A recipe laid over a snapshot: which rows, which features, which outcomes. What train and judge have in common.

The recipe's filters and start date restrict the rows that are fitted on, never the history that features see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from sklearn.pipeline import Pipeline

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Exam, Recipe
from reconciler.domain.record import ColdStart, Figures
from reconciler.tasks.customer_payment import baselines, estimators
from reconciler.tasks.customer_payment.evaluation import figures
from reconciler.tasks.customer_payment.features import FeatureTable, feature_table, select
from reconciler.tasks.customer_payment.filters import passing
from reconciler.tasks.customer_payment.history import without_history
from reconciler.tasks.customer_payment.outcomes import Days, Outcomes
from reconciler.tasks.customer_payment.settlements import Rows, closed
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, to_date, to_day

Mask = npt.NDArray[np.bool_]
Progress = Callable[[str, int, int], None]

#: Least rows, and least rows of each outcome, to fit for figures.
_LEAST_FOR_FIGURES = (30, 1)


@dataclass(frozen=True)
class Study:
    """`rows`: positions of the mature invoices; all else is one value per such row. `wanted`: those that the recipe
    asks to be fitted on."""

    tables: Tables
    recipe: Recipe
    outcomes: Outcomes
    rows: Days
    invoiced: Days
    due: Days
    truth: Days
    wanted: Mask
    table: FeatureTable

    @cached_property
    def cold(self) -> Mask:
        """The rows of customers of whom nothing was known to have settled."""
        return without_history(self.tables, Rows(self.rows, self.invoiced))

    @property
    def cold_start(self) -> ColdStart:
        """How many of the rows that the recipe is fitted on have no history."""
        return ColdStart(rows=int(self.wanted.sum()), without_history=int((self.wanted & self.cold).sum()))

    def fit(self, chosen: Mask) -> Pipeline:
        """The recipe fitted on the chosen rows."""
        customer = self.tables.customer[self.rows][chosen]
        return estimators.fit(self.recipe.estimator, self.table.take(chosen), self.truth[chosen], customer=customer)


def recipe_of(written: Mapping[str, Any]) -> Recipe:
    """The spec as the author wrote it, read. Raises AuthorMustFix with the fields that are wrong."""
    try:
        recipe = Recipe.model_validate(written)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors())
        raise AuthorMustFix(f"the recipe is not valid: {where}", next_step="run reconciler validate") from error
    if recipe.task != SPEC.name:
        raise AuthorMustFix(f"there is no task {recipe.task}", next_step=f"write task: {SPEC.name}")
    estimators.parameters_of(recipe.estimator)
    return recipe


def study(tables: Tables, recipe: Recipe) -> Study:
    """Choose rows and compute features. Raises AuthorMustFix where nothing is left to fit on."""
    outcomes = Outcomes.of(recipe.outcomes)
    names = select(recipe.features, tables.known, there=frozenset(map(str, tables.invoices)))
    invoiced, due, settled = (tables.days(name) for name in ("invoice_date", "due_date", "settled_date"))
    everything = Rows(np.arange(len(invoiced)), invoiced)
    rows = np.flatnonzero(
        outcomes.mature(due, tables.data_date) & (settled >= invoiced) & ~closed(tables, everything)
    )  # fmt: skip
    wanted = passing(tables, recipe.data.filters)[rows]
    _something(len(rows) > 0, "no invoice is old enough for its outcome to be known", "refresh later or with more data")
    _something(bool(wanted.any()), "the recipe's filters leave no mature invoice", "loosen data.filters")
    start = recipe.data.training_start_date
    if start is not None:
        wanted = wanted & (invoiced[rows] >= to_day(start))
        newest = to_date(int(invoiced[rows].max()))
        _something(
            bool(wanted.any()),
            f"trainingStartDate {start} leaves no mature invoice: the newest is of {newest}",
            "set data.trainingStartDate earlier",
        )
    table = feature_table(tables, rows=rows, as_of=invoiced[rows], names=names, outcomes=outcomes)
    truth = outcomes.of_rows(due, settled)[rows]
    return Study(tables, recipe, outcomes, rows, invoiced[rows], due[rows], truth, wanted, table)


def _something(there: bool, reason: str, next_step: str) -> None:
    if not there:
        raise AuthorMustFix(reason, next_step=next_step)


def require_enough(truth: Days, outcomes: Outcomes, least: tuple[int, int]) -> None:
    """Raises AuthorMustFix for too few rows, or too few of an outcome."""
    rows, each = least
    if len(truth) < rows:
        raise AuthorMustFix(
            f"{len(truth)} mature rows to fit on, at least {rows} are needed",
            next_step="loosen data.filters or trainingStartDate, or refresh with more data",
        )
    for name, count in zip(outcomes.names, np.bincount(truth, minlength=len(outcomes.names)), strict=True):
        if count < each:
            raise AuthorMustFix(
                f"{count} mature rows are {name}, at least {each} are needed",
                next_step="move outcomes.lateAfterDays or veryLateAfterDays, or fit on more data",
            )


@dataclass(frozen=True)
class Examined:
    """An exam taken: its first day, the figures, and those of the baselines."""

    cut: date
    figures: Figures
    baselines: dict[str, Figures]


def examine(this: Study, exam: Exam) -> Examined:
    """Fit on what was mature before the exam's cut, score the exam's rows.

    The exam's rows are the mature rows that pass the exam's filters and are dated on or after the cut: the
    (1 − latestShare) quantile of their dates, so that no day is split. Raises AuthorMustFix where either side is
    too small to say anything.
    """
    eligible = passing(this.tables, exam.filters)[this.rows]
    _something(bool(eligible.any()), "the exam's filters leave no mature invoice", "loosen the environment's exam")
    dates = np.sort(this.invoiced[eligible])
    cut = int(dates[int((1.0 - exam.latest_share) * len(dates))])
    asked = eligible & (this.invoiced >= cut)
    before = (this.invoiced < cut) & this.outcomes.mature(this.due, cut)
    fitted_on = before & this.wanted
    require_enough(this.truth[fitted_on], this.outcomes, _LEAST_FOR_FIGURES)
    names, truth = this.outcomes.names, this.truth[asked]
    model = this.fit(fitted_on).predict_proba(this.table.take(asked).frame())
    rows = Rows(this.rows[asked], this.invoiced[asked])
    others = baselines.baselines(this.tables, rows, this.outcomes, known=this.truth[before & eligible])
    found = figures(truth, model, names).model_copy(update={"without_history": int(this.cold[asked].sum())})
    return Examined(to_date(cut), found, {name: figures(truth, p, names) for name, p in others.items()})
