"""Judge a recipe: by the environment's exam, beside two baselines, and beside the champion's recipe."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.guard import LeakFound
from reconciler.domain.jobs import JudgeJob, JudgeResult
from reconciler.domain.manifests import Exam
from reconciler.domain.record import Figures
from reconciler.tasks.customer_payment.tables import Tables, load
from reconciler.training.guard.ceiling import above
from reconciler.training.guard.guard import limits_of
from reconciler.training.study import Examined, Progress, Study, examine, recipe_of, study


def judge(job: JudgeJob, progress: Progress) -> JudgeResult:
    """The figures of the recipe on the exam. Raises AuthorMustFix for what the recipe or the exam lacks, and LeakFound
    for figures above the ceiling that the data's owner states.

    The champion is scored in the same way on the same rows. Where its outcomes are others, its probabilities answer
    another question: it has no figures. The verdict is `first` without a champion; with one it is left open.
    """
    recipe, exam = recipe_of(job.recipe), _exam(job)
    progress("reading the snapshot", 0, 3)
    tables = load(Path(job.snapshot_folder))
    progress("judging the challenger", 1, 3)
    challenger = study(tables, recipe)
    examined = examine(challenger, exam)
    if beyond := above(examined.figures, limits_of(job.guard)):
        raise LeakFound(beyond)
    progress("judging the champion", 2, 3)
    champion = _champion(job, tables, challenger, exam)
    progress("judged", 3, 3)
    return JudgeResult(
        cut=examined.cut.isoformat(),
        figures=examined.figures,
        champion_figures=champion,
        baselines=examined.baselines,
        verdict="first" if job.champion_recipe is None else None,
    )


def _exam(job: JudgeJob) -> Exam:
    try:
        return Exam.model_validate(job.exam)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors())
        raise AuthorMustFix(
            f"the environment's exam is not valid: {where}", next_step="run reconciler validate"
        ) from error


def _champion(job: JudgeJob, tables: Tables, challenger: Study, exam: Exam) -> Figures | None:
    """None where there is no champion, or none that answers the same question on this data."""
    if job.champion_recipe is None:
        return None
    try:
        champion = study(tables, recipe_of(job.champion_recipe))
        if champion.outcomes != challenger.outcomes:
            return None
        examined: Examined = examine(champion, exam)
    except AuthorMustFix:
        return None  # the champion cannot be fitted on this snapshot; that is not the challenger's fault
    return examined.figures
