"""The guard from the outside: a job that leaks fails by the recipe and names each finding; one that does not says what
was checked."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.guard import Guard, LeakFound
from reconciler.domain.jobs import JobFailure, JudgeJob, TrainJob, TrainResult
from reconciler.training import program
from reconciler.training.judge import judge
from reconciler.training.train import train
from tests.guard import planted
from tests.support.receivables_small import real, small
from tests.training.made import SHA, quiet, recipe, train_job


def _run(job: TrainJob, folder: Path) -> Any:
    folder.mkdir()
    (folder / "job.json").write_text(job.model_dump_json())
    assert program.run(folder / "job.json", folder) == 0
    return json.loads((folder / "result.json").read_text())


def _declare(folder: Path, name: str) -> Path:
    """Say in a snapshot that a field of invoices is known at the invoice date."""
    file = folder / "snapshot.json"
    manifest = json.loads(file.read_text())
    for column in manifest["tables"]["invoices"]["columns"]:
        column["known_at"] = "invoice-date" if column["name"] == name else column["known_at"]
    file.write_text(json.dumps(manifest))
    return folder


def _rewrite(folder: Path, name: str, value: str) -> Path:
    """Another value of a column in every part, as SQL."""
    for part in (folder / "invoices").iterdir():
        fresh = part.with_suffix(".fresh")
        sql = f"COPY (SELECT * REPLACE ({value} AS {name}) FROM '{part}') TO '{fresh}' (FORMAT parquet)"  # noqa: S608
        duckdb.connect(":memory:").execute(sql)
        fresh.replace(part)
    return folder


def test_a_training_that_leaks_fails_by_the_recipe_and_names_each_finding(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    folder = small(tmp_path / "snapshot")
    _rewrite(_declare(folder, "delivery"), "delivery", "CASE WHEN settled_date IS NOT NULL THEN 'paid' END")
    failure = JobFailure.model_validate(_run(train_job(folder), tmp_path / "out"))
    assert failure.whose == "recipe"
    assert [(each.check, each.subject) for each in failure.findings] == [("open-invoices", "delivery")]
    assert failure.reason.startswith("the leak guard found 1 thing: open-invoices: delivery is empty on all ")
    assert failure.next_step == failure.findings[0].next_step
    assert not (tmp_path / "out/model.onnx").exists()


def test_a_dispute_declared_known_fails_against_the_earlier_snapshot_that_the_job_names(tmp_path: Path) -> None:
    for name in ("now", "earlier"):
        (tmp_path / name).mkdir()
    now = _declare(small(tmp_path / "now"), "disputed")
    earlier = small(tmp_path / "earlier", until=date(2024, 6, 30))
    _rewrite(earlier, "disputed", "disputed AND settled_date < DATE '2024-03-01'")
    job = train_job(now, recipe(features={"include": ["customer-history"]}))
    result = _run(job.model_copy(update={"earlier_folder": str(earlier)}), tmp_path / "out")
    assert [(each["check"], each["subject"]) for each in result["findings"]] == [("earlier-snapshot", "disputed")]


def test_a_training_without_leaks_says_what_the_guard_did(tmp_path: Path) -> None:
    folder = small(tmp_path, rows=300)
    result = TrainResult.model_validate(_run(train_job(folder), tmp_path / "out"))
    assert result.guard is not None
    assert result.guard.denied["disputed"] == "not declared knownAt: invoice-date"
    assert result.guard.denied["customers.country"].startswith("today's value")


def test_the_same_job_gives_the_same_record(tmp_path: Path) -> None:
    job = train_job(small(tmp_path, rows=300))
    assert train(job, quiet)[0].guard == train(job, quiet)[0].guard


def test_reported_figures_above_the_owners_ceiling_are_too_good(tmp_path: Path) -> None:
    job = train_job(small(tmp_path, rows=400)).model_copy(update={"guard": {"ceiling": {"accuracy": 0.3}}})
    with pytest.raises(LeakFound, match=r"ceiling: accuracy is 0\.\d+, better than 0\.3"):
        train(job, quiet)


@pytest.mark.parametrize(
    ("figure", "best", "refused"),
    [("accuracy", 0.3, True), ("accuracy", 0.99, False), ("log_loss", 9.0, True), ("log_loss", 0.01, False)],
)
def test_figures_of_an_exam_are_held_to_the_ceiling(figure: str, best: float, refused: bool, tmp_path: Path) -> None:
    folder = small(tmp_path, rows=400)
    limits = {"ceiling": {figure: best}}
    job = JudgeJob(model="m", version="1.0.0", recipe=recipe(), exam={}, snapshot=SHA, snapshot_folder=str(folder),
                   guard=limits)  # fmt: skip
    if refused:
        with pytest.raises(LeakFound, match=f"ceiling: {figure}"):
            judge(job, quiet)
    else:
        assert judge(job, quiet).figures.rows > 0


@pytest.mark.shared
def test_a_dispute_that_passes_every_limit_of_the_public_file_needs_a_reason(tmp_path: Path) -> None:
    """Its own dispute makes a model better and stays under every ceiling: only what it adds to history shows it."""
    tables = planted.load(_declare(real(tmp_path), "disputed"))
    this = planted.of(tables, very_late=15)
    this.recipe.data.filters.append(planted.Condition(field="disputed", op="not-null"))
    assert planted.found(this) == [("reason", "disputed")]


def test_what_the_owner_accepts_with_a_reason_is_recorded_and_does_not_block(tmp_path: Path) -> None:
    folder = _rewrite(small(tmp_path), "delivery", "CASE WHEN settled_date IS NOT NULL THEN 'paid' END")
    accepting = {"accepted": {"delivery": "open invoices are sent in the next run"}}
    result = train(train_job(folder).model_copy(update={"guard": accepting}), quiet)[0]
    assert result.guard is not None
    assert [(each.check, each.subject) for each in result.guard.accepted] == [("open-invoices", "delivery")]
    assert result.guard.checks["open-invoices"] == "found and accepted: delivery"


def test_a_finding_of_the_proof_cannot_be_accepted(honest: planted.Study) -> None:
    leaking, build = planted.with_feature(honest, "shift_1", planted.shift_1)
    accepting = Guard(accepted={"shift_1": "we like it"})
    assert planted.found(leaking, accepting, build=build) == [("recomputation", "shift_1")]


def test_limits_that_are_none_are_refused_by_their_key(tmp_path: Path) -> None:
    job = train_job(small(tmp_path, rows=200)).model_copy(update={"guard": {"fieldSkill": 7}})
    with pytest.raises(AuthorMustFix, match=r"data\.guard is not valid: fieldSkill"):
        train(job, quiet)
