"""The program from the outside: a job's file in, a result's file out, and the same bytes wherever it runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.jobs import JudgeJob, TrainJob
from reconciler.domain.manifests import Exam
from reconciler.tasks.customer_payment.tables import load, to_day
from reconciler.training import program
from reconciler.training.environment import fixed
from reconciler.training.judge import judge
from reconciler.training.study import examine, recipe_of, study
from reconciler.training.train import train
from tests.support.components import leave_out, needs
from tests.support.receivables_small import small
from tests.training.made import ESTIMATORS, SHA, quiet, recipe, run, train_job


def _judge_job(folder: Path, spec: dict[str, Any] | None = None, **more: Any) -> JudgeJob:
    return JudgeJob(
        model="m",
        version="1.0.0",
        recipe=spec or recipe(),
        snapshot=SHA,
        snapshot_folder=str(folder),
        **{"exam": {}, **more},
    )


def _run_here(job: TrainJob, out: Path) -> tuple[int, Any]:
    out.mkdir()
    (out / "job.json").write_text(job.model_dump_json())
    code = program.run(out / "job.json", out)
    return code, json.loads((out / "result.json").read_text())


def _digests(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.onnx", "model-card.json")]


#: What `python -m reconciler.training` does, for several jobs in one process: loading the libraries takes longest.
_SEVERAL = """
import sys
from pathlib import Path
from reconciler.training.environment import settle
settle()
from reconciler.training.program import run
for out in map(Path, sys.argv[1:]):
    assert run(out / "job.json", out) == 0
"""
NOBODY = 65534
_SURROUNDINGS: list[dict[str, Any]] = [
    {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell", "TZ": "UTC"},
    {"PYTHONHASHSEED": "99", "OMP_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Sandybridge", "USER": "other"},
    {"PYTHONHASHSEED": "random", "TZ": "Asia/Tokyo", "LC_ALL": "C", "NPY_DISABLE_CPU_FEATURES": "X86_V3"},
]


def _in_surroundings(
    snapshot: Path, root: Path, env: dict[str, str], *, by: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Every estimator's job, run in a process with `env` in its parent's environment, `by` a command that makes it
    another user's: kind → digests of its files."""
    outs = [root / kind for kind in ESTIMATORS]
    for out in outs:
        out.mkdir(parents=True)
        (out / "job.json").write_text(train_job(snapshot, recipe(out.name)).model_dump_json())
    if by:
        for path in (root.parent, root, *outs):
            os.chown(path, NOBODY, NOBODY)
    subprocess.run(
        [*by, sys.executable, "-c", _SEVERAL, *map(str, outs)],
        cwd=root,
        umask=0o077 if "LC_ALL" in env else 0o022,
        env={**os.environ, **env},
        check=True,
        capture_output=True,
        timeout=300,
    )
    return {out.name: _digests(out) for out in outs}


def test_one_job_in_three_surroundings_gives_the_same_bytes_for_each_estimator(snapshot: Path, tmp_path: Path) -> None:
    """Other hash seeds, threads, BLAS kernels, CPU features, time zones, users, working folders and umasks."""
    found = [_in_surroundings(snapshot, tmp_path / str(i), env) for i, env in enumerate(_SURROUNDINGS)]
    assert set(found[0]) == set(ESTIMATORS)
    assert found[0] == found[1] == found[2]


@pytest.mark.real
def test_a_job_of_another_user_gives_the_same_bytes(snapshot: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        leave_out("another user: only root can start a program as one")
    needs("setpriv")
    # He may read everything: Python and pytest's folders often lie in the home of whoever runs the tests.
    capability = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *capability]
    told = subprocess.run([*nobody, "id", "-u"], capture_output=True, text=True, check=False)
    if told.stdout.split() != [str(NOBODY)]:
        leave_out(f"another user: {told.stderr.strip()}")
    with tempfile.TemporaryDirectory(prefix="nobody-") as home:
        theirs = _in_surroundings(snapshot, Path(home) / "job", {"HOME": home}, by=nobody)
        assert {path.stat().st_uid for path in Path(home).rglob("model.onnx")} == {NOBODY}
    assert theirs == _in_surroundings(snapshot, tmp_path / "ours", {})


@pytest.mark.real
def test_a_job_started_in_another_year_gives_the_same_bytes(snapshot: Path, tmp_path: Path) -> None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        leave_out("libfaketime")
    # In the fixed environment the program does not start itself again, so the library stays loaded.
    clock = {**fixed(), "RECONCILER_TRAINING_ENVIRONMENT": "1", "LD_PRELOAD": str(found[0]), "FAKETIME": "+3650d"}
    told = subprocess.run(
        [sys.executable, "-c", "import datetime; print(datetime.date.today().year)"],
        env={**os.environ, **clock},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(told.stdout) >= datetime.now(UTC).year + 9
    later = _in_surroundings(snapshot, tmp_path / "later", clock)
    assert later == _in_surroundings(snapshot, tmp_path / "now", {})


def test_a_job_runs_as_a_program_and_tells_its_progress_in_lines_of_json(snapshot: Path, tmp_path: Path) -> None:
    code, stdout, stderr, result = run(train_job(snapshot), tmp_path)
    assert (code, result["kind"]) == (0, "train"), stderr
    lines = [json.loads(line) for line in stdout.splitlines()]
    assert all(set(line) == {"progress", "done", "of"} for line in lines)
    assert [line["done"] for line in lines] == list(range(lines[0]["of"] + 1))
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "job.json",
        "model-card.json",
        "model.onnx",
        "result.json",
    ]


