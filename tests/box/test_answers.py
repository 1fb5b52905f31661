"""What a job left behind is read as the work of a stranger."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from reconciler.adapters.box import BoxedTrainer
from reconciler.adapters.box.libraries import installed
from reconciler.domain.jobs import JobFailure, TrainResult
from tests.box.conftest import Run

ROOT = Path(__file__).parents[2]


def failed(run: Run, deed: str) -> str:
    result = run(deed).result
    assert isinstance(result, JobFailure), result
    assert result.whose == "machine"
    assert "\x1b" not in result.reason
    assert len(result.reason) < 300
    return result.reason


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("say nothing", "without a result"),
        ("result is a symlink", "symlink"),
        ("result is a pipe", "not a regular file"),
        ("result is huge", "larger than"),
        ("leave a symlink", "model.onnx, which is not a regular file"),
        ("leave a pipe", "model.onnx, which is not a regular file"),
        ("leave an odd name", r"evil\x1b[31m\nname"),
    ],
)
def test_what_is_not_a_plain_file_is_refused_by_name(run: Run, deed: str, said: str) -> None:
    assert said in failed(run, deed)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "\xff\xfe",
        "[" * 100_000,
        '{"kind": "train"}',
        '{"kind": "train", "reported": null, "rows": 1, "parity": 0.0, "more": 1}',
        '{"kind": "check", "probe": 0.0}',
        '{"kind": "failure", "whose": "nobody", "reason": "x"}',
    ],
)
def test_a_result_that_is_not_one_of_this_job_is_a_failure_of_the_machine(
    run: Run, snapshot: Path, content: str
) -> None:
    (snapshot / "asked.json").write_text(json.dumps({"result": content}))
    failed(run, "write")


def test_a_failure_of_the_recipe_stays_one_and_its_text_is_made_safe(run: Run, snapshot: Path) -> None:
    told = {
        "kind": "failure",
        "whose": "recipe",
        "reason": "outcome late is \x1b[31mabsent\n",
        "next_step": "\x07widen",
    }
    (snapshot / "asked.json").write_text(json.dumps({"result": json.dumps(told)}))
    result = run("write").result
    assert isinstance(result, JobFailure)
    assert (result.whose, result.reason) == ("recipe", r"outcome late is \x1b[31mabsent\n")
    assert result.next_step == r"\x07widen"


def test_what_the_leak_guard_found_is_kept_and_its_text_is_made_safe(run: Run, snapshot: Path) -> None:
    found = {"check": "separation", "subject": "\x1b[31mred", "what": "x" * 9999, "figures": {"\x07": 1.0}}
    told = {"kind": "failure", "whose": "recipe", "reason": "leaks", "findings": [{**found, "next_step": "\n"}] * 99}
    (snapshot / "asked.json").write_text(json.dumps({"result": json.dumps(told)}))
    result = run("write").result
    assert isinstance(result, JobFailure)
    assert len(result.findings) == 50
    (first, *_) = result.findings
    assert (first.subject, first.next_step, len(first.what)) == (r"\x1b[31mred", r"\n", 320)
    assert list(first.figures) == [r"\x07"]


def test_progress_is_told_and_anything_else_on_stdout_is_nothing(run: Run) -> None:
    answered = run("progress")
    assert isinstance(answered.result, TrainResult)
    told = [(label[:12], done, of) for label, done, of in answered.progress if label != "working in the box"]
    labels = [step for step, _ in itertools.groupby(told)]  # the newest is said again while nothing new comes
    assert labels == [("fitting", 1, 4), (r"\x1b[31mred", 2, 4), ("z" * 12, 3, 4), ("fitting", 4, 4)]
    assert all(len(label) <= 161 for label, _, _ in answered.progress)


def test_files_are_handed_over_and_a_folder_that_cannot_be_entered_is_removed(run: Run) -> None:
    answered = run("leave a locked folder")
    assert isinstance(answered.result, TrainResult)
    assert answered.files["model.onnx"] == b"x"


def test_the_lock_digest_is_that_of_the_libraries_and_not_of_the_tools() -> None:
    names = {line.partition("==")[0] for line in installed()}
    assert {"numpy", "scikit-learn", "onnx", "skl2onnx", "onnxruntime", "scipy", "pydantic-core"} <= names
    assert names.isdisjoint({"pytest", "mypy", "ruff", "reconciler"})
    locked = (ROOT / "requirements.lock").read_text()
    assert all(f"\n{line} " in f"\n{locked}" for line in installed())
    assert BoxedTrainer().lock_digest() == BoxedTrainer().lock_digest()
    assert BoxedTrainer().lock_digest().startswith("sha256:")
