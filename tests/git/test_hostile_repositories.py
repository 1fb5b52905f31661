"""A repository that wants its reader to run something, or to see something else than what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git import GitHistory, GitLedger, GitTrees
from reconciler.adapters.git.branches import GitBranches
from reconciler.domain.errors import NeedsPerson, VerificationFailed
from tests.git.conftest import Opener
from tests.support.ledgers import deploy, deployed
from tests.support.repositories import Repo, Workbench


@pytest.fixture
def work(bench: Workbench) -> Repo:
    repo = bench.repository()
    repo.commit({"manifests/a.yaml": "true"})
    return repo


def trap(folder: Path) -> Path:
    """A program that leaves `ran` beside it."""
    script = folder / "trap"
    script.write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
    script.chmod(0o755)
    return script


def everything(opened: Opener, work: Repo) -> None:
    """Use every port once."""
    repository = opened(work.path)
    trees, history, ledger = GitTrees(repository), GitHistory(repository), GitLedger(repository)
    for revision in ("HEAD", None):
        trees.contents([entry.blob for entry in trees.listing(revision, ["manifests"])[1].values()], 1000)
    list(history.changes("HEAD", ["manifests"]))
    state = ledger.read("production")
    ledger.append(state, deploy(), deployed(state.record))
    list(ledger.receipts("production", "payment-prediction"))
    history.keep_source("production", work.tip())
    GitBranches(repository).propose("reconciler/x", "HEAD", {"manifests/a.yaml": b"b"}, "Propose")


def test_no_hook_runs(work: Repo, bench: Workbench, opened: Opener) -> None:
    program = trap(bench.folder)
    names = ["reference-transaction", "post-checkout", "post-commit", "pre-push", "post-index-change", "update"]
    for name in names:
        (work.path / ".git/hooks" / name).symlink_to(program)
    bare = bench.bare(of=work)
    (bench.folder / "ran").unlink(missing_ok=True)
    assert bare.path.exists()
    everything_with_a_remote = opened(work.path)
    GitHistory(everything_with_a_remote).fetch()
    everything(opened, work)
    assert not (bench.folder / "ran").exists()


def test_no_filter_and_no_file_monitor_runs(work: Repo, bench: Workbench, opened: Opener) -> None:
    program = trap(bench.folder)
    for name in (
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "core.fsmonitor",
        "diff.evil.textconv",
    ):
        work.git("config", name, str(program))
    work.write({".gitattributes": "* filter=evil diff=evil\n", "manifests/b.yaml": "b"})
    work.git("-c", "core.fsmonitor=false", "-c", "filter.evil.clean=cat", "-c", "filter.evil.process=", "add", ".")
    (bench.folder / "ran").unlink(missing_ok=True)
    everything(opened, work)
    assert not (bench.folder / "ran").exists()


def test_blob_ids_of_the_working_tree_are_those_of_the_plain_bytes(work: Repo, opened: Opener) -> None:
    work.write({".gitattributes": "* text eol=crlf ident\n", "manifests/a.yaml": "a\r\n$Id$\r\n"})
    found = GitTrees(opened(work.path)).listing(None, ["manifests"])[1]
    assert found["manifests/a.yaml"].blob == work.git("hash-object", "--no-filters", "manifests/a.yaml")


def test_a_replaced_commit_is_read_as_it_was(work: Repo, opened: Opener) -> None:
    honest = work.tip()
    forged = work.commit({"manifests/a.yaml": "forged"})
    work.git("reset", "-q", "--hard", honest)
    work.git("replace", honest, forged)
    trees = GitTrees(opened(work.path))
    entry = trees.listing(honest, ["manifests"])[1]["manifests/a.yaml"]
    assert trees.contents([entry.blob], 100)[entry.blob] == b"true"


def test_grafted_parents_are_not_believed(work: Repo, opened: Opener) -> None:
    stranger = work.git("commit-tree", "-m", "stranger", work.tip("HEAD^{tree}"))
    (work.path / ".git/info").mkdir(exist_ok=True)
    (work.path / ".git/info/grafts").write_text(f"{work.tip()} {stranger}\n")
    assert not GitHistory(opened(work.path)).is_ancestor(stranger, "HEAD")


def test_an_ext_remote_runs_nothing(work: Repo, bench: Workbench, opened: Opener) -> None:
    work.git("remote", "add", "origin", f"ext::{trap(bench.folder)}")
    work.git("config", "protocol.ext.allow", "always")
    with pytest.raises(NeedsPerson, match="transport 'ext' not allowed"):
        GitHistory(opened(work.path)).fetch()
    assert not (bench.folder / "ran").exists()


def test_an_upload_pack_option_in_the_name_of_a_remote_is_refused(work: Repo, opened: Opener) -> None:
    work.git("config", "remote.--upload-pack=x.url", "file:///nowhere")
    work.git("config", "reconciler.remote", "--upload-pack=x")
    with pytest.raises(NeedsPerson, match="cannot be the name of a remote"):
        opened(work.path)


def test_a_tag_that_poses_as_a_ledger_is_none(work: Repo, opened: Opener) -> None:
    work.git("update-ref", "refs/tags/refs/heads/ledger/production", "HEAD")
    work.git("update-ref", "refs/heads/refs/heads/ledger/production", "HEAD")
    assert GitLedger(opened(work.path)).read("production").tip is None


def test_a_ledger_that_holds_something_else_is_refused(work: Repo, opened: Opener) -> None:
    work.git("update-ref", "refs/heads/ledger/production", "HEAD")
    ledger = GitLedger(opened(work.path))
    with pytest.raises(VerificationFailed, match="does not hold a record"):
        ledger.read("production")
    with pytest.raises(VerificationFailed, match=work.tip()):
        list(ledger.receipts("production"))
    with pytest.raises(VerificationFailed, match=work.tip()):
        list(ledger.lines("production"))


def test_the_ledger_of_another_environment_is_refused(work: Repo, opened: Opener) -> None:
    ledger = GitLedger(opened(work.path))
    state = ledger.read("sandbox")
    written = ledger.append(state, deploy("sandbox"), deployed(state.record))
    work.git("update-ref", "refs/heads/ledger/production", str(written.tip))
    with pytest.raises(VerificationFailed, match="does not hold a record of production"):
        ledger.read("production")


def test_an_emptied_ledger_is_not_a_ledger_without_deployments(work: Repo, opened: Opener) -> None:
    ledger = GitLedger(opened(work.path))
    state = ledger.read("production")
    written = ledger.append(state, deploy(), deployed(state.record))
    tree = work.git("mktree", feed="")
    empty = work.git("commit-tree", "-p", str(written.tip), "-m", "empty", tree)
    work.git("update-ref", "refs/heads/ledger/production", empty)
    with pytest.raises(VerificationFailed):
        ledger.read("production")


def test_a_link_in_a_ledger_is_refused(work: Repo, opened: Opener) -> None:
    blob = work.git("hash-object", "-w", "--stdin", feed="/etc/passwd")
    tree = work.git("mktree", feed=f"120000 blob {blob}\tformat.json\n")
    commit = work.git("commit-tree", "-m", "link", tree)
    work.git("update-ref", "refs/heads/ledger/production", commit)
    with pytest.raises(VerificationFailed, match=r"format\.json"):
        GitLedger(opened(work.path)).read("production")


def test_a_receipt_of_a_newer_format_asks_for_an_upgrade(work: Repo, opened: Opener) -> None:
    tree = work.tip("HEAD^{tree}")
    commit = work.git("commit-tree", "-m", 'deploy\n\n{"format_version": 99, "action": "deploy"}', tree)
    work.git("update-ref", "refs/heads/ledger/production", commit)
    with pytest.raises(VerificationFailed, match=f"{commit} has a receipt of format 99"):
        list(GitLedger(opened(work.path)).receipts("production"))


def test_texts_from_outside_cannot_break_a_ledger_commit(work: Repo, opened: Opener) -> None:
    ledger = GitLedger(opened(work.path))
    state = ledger.read("production")
    receipt = deploy(by="Eve\nparent 0 <eve@x>\x00", reason="two\n\nlines\x1b[31m " + "ü" * 300)
    written = ledger.append(state, receipt, deployed(state.record))
    assert list(ledger.receipts("production")) == [(written.tip, receipt)]
    assert work.git("log", "-1", "--format=%s", "ledger/production").startswith("deploy payment-prediction 1.0.0")
    work.git("fsck", "--strict")
