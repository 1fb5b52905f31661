"""Questions about commits, and clones that hold too little to answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.adapters.git import GitHistory
from reconciler.domain.errors import NeedsPerson, RetryLater
from tests.git.conftest import Opener
from tests.support.repositories import ALICE, BOB, START, Repo, Workbench


def ids(history: GitHistory, commit: str, *paths: str) -> list[str]:
    return [each.id for each in history.changes(commit, paths)]


def test_changes_are_first_parent_commits_newest_first_root_included(bench: Workbench, opened: Opener) -> None:
    work = bench.repository(empty=True)
    root = work.commit({"pins": "1", "other": "x"})
    work.commit({"other": "y"})
    merge = work.merge({"pins": "2"})
    work.commit({"other": "z"})
    direct = work.commit({"pins": "3"})
    assert ids(GitHistory(opened(work.path)), "HEAD", "pins") == [direct, merge, root]


def test_a_merge_that_takes_main_back_to_its_first_parent_is_no_change(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    first = work.commit({"pins": "1"})
    work.git("checkout", "-q", "-b", "side")
    work.commit({"pins": "2"})
    work.git("checkout", "-q", "main")
    work.git("merge", "-q", "-s", "ours", "--no-ff", "-m", "Ours", "side")
    assert ids(GitHistory(opened(work.path)), "main", "pins") == [first]


def test_a_commit_tells_parents_author_subject_and_time(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    first = work.tip()
    merge = work.merge({"a": "x"}, "Merge the change", by=ALICE)
    found = GitHistory(opened(work.path)).commit(merge)
    assert found.parents[0] == first
    assert len(found.parents) == 2
    assert (found.author, found.subject) == (str(ALICE), "Merge the change")
    assert found.at == START + timedelta(minutes=work.ticks.count)


def test_a_commit_from_no_calendar_is_read_all_the_same(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    who = "A <a@example.com> 99999999999999999 +0000"
    raw = f"tree {work.tip('HEAD^{tree}')}\nauthor {who}\ncommitter {who}\n\nx\n"
    commit = work.git("hash-object", "-t", "commit", "-w", "--stdin", feed=raw)
    assert GitHistory(opened(work.path)).commit(commit).subject == "x"


def test_ancestors(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    one, two = work.commit({"a": "1"}), work.commit({"a": "2"})
    history = GitHistory(opened(work.path))
    assert history.is_ancestor(one, two)
    assert history.is_ancestor(two, two)
    assert not history.is_ancestor(two, one)
    assert not history.is_ancestor("f" * 40, two)
    assert not history.is_ancestor("--all", two)
    with pytest.raises(NeedsPerson):
        history.is_ancestor(one, "f" * 40)


def test_authors_are_those_of_the_change_authors_and_committers_in_lower_case(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    base = work.tip()
    work.git("checkout", "-q", "-b", "side")
    work.commit({"a": "1"})
    work.git("commit", "-q", "--amend", "--author", "Carol <Carol@Example.com>", "--no-edit", by=ALICE)
    assert GitHistory(opened(work.path)).authors(base, "side") == {"carol@example.com", "alice@example.com"}


def test_a_mailmap_in_the_repository_renames_nobody(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    base = work.tip()
    work.commit({".mailmap": "Someone Else <else@example.com> <bob@example.com>\n"})
    assert GitHistory(opened(work.path)).authors(base, "HEAD") == {BOB.email}


def test_main_is_the_local_branch_without_a_remote_and_the_remotes_with_one(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    assert GitHistory(opened(work.path)).main_tip() == work.tip()
    pushed = work.tip()
    bench.bare(of=work)
    work.commit({"a": "not pushed"})
    assert GitHistory(opened(work.path)).main_tip() == pushed


def test_a_main_branch_that_is_not_there_is_named(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.git("branch", "-m", "trunk")
    with pytest.raises(NeedsPerson, match="no branch main") as caught:
        GitHistory(opened(work.path)).main_tip()
    assert "reconciler.main" in caught.value.next_step


def test_a_remote_without_main_is_told_with_the_branches_that_it_has(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    bare = bench.bare(of=work)
    bare.git("branch", "-m", "main", "trunk")
    bare.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    clone = bench.clone(bare, "clone")
    with pytest.raises(NeedsPerson, match="never fetched") as caught:
        GitHistory(opened(clone.path)).main_tip()
    step = caught.value.next_step
    assert step.startswith("git config reconciler.main NAME, where main has another name there (trunk); else git fetch")
    clone.git("config", "reconciler.main", "trunk")
    assert GitHistory(opened(clone.path)).main_tip() == work.tip()


def test_a_source_is_kept_here_and_on_the_remote(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    local = GitHistory(opened(work.path))
    local.keep_source("sandbox", work.tip())
    assert work.refs()["refs/reconciler/sources/sandbox"] == work.tip()
    bare = bench.bare(of=work)
    clone = bench.clone(bare, "clone", depth=1)
    newer = clone.commit({"a": "x"})
    clone.push()
    history = GitHistory(opened(clone.path))
    history.fetch()
    for commit in (newer, newer):
        history.keep_source("sandbox", commit)
        assert bare.refs()["refs/reconciler/sources/sandbox"] == newer


@pytest.fixture
def shallow(bench: Workbench) -> tuple[Repo, Repo]:
    """A bare remote with three changes of `pins`, and a clone of depth 1."""
    work = bench.repository()
    for number in range(3):
        work.merge({"pins": str(number)})
    bare = bench.bare(of=work)
    return bare, bench.clone(bare, "shallow", depth=1)


def test_a_shallow_clone_says_what_to_fetch_and_never_answers_wrongly(
    shallow: tuple[Repo, Repo], opened: Opener
) -> None:
    bare, clone = shallow
    history = GitHistory(opened(clone.path))
    tip = history.main_tip()
    first = bare.git("rev-list", "--max-parents=0", "main")
    questions = [
        lambda: ids(history, tip, "pins"),
        lambda: ids(history, tip, "unheard-of"),
        lambda: history.commit(tip),
        lambda: history.is_ancestor(first, tip),
        lambda: history.authors(first, tip),
    ]
    for ask in questions:
        with pytest.raises(NeedsPerson) as caught:
            ask()
        assert "git fetch --unshallow origin" in caught.value.next_step


def test_the_line_to_type_for_a_shallow_clone_works(shallow: tuple[Repo, Repo], opened: Opener) -> None:
    _, clone = shallow
    history = GitHistory(opened(clone.path))
    with pytest.raises(NeedsPerson) as caught:
        ids(history, "HEAD", "pins")
    assert caught.value.next_step == "git fetch --unshallow origin"
    clone.git(*caught.value.next_step.split()[1:])
    assert len(ids(history, "HEAD", "pins")) == 3


def test_newer_commits_than_the_cut_are_answered_by_a_shallow_clone(shallow: tuple[Repo, Repo], opened: Opener) -> None:
    _, clone = shallow
    newest = clone.commit({"pins": "new"})
    found = next(iter(GitHistory(opened(clone.path)).changes("HEAD", ["pins"])))
    assert found.id == newest


def test_fetching_makes_a_clone_of_depth_one_whole_and_says_so(shallow: tuple[Repo, Repo], opened: Opener) -> None:
    bare, clone = shallow
    bare.git("update-ref", "refs/heads/ledger/sandbox", "main")
    bare.git("update-ref", "refs/reconciler/sources/sandbox", "main")
    history = GitHistory(opened(clone.path))
    said = "\n".join(history.fetch())
    assert "whole history from origin" in said
    assert "origin/ledger/sandbox: nothing → " in said
    assert len(ids(history, "HEAD", "pins")) == 3
    assert history.fetch() == []


def test_fetching_follows_a_rewritten_main_and_a_ledger_that_went(shallow: tuple[Repo, Repo], opened: Opener) -> None:
    bare, clone = shallow
    bare.git("update-ref", "refs/heads/ledger/sandbox", "main")
    history = GitHistory(opened(clone.path))
    history.fetch()
    bare.git("update-ref", "refs/heads/main", bare.tip("main~1"))
    bare.git("update-ref", "-d", "refs/heads/ledger/sandbox")
    said = "\n".join(history.fetch())
    assert history.main_tip() == bare.tip("main")
    assert "origin/ledger/sandbox" in said
    assert "gone" in said


def test_a_remote_that_is_away_is_tried_later_and_no_password_is_shown(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.git("remote", "add", "origin", "https://user:hunter2@127.0.0.1:1/x.git")
    with pytest.raises(RetryLater) as caught:
        GitHistory(opened(work.path)).fetch()
    assert "127.0.0.1" in caught.value.message
    assert "hunter2" not in caught.value.message + caught.value.next_step


def test_a_remote_without_main_is_named(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    bare = bench.bare()
    work.git("remote", "add", "origin", bare.url)
    with pytest.raises(NeedsPerson, match="has no branch main"):
        GitHistory(opened(work.path)).fetch()
