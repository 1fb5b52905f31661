"""Files of a commit and of the working tree."""

from __future__ import annotations

import os

import pytest

from reconciler.adapters.git import GitTrees
from reconciler.domain.errors import NeedsPerson, PlanAgain
from reconciler.ports import Entry
from tests.git.conftest import Opener
from tests.support.repositories import Workbench

FOLDERS = ("manifests", "environments")


def test_a_commit_lists_the_files_below_the_folders(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    commit = work.commit({"manifests/a.yaml": "a", "environments/p/q.yaml": "b", "src/x.py": "c"})
    found, listing = GitTrees(opened(work.path)).listing("HEAD", FOLDERS)
    assert found == commit
    assert listing == {
        "manifests/a.yaml": Entry("100644", work.tip("HEAD:manifests/a.yaml")),
        "environments/p/q.yaml": Entry("100644", work.tip("HEAD:environments/p/q.yaml")),
    }


@pytest.mark.parametrize("revision", ["HEAD", None])
def test_while_git_lists_something_else_can_be_done(bench: Workbench, opened: Opener, revision: str | None) -> None:
    work, done = bench.repository(), []
    work.commit({"manifests/a.yaml": "a"})
    _, listing = GitTrees(opened(work.path)).listing(revision, FOLDERS, lambda: done.append("once"))
    assert (done, list(listing)) == (["once"], ["manifests/a.yaml"])


def test_what_fails_meanwhile_is_told_and_leaves_no_git_behind(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({"manifests/a.yaml": "a"})
    trees = GitTrees(opened(work.path))

    def fail() -> None:
        raise NeedsPerson("something else is wrong")

    with pytest.raises(NeedsPerson, match="something else"):
        trees.listing("HEAD", FOLDERS, fail)
    assert list(trees.listing("HEAD", FOLDERS)[1]) == ["manifests/a.yaml"], "and the next question is answered"


def test_a_commit_without_the_folders_lists_nothing(bench: Workbench, opened: Opener) -> None:
    assert GitTrees(opened(bench.repository().path)).listing("HEAD", FOLDERS)[1] == {}


def test_contents_come_by_blob_and_large_ones_are_none(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({"manifests/a": "12345", "manifests/b": "123456", "manifests/c": ""})
    trees = GitTrees(opened(work.path))
    listing = trees.listing("HEAD", FOLDERS)[1]
    found = trees.contents([entry.blob for entry in listing.values()], 5)
    assert [found[listing[f"manifests/{name}"].blob] for name in "abc"] == [b"12345", None, b""]


def test_hundreds_of_files_are_read_whole(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({f"manifests/{number}.yaml": f"number: {number}\n" * 50 for number in range(450)})
    trees = GitTrees(opened(work.path))
    listing = trees.listing("HEAD", FOLDERS)[1]
    found = trees.contents([entry.blob for entry in listing.values()], 1 << 20)
    assert all(
        found[listing[f"manifests/{number}.yaml"].blob] == f"number: {number}\n".encode() * 50 for number in range(450)
    )


def test_links_are_their_targets_and_submodules_are_left_out(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.path.joinpath("manifests").mkdir()
    work.path.joinpath("manifests/link.yaml").symlink_to("/etc/passwd")
    work.git("add", "manifests")
    work.git("update-index", "--add", "--cacheinfo", f"160000,{work.tip()},manifests/module")
    work.git("commit", "-q", "-m", "Link")
    trees = GitTrees(opened(work.path))
    for revision in ("HEAD", None):
        listing = trees.listing(revision, FOLDERS)[1]
        assert {path: entry.mode for path, entry in listing.items()} == {"manifests/link.yaml": "120000"}
        blob = listing["manifests/link.yaml"].blob
        assert trees.contents([blob], 100) == {blob: b"/etc/passwd"}


def test_the_working_tree_has_edits_and_new_files_but_none_that_are_ignored(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({"manifests/a": "old", "manifests/gone": "x", ".gitignore": "*.tmp\n"})
    work.write({"manifests/a": "new", "manifests/gone": None, "manifests/b": "b", "manifests/c.tmp": "c"})
    trees = GitTrees(opened(work.path))
    commit, listing = trees.listing(None, FOLDERS)
    assert commit is None
    assert sorted(listing) == ["manifests/a", "manifests/b"]
    assert listing["manifests/a"].blob == work.git("hash-object", "manifests/a")
    assert trees.contents([listing["manifests/a"].blob], 100) == {listing["manifests/a"].blob: b"new"}


def test_a_folder_that_became_a_link_leads_nowhere(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({"manifests/deep/a": "inside"})
    outside = bench.folder / "outside"
    outside.mkdir()
    (outside / "a").write_text("secret")
    work.write({"manifests/deep/a": None})
    (work.path / "manifests/deep").rmdir()
    (work.path / "manifests/deep").symlink_to(outside)
    listing = GitTrees(opened(work.path)).listing(None, FOLDERS)[1]
    assert "manifests/deep/a" not in listing


def test_a_pipe_in_the_working_tree_does_not_hang(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.commit({"manifests/a": "x"})
    (work.path / "manifests/a").unlink()
    os.mkfifo(work.path / "manifests/a")
    assert GitTrees(opened(work.path)).listing(None, FOLDERS)[1] == {}


def test_a_file_that_changes_while_it_is_read_asks_to_run_again(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    work.write({"manifests/a": "one"})
    trees = GitTrees(opened(work.path))
    blob = trees.listing(None, FOLDERS)[1]["manifests/a"].blob
    work.write({"manifests/a": "two"})
    with pytest.raises(PlanAgain, match="manifests/a"):
        trees.contents([blob], 100)


@pytest.mark.parametrize("revision", ["nothing", "--all", "-1", "HEAD:manifests", "a\0b", "", "HEAD\n", "@{x}"])
def test_what_is_no_commit_is_refused_by_name(bench: Workbench, opened: Opener, revision: str) -> None:
    with pytest.raises(NeedsPerson):
        GitTrees(opened(bench.repository().path)).listing(revision, FOLDERS)


def test_names_that_are_not_text_or_begin_with_a_dash_are_listed(bench: Workbench, opened: Opener) -> None:
    work = bench.repository()
    name = os.fsdecode(b"manifests/\xff\n-x")
    work.commit({name: "odd", "manifests/-y": "dash"})
    trees = GitTrees(opened(work.path))
    for revision in ("HEAD", None):
        assert sorted(trees.listing(revision, FOLDERS)[1]) == sorted([name, "manifests/-y"])
