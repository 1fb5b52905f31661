"""Proposals: one commit on a branch, and nothing else touched."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from reconciler.adapters.git.branches import GitBranches
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from tests.git.conftest import Opener
from tests.support.ledgers import NOW
from tests.support.repositories import BOB, Repo, Workbench

BRANCH = "reconciler/promote/production/payment-prediction"
PIN = "manifests/releases/production.yaml"


@pytest.fixture(autouse=True)
def nobody_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    yield


@pytest.fixture
def work(bench: Workbench) -> Repo:
    repo = bench.repository()
    repo.commit({PIN: "old\n", "manifests/other.yaml": "x", "run": "#!/bin/sh\n"})
    return repo


def branches(opened: Opener, repo: Repo) -> GitBranches:
    return GitBranches(opened(repo.path), now=lambda: NOW)


def test_a_proposal_is_one_commit_on_its_base_with_these_files_changed(work: Repo, opened: Opener) -> None:
    commit = branches(opened, work).propose(BRANCH, "main", {PIN: b"new\n", "new/file": b"n"}, "Promote it")
    assert work.tip(BRANCH) == commit
    assert work.tip(f"{BRANCH}~1") == work.tip("main")
    assert work.git("diff", "--name-status", "main", BRANCH).split() == ["M", PIN, "A", "new/file"]
    assert work.git("show", "-s", "--format=%an <%ae>|%cn|%s", BRANCH) == f"{BOB}|{BOB.name}|Promote it"
    work.git("fsck", "--strict")


def test_head_index_and_working_tree_stay(work: Repo, opened: Opener) -> None:
    work.write({PIN: "being edited", "untracked": "u"})
    work.git("add", PIN)
    work.write({PIN: "edited again"})
    before = (work.git("status", "--porcelain"), work.git("symbolic-ref", "HEAD"), work.tip("main"))
    index = (work.path / ".git/index").read_bytes()
    branches(opened, work).propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    assert (work.path / ".git/index").read_bytes() == index
    assert (work.git("status", "--porcelain"), work.git("symbolic-ref", "HEAD"), work.tip("main")) == before


def test_the_same_proposal_again_is_the_same_commit_and_another_replaces_it(work: Repo, opened: Opener) -> None:
    adapter = branches(opened, work)
    assert adapter.tip(BRANCH) is None
    first = adapter.propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    later = GitBranches(opened(work.path))
    assert later.propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it") == first
    other = adapter.propose(BRANCH, "main", {PIN: b"newer\n"}, "Promote it")
    assert adapter.tip(BRANCH) == other != first


def test_a_proposal_goes_to_the_remote_and_replaces_what_is_there(work: Repo, bench: Workbench, opened: Opener) -> None:
    bare = bench.bare(of=work)
    one, two = bench.clone(bare, "one", depth=1), bench.clone(bare, "two")
    for clone, content in ((one, b"1"), (two, b"2")):
        commit = branches(opened, clone).propose(BRANCH, "origin/main", {PIN: content}, "Promote it")
        assert bare.refs()[f"refs/heads/{BRANCH}"] == commit == clone.tip(BRANCH)


def edit_as_a_person(work: Repo, how: str) -> str:
    """Work of somebody on the branch of a proposal: its new tip. HEAD is on main afterwards."""
    work.git("switch", "-q", BRANCH)
    work.write({PIN: "edited by hand\n"})
    work.git("commit", "-qa", *{"another commit": ["-m", "Mind the gap"], "amended": ["--amend", "--no-edit"]}[how])
    work.git("switch", "-q", "main")
    return work.tip(BRANCH)


@pytest.mark.parametrize("how", ["another commit", "amended"])
def test_the_work_of_somebody_on_the_branch_is_never_thrown_away_unasked(work: Repo, opened: Opener, how: str) -> None:
    adapter = branches(opened, work)
    adapter.propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    tip = edit_as_a_person(work, how)
    with pytest.raises(AuthorMustFix, match="no proposal of this command") as caught:
        adapter.propose(BRANCH, "main", {PIN: b"newer\n"}, "Promote it")
    assert work.tip(BRANCH) == tip and "--replace" in caught.value.next_step
    commit = adapter.propose(BRANCH, "main", {PIN: b"newer\n"}, "Promote it", replace=True)
    assert work.tip(BRANCH) == commit


def test_work_that_is_on_the_remote_alone_is_kept_too(work: Repo, bench: Workbench, opened: Opener) -> None:
    bare = bench.bare(of=work)
    one, two = bench.clone(bare, "one"), bench.clone(bare, "two")
    branches(opened, one).propose(BRANCH, "origin/main", {PIN: b"1"}, "Promote it")
    tip = edit_as_a_person(one, "another commit")
    one.git("push", "-q", "origin", BRANCH)
    with pytest.raises(AuthorMustFix, match="no proposal of this command"):
        branches(opened, two).propose(BRANCH, "origin/main", {PIN: b"2"}, "Promote it")
    assert bare.refs()[f"refs/heads/{BRANCH}"] == tip and f"refs/heads/{BRANCH}" not in two.refs()


def test_a_branch_that_is_on_main_already_is_nobody_s_work_any_more(work: Repo, opened: Opener) -> None:
    adapter = branches(opened, work)
    adapter.propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    edit_as_a_person(work, "another commit")
    work.git("merge", "-q", "--ff-only", BRANCH)
    assert adapter.propose(BRANCH, "main", {PIN: b"newer\n"}, "Promote it") == work.tip(BRANCH)


@pytest.mark.parametrize("replace", [False, True])
def test_a_branch_that_is_checked_out_does_not_move(work: Repo, opened: Opener, replace: bool) -> None:
    adapter = branches(opened, work)
    first = adapter.propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    work.git("worktree", "add", "-q", str(work.path.parent / "beside"), BRANCH)
    assert adapter.propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it") == first
    with pytest.raises(AuthorMustFix, match=r"is checked out in .*/beside"):
        adapter.propose(BRANCH, "main", {PIN: b"newer\n"}, "Promote it", replace=replace)
    assert work.tip(BRANCH) == first


def test_a_refused_push_leaves_no_branch_here(work: Repo, bench: Workbench, opened: Opener) -> None:
    bare = bench.bare(of=work)
    hook = bare.path / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho no proposals here >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(NeedsPerson, match="pre-receive hook declined"):
        branches(opened, work).propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    assert f"refs/heads/{BRANCH}" not in work.refs()


def test_without_a_git_identity_it_says_how_to_set_one(work: Repo, opened: Opener) -> None:
    work.git("config", "--unset", "user.name")
    work.git("config", "--unset", "user.email")
    with pytest.raises(NeedsPerson, match="who you are") as caught:
        branches(opened, work).propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    assert "user.email" in caught.value.next_step


def test_main_is_never_written(work: Repo, opened: Opener) -> None:
    with pytest.raises(AuthorMustFix, match="main"):
        branches(opened, work).propose("main", "HEAD", {PIN: b"new\n"}, "Promote it")


@pytest.mark.parametrize("name", ["-d", "a..b", "a b", "a.lock", "a\n", "@", "a/", "refs/../../x", "a:b", "a\x1b"])
def test_names_that_no_branch_can_have_are_refused(work: Repo, opened: Opener, name: str) -> None:
    with pytest.raises(NeedsPerson, match="cannot be the name of a branch"):
        branches(opened, work).propose(name, "main", {PIN: b"new\n"}, "Promote it")


def test_a_branch_in_the_way_is_named(work: Repo, opened: Opener) -> None:
    work.git("branch", "reconciler")
    with pytest.raises(NeedsPerson, match="refs/heads/reconciler stands where") as caught:
        branches(opened, work).propose(BRANCH, "main", {PIN: b"new\n"}, "Promote it")
    assert "git branch -m reconciler" in caught.value.next_step


def test_a_link_is_never_written_through(work: Repo, opened: Opener) -> None:
    (work.path / "link").symlink_to("/etc")
    work.git("add", "link")
    work.git("commit", "-q", "-m", "Link")
    adapter = branches(opened, work)
    for path in ("link", "link/passwd", "manifests"):
        with pytest.raises(NeedsPerson, match="in this commit"):
            adapter.propose(BRANCH, "main", {path: b"x"}, "Attack")


def test_an_executable_file_stays_one(work: Repo, opened: Opener) -> None:
    work.git("update-index", "--chmod=+x", "run")
    work.git("commit", "-q", "-m", "Executable")
    branches(opened, work).propose(BRANCH, "main", {"run": b"#!/bin/sh\necho\n"}, "Change it")
    assert work.git("ls-tree", BRANCH, "run").startswith("100755")


def test_files_of_a_commit_are_read_as_they_are(work: Repo, opened: Opener) -> None:
    adapter = branches(opened, work)
    commit = work.tip()
    assert adapter.read_file(commit, PIN) == b"old\n"
    for path in ("nothing", "nothing/at/all", "manifests", "run/x", "../x"):
        assert adapter.read_file(commit, path) is None
