"""What every artifact store does, whatever it is made of. Add a factory to run the suite on another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.oci_layout import OciLayout
from reconciler.domain.errors import VerificationFailed
from reconciler.ports import ArtifactStore
from reconciler.testing import FakeStore
from tests.support.artifacts import Made, artifact, sha256

FACTORIES: dict[str, Callable[[Path], ArtifactStore]] = {
    "oci-layout": lambda folder: OciLayout(folder / "store"),
    "fake": lambda _folder: FakeStore(),
}


@pytest.fixture(params=list(FACTORIES.values()), ids=list(FACTORIES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    made: ArtifactStore = request.param(tmp_path)
    return made


def put(store: ArtifactStore, made: Made) -> str:
    return store.put(made.manifest, made.blobs, made.fingerprint)


def test_an_empty_store_has_nothing_and_no_fault(store: ArtifactStore) -> None:
    made = artifact()
    assert store.find(made.fingerprint) is None
    assert not store.has(made.digest)
    assert list(store.verify()) == []


def test_what_was_put_is_found_by_its_fingerprint_and_comes_back_byte_for_byte(store: ArtifactStore) -> None:
    made = artifact()
    assert put(store, made) == made.digest == sha256(made.manifest)
    assert store.find(made.fingerprint) == made.digest
    assert store.has(made.digest)
    assert store.manifest(made.digest) == made.manifest
    assert dict(store.files(made.digest)) == made.files
    assert dict(store.blobs(made.digest)) == made.blobs
    assert list(store.verify()) == []


def test_putting_twice_is_putting_once(store: ArtifactStore) -> None:
    made = artifact()
    assert put(store, made) == put(store, made)
    assert store.find(made.fingerprint) == made.digest


def test_two_versions_are_found_apart(store: ArtifactStore) -> None:
    first, second = artifact("1.0.0"), artifact("1.1.0")
    put(store, first)
    put(store, second)
    assert store.find(first.fingerprint) == first.digest
    assert store.find(second.fingerprint) == second.digest
    assert dict(store.files(first.digest)) == first.files


def test_blobs_may_be_given_as_files(store: ArtifactStore, tmp_path: Path) -> None:
    made = artifact()
    given: dict[str, bytes | Path] = {}
    for number, (digest, content) in enumerate(made.blobs.items()):
        given[digest] = tmp_path / f"blob-{number}"
        (tmp_path / f"blob-{number}").write_bytes(content)
    store.put(made.manifest, given, made.fingerprint)
    assert dict(store.files(made.digest)) == made.files


def test_what_one_store_gives_another_takes(store: ArtifactStore, tmp_path: Path) -> None:
    made = artifact()
    other = OciLayout(tmp_path / "other")
    other.put(made.manifest, made.blobs, made.fingerprint)
    store.put(other.manifest(made.digest), dict(other.blobs(made.digest)), made.fingerprint)
    assert dict(store.files(made.digest)) == made.files


def test_bytes_that_are_not_those_of_their_digest_are_refused_and_nothing_is_tagged(store: ArtifactStore) -> None:
    made = artifact()
    wrong = {digest: content + b"x" for digest, content in made.blobs.items()}
    with pytest.raises(VerificationFailed, match="sha256:"):
        store.put(made.manifest, wrong, made.fingerprint)
    assert store.find(made.fingerprint) is None


def test_a_blob_that_the_manifest_names_and_nobody_gives_is_refused(store: ArtifactStore) -> None:
    made = artifact()
    with pytest.raises(VerificationFailed, match="was not given"):
        store.put(made.manifest, dict(list(made.blobs.items())[:1]), made.fingerprint)


def test_a_manifest_that_is_not_a_model_s_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(VerificationFailed, match="manifest"):
        store.put(b'{"schemaVersion": 2}', {}, artifact().fingerprint)


@pytest.mark.parametrize("ask", ["manifest", "files", "blobs"])
def test_asking_for_what_is_not_there_fails_verification_and_names_the_digest(store: ArtifactStore, ask: str) -> None:
    made = artifact()
    with pytest.raises(VerificationFailed, match=made.digest):
        getattr(store, ask)(made.digest)


@pytest.mark.parametrize("digest", ["sha256:../../../etc/passwd", "md5:00", "", "sha256:" + "A" * 64, "/etc/passwd"])
def test_a_digest_that_is_not_one_is_refused(store: ArtifactStore, digest: str) -> None:
    assert not store.has(digest)
    with pytest.raises(VerificationFailed):
        store.files(digest)