def test_a_result_is_written_even_when_the_job_is_refused(tmp_path: Path) -> None:
    code, result = _run_here(train_job(small(tmp_path / "few", rows=40)), tmp_path / "out")
    assert (code, result["kind"], result["whose"]) == (0, "failure", "recipe")
    assert "at least 50 are needed" in result["reason"] and result["next_step"]
    assert not (tmp_path / "out" / "model.onnx").exists()


def test_a_snapshot_that_is_not_there_is_a_failure_of_the_machine(tmp_path: Path) -> None:
    code, result = _run_here(train_job(tmp_path / "nowhere"), tmp_path / "out")
    assert (code, result["whose"]) == (0, "machine")


@pytest.mark.parametrize("job", [{"kind": "dance"}, {"kind": "train"}])
def test_a_job_that_is_none_ends_without_a_result(
    job: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job))
    assert program.run(file, tmp_path / "out") == 1
    assert not (tmp_path / "out").exists() and "is not a job" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"features": {"include": ["invoice"], "exclude": ["invoice"]}}, "no feature is left"),
        ({"data": {"filters": [{"field": "amount", "op": "lt", "value": -1}]}}, "filters leave no mature invoice"),
        ({"data": {"trainingStartDate": "2030-01-01"}}, "trainingStartDate 2030-01-01 leaves no mature invoice"),
        ({"data": {"trainingStartDate": "2024-04-20"}}, "mature rows to fit on, at least 50"),
        ({"outcomes": {"veryLateAfterDays": 200}}, "0 mature rows are very_late, at least 10"),
        ({"outcomes": {"lateAfterDays": 20, "veryLateAfterDays": 15}}, "not after lateAfterDays"),
        ({"estimator": {"kind": "random-forest", "parameters": {"n_jobs": 4}}}, "has no parameter n_jobs"),
        ({"data": {"filters": [{"field": "disputed", "op": "eq", "value": False}]}}, "not known at the invoice date"),
        ({"task": "churn"}, "there is no task churn"),
        ({"colour": "red"}, "the recipe is not valid: colour"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_its_reason(
    changes: dict[str, Any], reason: str, snapshot: Path
) -> None:
    with pytest.raises(AuthorMustFix) as caught:
        train(train_job(snapshot, {**recipe(), **changes}), quiet)
    assert reason in caught.value.message and caught.value.next_step


def test_filters_and_start_date_restrict_the_rows_but_not_their_history(snapshot: Path) -> None:
    data = {"trainingStartDate": "2023-06-01", "filters": [{"field": "amount", "op": "ge", "value": 100}]}
    few, many = (train(train_job(snapshot, spec), quiet)[0] for spec in ({**recipe(), "data": data}, recipe()))
    assert few.rows < many.rows
    assert few.reported is not None and many.reported is not None
    assert few.reported.rows == many.reported.rows


def test_the_judge_scores_the_exams_rows_whatever_the_recipe_filters(snapshot: Path) -> None:
    filtered = recipe(data={"filters": [{"field": "amount", "op": "ge", "value": 300}]})
    plain, narrow = (judge(_judge_job(snapshot, spec), quiet) for spec in (recipe(), filtered))
    assert (plain.cut, plain.figures.rows) == (narrow.cut, narrow.figures.rows)
    assert plain.baselines == narrow.baselines and set(plain.baselines) == {"naive", "own-shares"}
    assert plain.verdict == "first" and plain.champion_figures is None
    exam = {"filters": [{"field": "amount", "op": "ge", "value": 300}], "latestShare": 0.3}
    assert judge(_judge_job(snapshot, exam=exam), quiet).figures.rows < plain.figures.rows


def test_the_judge_scores_the_champion_on_the_same_rows_and_leaves_the_verdict_open(snapshot: Path) -> None:
    found = judge(_judge_job(snapshot, champion_recipe=recipe("hist-gradient-boosting")), quiet)
    assert found.champion_figures is not None and found.verdict is None
    assert found.champion_figures.rows == found.figures.rows
    alone = judge(_judge_job(snapshot, recipe("hist-gradient-boosting")), quiet)
    assert alone.figures == found.champion_figures


def test_a_champion_with_other_outcomes_has_no_figures(snapshot: Path) -> None:
    other = recipe(outcomes={"veryLateAfterDays": 20})
    assert judge(_judge_job(snapshot, champion_recipe=other), quiet).champion_figures is None


def test_an_exam_that_leaves_nothing_is_refused(snapshot: Path) -> None:
    exam = {"filters": [{"field": "amount", "op": "lt", "value": -5}]}
    with pytest.raises(AuthorMustFix, match="the exam's filters leave no mature invoice"):
        judge(_judge_job(snapshot, exam=exam), quiet)


def test_the_judged_recipe_is_fitted_only_on_what_was_mature_before_the_cut(snapshot: Path) -> None:
    """Turning every later outcome around changes the exam's truth, but no probability of the fitted recipe."""
    tables = load(snapshot)
    this = study(tables, recipe_of(recipe()))
    cut = to_day(examine(this, Exam()).cut)
    before = (this.invoiced < cut) & this.outcomes.mature(this.due, cut)
    turned = replace(this, truth=np.where(before, this.truth, 2 - this.truth))
    same = [examine(each, Exam()) for each in (this, turned)]
    called = [np.array(each.figures.confusion).sum(axis=0).tolist() for each in same]
    assert called[0] == called[1] and same[0].figures != same[1].figures


def test_a_judgement_is_the_same_each_time(snapshot: Path) -> None:
    assert judge(_judge_job(snapshot), quiet) == judge(_judge_job(snapshot), quiet)
