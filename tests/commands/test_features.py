"""The catalogue of features as people, scripts and the page docs/features.md have it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.root import make_root, run
from reconciler.cli.views import features as view
from reconciler.domain.task import TaskSpec
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.usecases.features import catalogue

TASKS = {SPEC.name: SPEC}
PAGE = Path(__file__).parents[2] / "docs/features.md"


def _no_repository(_session: object) -> object:
    raise AssertionError("a catalogue needs no repository")


def _tasks() -> dict[str, TaskSpec]:
    return TASKS


def typed(*arguments: str) -> Result:
    root = make_root(_no_repository, _no_repository, _tasks)  # type: ignore[arg-type]
    return CliRunner().invoke(root, ["features", *arguments], catch_exceptions=False, standalone_mode=False)


def told(capsys: pytest.CaptureFixture[str], name: str) -> tuple[int, str]:
    root = make_root(_no_repository, _no_repository, _tasks)  # type: ignore[arg-type]
    code = run(root, ["features", "--explain", name])
    return code, capsys.readouterr().err


def test_every_feature_is_listed_below_its_group_in_aligned_columns() -> None:
    lines = typed().output.splitlines()
    header = next(line for line in lines if line.startswith("  feature"))
    for name, spec in SPEC.features.items():
        line = next(line for line in lines if line.startswith(f"  {name} "))
        assert line[header.index("unit") :].startswith(spec.unit)
        assert line[header.index("formula") :].startswith(spec.summary)
        above = [each.partition(":")[0] for each in lines[: lines.index(line)] if each and not each.startswith(" ")]
        assert above[-1] == spec.group


@pytest.mark.parametrize("name", SPEC.features)
def test_a_feature_is_told_whole(name: str) -> None:
    spec = SPEC.features[name]
    text = " ".join(typed("--explain", name).output.split())
    for part in (spec.group, spec.unit, spec.summary, spec.cold, spec.caution, spec.example, *spec.needs, *spec.others):
        assert " ".join(part.split()) in text


def test_what_looks_at_other_invoices_says_what_a_customer_without_history_gets() -> None:
    silent = [name for name, spec in SPEC.features.items() if spec.others and not spec.cold]
    assert silent == []
    assert "no history  m, the portfolio's mean" in typed("--explain", "history_days_late").output


def test_every_feature_has_a_unit_a_formula_and_fields_that_the_task_has() -> None:
    fields = {field.name for field in SPEC.fields.values()}
    for spec in SPEC.features.values():
        assert spec.unit and spec.summary and (spec.example or spec.type == "text"), spec.name
        assert {*spec.needs, *spec.others, *spec.only_with} <= fields, spec.name
    assert set(SPEC.group_about) == set(SPEC.groups)


def test_a_misspelt_feature_is_refused_with_the_spellings_that_are_close(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "histry_late_share") == (
        3,
        "error: there is no feature histry_late_share\n"
        "next:  did you mean history_late_share or history_very_late_share or history_known_late_share?\n",
    )
    assert "did you mean overdue_count or overdue_age_days?" in told(capsys, "overdue")[1]


def test_a_group_is_told_from_a_feature(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "calendar")
    assert code == 3 and "calendar is a group; its features are due_weekday, due_day" in text


def test_a_name_that_could_move_the_cursor_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "\x1b[31mred" + "x" * 1000)
    assert code == 3 and "\x1b" not in text and len(text) < 300


def test_the_json_has_every_feature_and_says_when_it_is_known() -> None:
    document = json.loads(typed("-o", "json").output)
    assert document["format_version"] == 1
    listed = document["tasks"][SPEC.name]
    assert listed["revision"] == SPEC.revision and list(listed["groups"]) == list(SPEC.groups)
    assert [each["name"] for each in listed["features"]] == list(SPEC.features)
    of_name = {each["name"]: each for each in listed["features"]}
    assert of_name["delivery"]["declared"] == ["delivery"] and of_name["amount"]["declared"] == []
    assert of_name["days_to_due"]["by_name"] and of_name["history_late_share"]["known_at"] == "as-of"
    assert of_name["history_disputed_share"]["only_with"] == ["disputed"]


def test_the_json_of_one_is_the_same_feature() -> None:
    all_of_them = json.loads(typed("-o", "json").output)["tasks"][SPEC.name]["features"]
    one = json.loads(typed("--explain", "tenure_days", "-o", "json").output)
    assert one["feature"] in all_of_them and one["task"] == SPEC.name


def test_the_page_is_up_to_date() -> None:
    """To accept a new one, run the tests with RECONCILER_GOLDEN=write and read the diff."""
    page = view.page(catalogue(TASKS))
    if os.environ.get("RECONCILER_GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert typed("-o", "markdown").output == page
    assert page == PAGE.read_text(encoding="utf-8")


def test_a_bar_in_a_formula_is_no_column_of_the_page() -> None:
    tables = [line for line in view.page(catalogue(TASKS)).splitlines() if line.startswith("|")]
    widths = {len(line.replace("\\|", "").split("|")) for line in tables}
    assert widths == {8, 4}
