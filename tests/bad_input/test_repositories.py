"""A repository that is none, is empty, is cut short, or whose main was rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bad_input import process, refused, untouched
from tests.support.company import Company, Ended
from tests.support.receivables_yaml import MODEL
from tests.support.repositories import Workbench

COMMANDS = (
    ("plan",),
    ("apply", "--yes"),
    ("status",),
    ("history",),
    ("show", MODEL),
    ("promote", MODEL, "--to", "production"),
    ("rollback", MODEL, "-e", "production"),
    ("retrain", MODEL),
    ("verify",),
    ("drift",),
    ("predict", "-e", "production"),
    ("data", "refresh", "sandbox"),
    ("data", "show"),
    ("lease", "list"),
)


def ended(folder: Path, *argv: str) -> Ended:
    done = process(folder, *argv)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("argv", [("plan",), ("apply", "--yes"), ("validate",)], ids=lambda argv: argv[0])
def test_without_a_git_repository_it_says_how_to_begin_one(tmp_path: Path, argv: tuple[str, ...]) -> None:
    told = ended(tmp_path, *argv)
    assert told.code == 1
    refused(told, "this is not a git repository", "reconciler init DIR")


def test_without_a_commit_every_command_says_what_to_do_first(company: Company, tmp_path: Path) -> None:
    empty = Workbench(tmp_path).repository("empty", empty=True)
    for argv in COMMANDS:
        told = company.run(*argv, code=1, at=empty)
        refused(told, "this repository has no commits yet", "git commit the manifests first")
    assert empty.refs() == {}


def test_a_bare_repository_is_named(company: Company, tmp_path: Path) -> None:
    bare = Workbench(tmp_path).bare("bare.git", company.desk)
    refused(company.run("plan", code=1, at=bare), "bare repository", "git clone it")


def test_a_clone_of_main_alone_names_the_fetch_to_type(remote: Company) -> None:
    remote.in_production("1.0.0")
    clone = remote.runner()
    for argv in (("status",), ("history",), ("plan",), ("drift",)):
        refused(remote.run(*argv, code=1, at=clone), "git fetch origin '+refs/heads/ledger/")


def test_a_history_too_short_to_answer_names_the_fetch_and_then_answers(remote: Company) -> None:
    remote.in_production("1.0.0")
    remote.add("1.1.0")
    clone = remote.runner()
    clone.git("fetch", "-q", "--depth=1", "origin", "+refs/heads/ledger/*:refs/remotes/origin/ledger/*")
    for argv in (("history",), ("plan",)):
        refused(remote.run(*argv, code=1, at=clone), "too short", "git fetch --unshallow origin")
    clone.git("fetch", "-q", "--unshallow", "origin")
    clone.git("fetch", "-q", "origin", "+refs/heads/ledger/*:refs/remotes/origin/ledger/*")
    remote.run("history", at=clone)
    remote.run("plan", at=clone)


def test_a_rewritten_main_stops_apply_and_merging_it_back_mends_it(serving: Company) -> None:
    desk = serving.desk
    old = desk.tip()
    desk.git("reset", "-q", "--hard", "HEAD~2")
    desk.commit({"README.md": "another history\n"})
    with untouched(serving):
        told = serving.run("apply", "--yes", code=1)
    refused(told, "main was rewritten", f"git merge -s ours {old}", "refs/reconciler/sources/")
    desk.git("merge", "-q", "-s", "ours", "-m", "Merge the old main back", old)
    serving.run("apply", "--yes", code=0)


def test_an_older_main_is_stale(serving: Company) -> None:
    serving.desk.git("reset", "-q", "--hard", "HEAD~1")
    with untouched(serving):
        refused(serving.run("apply", "--yes", code=4), "applied from the newer", "plan again")


def test_a_detached_head_and_a_linked_worktree_are_fine(serving: Company, tmp_path: Path) -> None:
    serving.desk.git("checkout", "-q", "--detach")
    assert "Nothing to do" in serving.run("plan").out
    assert serving.apply() == []
    serving.desk.git("worktree", "add", "-q", str(tmp_path / "tree"), "main")
    done = process(tmp_path / "tree", "status")
    assert (done.returncode, done.stdout.count("synced")) == (0, 2)


@pytest.mark.parametrize("name", ["-sp ace", "line\nbreak", "line\u2028sep", "*'?\"\x1b[31m"], ids=range(4))
def test_a_repository_may_lie_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    company = Company.found(tmp_path, "local")
    company.desk.path = company.desk.path.rename(tmp_path / name)
    company.add("1.0.0")
    assert company.apply()[-1] == "judge production 1.0.0"
    company.desk.git("worktree", "add", "-q", str(tmp_path / f"{name} tree"), "-b", "tree")
    done = process(tmp_path / f"{name} tree", "drift")
    assert (done.returncode, "No drift" in done.stdout) == (0, True), done.stderr


def test_a_folder_whose_name_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "\udcff\udcfe"
    Workbench(folder).repository("work")
    told = ended(folder / "work", "plan")
    assert told.code == 1
    refused(told, "not UTF-8", "rename")
    assert ended(folder, "init", "shop", "--example").code == 1
    assert [path.name for path in folder.iterdir()] == ["work"]
