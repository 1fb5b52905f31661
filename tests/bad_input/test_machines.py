"""Surroundings that are odd: no git, no home, another time zone, closed or full output, a hostile git configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bad_input import process, untouched
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL

ODD_SETTINGS = {
    "core.pager": "/bin/false",
    "core.fsmonitor": "/bin/false",
    "core.hooksPath": ".",
    "diff.external": "/bin/false",
    "log.showSignature": "true",
    "log.date": "relative",
    "log.follow": "true",
    "format.pretty": "fuller",
    "color.ui": "always",
    "column.ui": "always",
    "core.abbrev": "4",
    "core.quotePath": "true",
    "commit.gpgSign": "true",
    "tag.gpgSign": "true",
    "push.gpgSign": "true",
    "i18n.logOutputEncoding": "UTF-16",
    "i18n.commitEncoding": "latin1",
    "transfer.hideRefs": "refs/heads/ledger",
    "user.useConfigOnly": "true",
    "core.autocrlf": "true",
    "alias.rev-parse": "!false",
    "alias.show-ref": "!false",
    "core.logAllRefUpdates": "always",
    "remote.origin.mirror": "true",
}


@pytest.mark.parametrize("where", ["local", "remote"])
def test_settings_of_the_users_git_change_nothing(tmp_path: Path, where: str) -> None:
    company = Company.found(tmp_path, "remote" if where == "remote" else "local")
    company.in_production("1.0.0")
    company.add("1.1.0")
    runner = company.runner()
    for name, value in ODD_SETTINGS.items():
        runner.git("config", name, value)
        if where == "remote":
            company.desk.git("config", name, value)
    company.apply(at=runner)
    company.run("promote", MODEL, "--to", "production", at=runner)
    assert company.serves("sandbox") == "1.1.0"
    assert [entry["action"] for entry in company.run("history", "-n", "2", "-o", "json").json["entries"]]


def test_a_git_configuration_that_cannot_be_read_is_named(company: Company) -> None:
    config = company.desk.path / ".git/config"
    config.write_text(config.read_text() + "[[[\n")
    done = process(company.desk.path, "plan")
    assert (done.returncode, "bad config line" in done.stderr) == (1, True)
    assert "mend the file, line or variable that is named" in done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": None, "USER": None, "LANG": None},
        {"HOME": "/nonexistent", "LC_ALL": "C", "LANG": "C"},
        {"TZ": "Pacific/Kiritimati"},
        {"TZ": "Nonsense/Zone"},
        {"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/tmp", "GIT_INDEX_FILE": "/x"},
        {"COLUMNS": "1", "TERM": "dumb"},
    ],
    ids=lambda variables: "+".join(variables),
)
def test_the_surroundings_do_not_matter(standing: Company, variables: dict[str, str | None]) -> None:
    for argv in (("plan",), ("history", "-n", "1")):
        done = process(standing.desk.path, *argv, **variables)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("argv", [("plan",), ("doctor",), ("apply", "--yes"), ("init", "x", "--example")])
def test_without_git_it_says_so(standing: Company, tmp_path: Path, argv: tuple[str, ...]) -> None:
    done = process(standing.desk.path, *argv, PATH=str(tmp_path))
    assert done.returncode == 1
    told = done.stdout + done.stderr  # doctor finds it, the others end with it
    assert "git is not installed" in told and "install git" in done.stderr


def test_output_that_nobody_reads_ends_quietly(standing: Company) -> None:
    command = f"{sys.executable} -m reconciler schema Environment | head -1"
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"],
        cwd=standing.desk.path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    first, code = done.stdout.split("\n")[:2]
    assert (first, done.stderr) == ("{", "")
    assert code in ("0", "1")


def test_output_onto_a_full_disk_is_an_error_that_says_so(standing: Company) -> None:
    with untouched(standing), Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "status"],
            cwd=standing.desk.path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and "should not happen" not in done.stderr
