"""Finding a repository, its remote and its main branch; and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git import GitHistory, GitLedger, Repository
from reconciler.adapters.git.process import Git
from reconciler.domain.errors import NeedsPerson, RetryLater
from tests.git.conftest import Opener
from tests.support.repositories import Workbench


def test_a_folder_outside_any_repository_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson, match="not a git repository"):
        Repository.discover(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson, match="no folder"):
        Repository.discover(tmp_path / "nowhere")


def test_a_bare_repository_is_refused(bench: Workbench) -> None:
    with pytest.raises(NeedsPerson, match="bare"):
        Repository.discover(bench.bare().path)


def test_a_sub_folder_finds_the_root(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({"manifests/models/a.yaml": "x"})
    found = opened(work.path / "manifests/models")
    assert (found.root, found.common_dir) == (work.path, work.path / ".git")
    assert (found.remote, found.main, found.main_worktree) == (None, "main", work.path)


def test_a_linked_worktree_shares_ledgers_and_knows_the_main_worktree(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.git("worktree", "add", "-q", "../linked", "-b", "topic")
    linked = opened(bench.folder / "linked")
    assert linked.root == bench.folder / "linked"
    assert (linked.common_dir, linked.main_worktree) == (work.path / ".git", work.path)


def test_origin_is_the_remote_where_it_exists(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    bench.bare(of=work)
    assert opened(work.path).remote == "origin"


def test_git_config_names_another_remote_and_main(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.git("remote", "add", "upstream", "file:///nowhere")
    work.git("config", "reconciler.remote", "upstream")
    work.git("config", "reconciler.main", "trunk")
    found = opened(work.path)
    assert (found.remote, found.main) == ("upstream", "trunk")


def test_a_remote_that_is_configured_and_absent_is_an_error_and_not_a_local_ledger(bench: Workbench) -> None:
    work = bench.repository()
    work.git("config", "reconciler.remote", "upstream")
    with pytest.raises(NeedsPerson, match="upstream"):
        Repository.discover(work.path)


def test_an_empty_remote_name_means_to_work_alone(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    bench.bare(of=work)
    work.git("config", "reconciler.remote", "")
    assert opened(work.path).remote is None


def test_a_repository_without_commits_says_so(bench: Workbench, opened: Opener) -> None:
    history = GitHistory(opened(bench.repository(empty=True).path))
    for ask in (lambda: history.resolve("HEAD"), history.main_tip):
        with pytest.raises(NeedsPerson, match="no commits yet"):
            ask()


@pytest.mark.parametrize("name", ["-evil", "../../x", "a b", "A", "", "x\n", "x\0", "\x1b[31m", "a" * 64])
def test_environments_with_hostile_names_are_refused(bench: Workbench, opened: Opener, name: str) -> None:
    with pytest.raises(NeedsPerson, match="cannot be the name of an environment"):
        GitLedger(opened(bench.repository().path)).read(name)


def test_the_variables_of_a_hook_do_not_redirect_git(
    bench: Workbench, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, other = bench.repository("work"), bench.repository("other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
    assert opened(work.path).root == work.path


def test_a_repository_with_sha256_ids_works(bench: Workbench, opened: Opener) -> None:
    folder = bench.folder / "long"
    folder.mkdir()
    from tests.support.ledgers import deploy, deployed
    from tests.support.repositories import Repo

    work = Repo(folder)
    work.git("init", "-q", "-b", "main", "--object-format=sha256")
    work.commit({"a": "x"})
    ledger = GitLedger(opened(folder))
    state = ledger.read("production")
    written = ledger.append(state, deploy(), deployed(state.record))
    assert written.tip is not None
    assert len(written.tip) == 64
    assert ledger.read("production") == written
    work.git("fsck", "--strict")


def test_a_git_that_cannot_be_started_is_a_reason_to_try_again(bench: Workbench) -> None:
    repo = bench.repository()
    with pytest.raises(RetryLater, match="git could not be started: Argument list too long"):
        Git(repo.path).run("rev-parse", "x" * 3_000_000)
