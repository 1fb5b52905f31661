"""SSH signatures of merges: who signed, and why a signature is none."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from reconciler.adapters.git import GitHistory
from tests.git.conftest import Opener
from tests.support.repositories import ALICE, Key, Repo, Workbench


@pytest.fixture
def alice(bench: Workbench) -> Key:
    return bench.key("alice@example.com")


@pytest.fixture
def signed(bench: Workbench, alice: Key) -> Repo:
    work = bench.repository()
    work.merge({"pins": "1"}, sign=alice, by=ALICE)
    return work


def test_a_merge_signed_by_an_allowed_signer_is_good_and_names_him(signed: Repo, alice: Key, opened: Opener) -> None:
    found = GitHistory(opened(signed.path)).signature("HEAD", alice.allowed)
    assert (found.status, found.principal) == ("good", "alice@example.com")


def test_an_unsigned_merge_has_none(bench: Workbench, alice: Key, opened: Opener) -> None:
    work = bench.repository()
    work.merge({"pins": "1"})
    assert GitHistory(opened(work.path)).signature("HEAD", alice.allowed).status == "none"


def test_a_stranger_is_bad(signed: Repo, bench: Workbench, opened: Opener) -> None:
    found = GitHistory(opened(signed.path)).signature("HEAD", bench.key("mallory@example.com").allowed)
    assert (found.status, found.principal) == ("bad", None)
    assert "not among the allowed signers" in found.detail


def test_no_allowed_signers_at_all_is_bad(signed: Repo, opened: Opener) -> None:
    assert GitHistory(opened(signed.path)).signature("HEAD", "").status == "bad"


def test_an_expired_key_is_bad(signed: Repo, alice: Key, opened: Opener) -> None:
    line = alice.allowed_with('valid-before="20250101"')
    assert GitHistory(opened(signed.path)).signature("HEAD", line).status == "bad"


def test_a_key_for_files_only_is_bad(signed: Repo, alice: Key, opened: Opener) -> None:
    line = alice.allowed_with('namespaces="file"')
    assert GitHistory(opened(signed.path)).signature("HEAD", line).status == "bad"


def test_a_revoked_key_is_bad(signed: Repo, alice: Key, opened: Opener) -> None:
    revoked = signed.path.parent / "revoked"
    revoked.write_text(alice.public + "\n")
    signed.git("config", "gpg.ssh.revocationFile", str(revoked))
    found = GitHistory(opened(signed.path)).signature("HEAD", alice.allowed)
    assert found.status == "bad"
    assert "revoked" in found.detail


@pytest.mark.parametrize("principal", ["*@example.com", "alice@example.com,bob@example.com", '"alice@example.com"'])
def test_a_principal_that_could_be_anybody_is_nobody(signed: Repo, alice: Key, opened: Opener, principal: str) -> None:
    found = GitHistory(opened(signed.path)).signature("HEAD", "# who\n\n" + alice.allowed_with(principal=principal))
    assert found.status == "bad"
    assert "line 3" in found.detail


def test_a_key_that_two_people_share_says_nothing(signed: Repo, alice: Key, opened: Opener) -> None:
    both = alice.allowed + alice.allowed_with('namespaces="git"', principal="bob@example.com")
    found = GitHistory(opened(signed.path)).signature("HEAD", both)
    assert found.status == "bad"
    assert "bob@example.com the key of alice@example.com" in found.detail


def test_a_signed_commit_that_was_altered_is_bad(signed: Repo, alice: Key, opened: Opener) -> None:
    raw = signed.git("cat-file", "commit", "HEAD").replace("Merge a change", "Merge another") + "\n"
    forged = signed.git("hash-object", "-t", "commit", "-w", "--stdin", feed=raw)
    assert GitHistory(opened(signed.path)).signature(forged, alice.allowed).status == "bad"


def test_another_kind_of_signature_is_bad_and_starts_no_program(bench: Workbench, alice: Key, opened: Opener) -> None:
    work = bench.repository()
    trap = bench.folder / "gpg"
    trap.write_text(f"#!/bin/sh\ntouch {bench.folder}/ran\n")
    trap.chmod(0o755)
    work.git("config", "gpg.program", str(trap))
    head, _, message = work.git("cat-file", "commit", "HEAD").partition("\n\n")
    raw = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n{message}\n"
    commit = work.git("hash-object", "-t", "commit", "-w", "--stdin", feed=raw)
    found = GitHistory(opened(work.path)).signature(commit, alice.allowed)
    assert (found.status, found.detail) == ("bad", "not an SSH signature")
    assert not (bench.folder / "ran").exists()


def test_the_file_of_allowed_signers_does_not_stay(
    signed: Repo, alice: Key, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert GitHistory(opened(signed.path)).signature("HEAD", alice.allowed).status == "good"
    assert list(folder.iterdir()) == []
