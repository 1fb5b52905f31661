"""`validate`, `fmt` and `schema` as they are typed, on real repositories."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.shop import SHOP, SHOP_VERSION
from tests.support.typing_in import typed

VERSION_FILE = "manifests/models/payment-prediction/1.0.0.yaml"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    for path, text in SHOP.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def reconciler(folder: Path, *arguments: str) -> int:
    return typed("-C", folder, *arguments)


def test_a_sound_repository_is_exit_0_and_says_how_many_files(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconciler(shop, "validate") == 0
    assert capsys.readouterr() == ("5 files checked: no problems\n", "")


def test_edits_that_are_not_committed_are_checked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / VERSION_FILE).write_text(SHOP_VERSION.replace("max_iter", "max_itr"))
    assert reconciler(shop, "validate") == 3
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{VERSION_FILE}:4:1: 1.0.0 is immutable: add 1.0.1 (spec), put 1.0.0 back as it was merged"
    assert out[1].endswith("has no parameter max_itr (spec.estimator.parameters.max_itr), did you mean max_iter?")
    assert out[2] == "5 files checked: 2 errors"


def test_what_is_not_part_of_the_recipe_may_change(shop: Path) -> None:
    (shop / VERSION_FILE).write_text("# a comment\n" + SHOP_VERSION.replace("owner: credit", "owner: collections"))
    assert reconciler(shop, "validate") == 0


def test_a_new_file_that_is_not_added_yet_is_checked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / VERSION_FILE).with_name("1.1.0.yaml").write_text(SHOP_VERSION)
    assert reconciler(shop, "validate") == 3
    assert "the path says 1.1.0, the file 1.0.0" in capsys.readouterr().out


def test_json_names_every_problem_with_its_place(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "manifests/releases/production.yaml").write_text("kind: Release\n")
    assert reconciler(shop, "validate", "-o", "json") == 3
    document = json.loads(capsys.readouterr().out)
    assert document["format_version"] == 1
    assert document["summary"] == {"files": 5, "errors": 2, "warnings": 0}
    assert document["problems"][0] == {
        "severity": "error",
        "file": "manifests/releases/production.yaml",
        "line": 1,
        "column": 1,
        "path": "apiVersion",
        "summary": "apiVersion is missing",
        "fix": "add apiVersion: …",
    }


def test_a_path_limits_what_is_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / VERSION_FILE).write_text(SHOP_VERSION.replace("max_iter", "max_itr"))
    assert reconciler(shop, "validate", str(shop / "environments")) == 0
    assert capsys.readouterr().out == "2 files checked: no problems\n"
    assert reconciler(shop, "validate", str(shop / VERSION_FILE)) == 3


def test_a_path_in_another_repository_is_checked_there(shop: Path, tmp_path: Path) -> None:
    assert reconciler(tmp_path, "validate", str(shop)) == 0


def test_a_folder_without_manifests_is_refused(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "empty").mkdir()
    assert reconciler(shop, "validate", str(shop / "empty")) == 3
    assert "there are no manifests at" in capsys.readouterr().err


def test_outside_a_repository_it_is_exit_1_with_what_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reconciler(tmp_path, "validate") == 1
    error = capsys.readouterr().err
    assert "git" in error and "Traceback" not in error


def test_without_a_commit_it_checks_and_says_what_was_not_compared(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "-q", "-b", "main", str(tmp_path / "new"))
    (shop / "manifests").rename(tmp_path / "new" / "manifests")
    (shop / "environments").rename(tmp_path / "new" / "environments")
    assert reconciler(tmp_path / "new", "validate") == 0
    out, error = capsys.readouterr()
    assert out == "5 files checked: no problems\n"
    assert "merged versions were not compared with the main branch" in error


def test_a_symlink_out_of_the_repository_is_refused_and_not_read(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    (shop / "environments/production.yaml").unlink()
    (shop / "environments/production.yaml").symlink_to(tmp_path / "secret.yaml")
    assert reconciler(shop, "validate") == 3
    out = capsys.readouterr().out
    assert "environments/production.yaml: is a symlink, put the file itself here\n" in out
    assert "password" not in out


def test_names_with_escapes_are_shown_as_text(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "manifests/releases/\x1b[31m-x.yaml").write_text("a: 1\n")
    assert reconciler(shop, "validate") == 3
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31m-x.yaml" in out


# --- fmt ---------------------------------------------------------------------------------------------------


def test_fmt_changes_what_is_untidy_and_names_it(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop / "environments/production.yaml"
    tidy = file.read_text()
    file.write_text(tidy.replace("kind: Environment\n", "kind:   Environment\n"))
    assert reconciler(shop, "fmt", "--check") == 3
    assert file.read_text() != tidy
    assert reconciler(shop, "fmt") == 0
    assert file.read_text() == tidy
    assert capsys.readouterr().out == "environments/production.yaml\nenvironments/production.yaml\n"
    assert reconciler(shop, "fmt", "--check") == 0


def test_fmt_diff_shows_and_changes_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop / "environments/production.yaml"
    untidy = file.read_text().replace("kind: Environment\n", "kind:   Environment\n")
    file.write_text(untidy)
    assert reconciler(shop, "fmt", "--diff", str(file)) == 0
    assert file.read_text() == untidy
    out = capsys.readouterr().out
    assert "-kind:   Environment\n+kind: Environment\n" in out


def test_fmt_leaves_a_file_that_is_not_yaml_alone_and_does_the_rest(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / VERSION_FILE).write_text("spec: [")
    file = shop / "environments/production.yaml"
    file.write_text(file.read_text().replace("kind: Environment\n", "kind:   Environment\n"))
    assert reconciler(shop, "fmt") == 3
    assert (shop / VERSION_FILE).read_text() == "spec: ["
    assert "kind: Environment\n" in file.read_text()
    assert f"{VERSION_FILE}:2:1: is not YAML" in capsys.readouterr().err


def test_fmt_refuses_a_path_that_is_not_there(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconciler(shop, "fmt", "nothing.yaml") == 3
    assert "nothing.yaml: No such file or directory" in capsys.readouterr().err


# --- schema ------------------------------------------------------------------------------------------------


def test_schema_prints_one_kind_or_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconciler(tmp_path, "schema", "Release") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Release"
    assert reconciler(tmp_path, "schema") == 0
    assert sorted(json.loads(capsys.readouterr().out)) == ["Environment", "ModelVersion", "Release"]


def test_schema_writes_a_file_for_each_kind(shop: Path) -> None:
    assert reconciler(shop, "schema", "--out", "schemas") == 0
    assert sorted(file.name for file in (shop / "schemas").iterdir()) == [
        "Environment.json",
        "ModelVersion.json",
        "Release.json",
    ]


def test_an_unknown_kind_is_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconciler(tmp_path, "schema", "Relase") == 3
    assert "did you mean Release?" in capsys.readouterr().err
