"""A store that somebody else wrote to: every lie is refused, named, and comes with what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.oci_layout import OciLayout
from reconciler.domain.errors import VerificationFailed
from tests.support.artifacts import Made, artifact, sha256

MADE = artifact()
MODEL = sha256(MADE.files["model.onnx"])


@pytest.fixture
def store(tmp_path: Path) -> OciLayout:
    made = OciLayout(tmp_path / "store")
    made.put(MADE.manifest, MADE.blobs, MADE.fingerprint)
    return made


def blob(store: OciLayout, digest: str) -> Path:
    return store.root / "blobs" / "sha256" / digest.removeprefix("sha256:")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def link_away(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [flip, cut, link_away, become_a_pipe, become_a_folder, Path.unlink])
def test_a_harmed_blob_is_refused_and_named_with_what_to_do(store: OciLayout, harm: Callable[[Path], None]) -> None:
    harm(blob(store, MODEL))
    with pytest.raises(VerificationFailed, match=MODEL) as refused:
        store.files(MADE.digest)
    assert "copy it back" in refused.value.next_step
    told = [fault for fault in store.verify() if MODEL in fault.where]
    assert len(told) == 1
    assert "copy it back" in told[0].next_step


@pytest.mark.parametrize("harm", [flip, cut, link_away, Path.unlink])
def test_a_harmed_manifest_is_refused_and_named(store: OciLayout, harm: Callable[[Path], None]) -> None:
    harm(blob(store, MADE.digest))
    assert not store.has(MADE.digest)
    with pytest.raises(VerificationFailed, match=MADE.digest):
        store.files(MADE.digest)
    assert any(MADE.digest in fault.where for fault in store.verify())


def test_a_cut_or_missing_blob_means_the_store_does_not_have_it(store: OciLayout) -> None:
    cut(blob(store, MODEL))
    assert not store.has(MADE.digest)


def test_a_harmed_blob_is_never_overwritten_by_storing_it_again(store: OciLayout) -> None:
    flip(blob(store, MODEL))
    harmed = blob(store, MODEL).read_bytes()
    with pytest.raises(VerificationFailed, match=MODEL):
        store.put(MADE.manifest, MADE.blobs, MADE.fingerprint)
    assert blob(store, MODEL).read_bytes() == harmed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b'{"schemaVersion": 2}',
        b'{"schemaVersion": 2, "manifests": {}}',
        b'{"schemaVersion": 2, "manifests": [1]}',
        b"[" * 200_000,
        b'{"schemaVersion": 2, "manifests": [',
    ],
)
def test_an_index_that_is_not_one_is_refused_by_name(store: OciLayout, content: bytes) -> None:
    (store.root / "index.json").write_bytes(content)
    with pytest.raises(VerificationFailed, match=r"index\.json"):
        store.find(MADE.fingerprint)
    assert any("index.json" in fault.where for fault in store.verify())


def test_a_huge_index_is_not_read(store: OciLayout) -> None:
    os.truncate(store.root / "index.json", 40 << 30)  # sparse: it has no bytes, only a size
    with pytest.raises(VerificationFailed, match="larger than"):
        store.find(MADE.fingerprint)


def test_an_index_behind_a_symlink_is_refused(store: OciLayout, tmp_path: Path) -> None:
    (store.root / "index.json").rename(tmp_path / "index.json")
    (store.root / "index.json").symlink_to(tmp_path / "index.json")
    with pytest.raises(VerificationFailed, match="symlink"):
        store.find(MADE.fingerprint)


def test_a_blobs_folder_behind_a_symlink_is_refused(store: OciLayout, tmp_path: Path) -> None:
    (store.root / "blobs").rename(tmp_path / "blobs")
    (store.root / "blobs").symlink_to(tmp_path / "blobs")
    with pytest.raises(VerificationFailed, match="symlinks are not followed"):
        store.files(MADE.digest)
    with pytest.raises(VerificationFailed):
        store.put(MADE.manifest, MADE.blobs, MADE.fingerprint)
    assert list(store.verify())


def retag(store: OciLayout, *digests: str) -> None:
    index = json.loads((store.root / "index.json").read_bytes())
    entry = index["manifests"][0]
    index["manifests"] = [{**entry, "digest": digest} for digest in digests]
    (store.root / "index.json").write_text(json.dumps(index))


def test_a_tag_on_two_digests_is_refused(store: OciLayout) -> None:
    retag(store, MADE.digest, "sha256:" + "0" * 64)
    with pytest.raises(VerificationFailed, match="more than once"):
        store.find(MADE.fingerprint)


def test_a_digest_that_climbs_out_of_the_store_is_refused(store: OciLayout) -> None:
    retag(store, "sha256:../../../../etc/passwd")
    with pytest.raises(VerificationFailed):
        store.find(MADE.fingerprint)
    assert any("cannot be followed" in fault.what for fault in store.verify())


def self_made(change: Callable[[dict[str, Any]], None]) -> tuple[bytes, str]:
    document = json.loads(MADE.manifest)
    change(document)
    content = json.dumps(document).encode()
    return content, sha256(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["layers"][0]["annotations"].update({"org.cncf.model.filepath": "../../evil"}),
        lambda d: d["layers"][0]["annotations"].update({"org.cncf.model.filepath": "/etc/passwd"}),
        lambda d: d["layers"][0]["annotations"].update({"org.cncf.model.filepath": "a\nb"}),
        lambda d: d["layers"][1]["annotations"].update({"org.cncf.model.filepath": "model.onnx"}),
        lambda d: d["layers"][0].update({"digest": "sha256:../../x"}),
        lambda d: d["layers"][0].update({"size": 1 << 60}),
        lambda d: d["layers"][0].update({"size": -1}),
        lambda d: d["layers"][0].update({"size": True}),
        lambda d: d.update({"layers": []}),
        lambda d: d.update({"layers": d["layers"] * 50}),
        lambda d: d.update({"config": None}),
        lambda d: d.update({"artifactType": "application/x-other"}),
    ],
)
def test_a_manifest_that_lies_is_refused_though_its_digest_is_right(
    store: OciLayout, change: Callable[[dict[str, Any]], None]
) -> None:
    content, digest = self_made(change)
    blob(store, digest).write_bytes(content)
    assert not store.has(digest)
    with pytest.raises(VerificationFailed, match=digest):
        store.files(digest)


def test_a_layer_with_another_size_than_the_manifest_says_is_refused(store: OciLayout) -> None:
    content, digest = self_made(lambda d: d["layers"][0].update({"size": 3}))
    blob(store, digest).write_bytes(content)
    with pytest.raises(VerificationFailed, match=MODEL):
        store.files(digest)


def test_files_that_are_no_blobs_are_told_and_leftovers_of_a_crash_are_not(store: OciLayout) -> None:
    (store.root / "blobs" / "sha256" / "notes.txt").write_text("x")
    (store.root / "blobs" / "sha256" / ".tmp-0123").write_text("half a blob")
    told = list(store.verify())
    assert len(told) == 1
    assert told[0].where.endswith("notes.txt")
    store.put(MADE.manifest, MADE.blobs, MADE.fingerprint)
    assert not (store.root / "blobs" / "sha256" / ".tmp-0123").exists()


def test_entries_of_other_tools_survive_and_are_only_hashed(store: OciLayout) -> None:
    foreign = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}'
    blob(store, sha256(foreign)).write_bytes(foreign)
    path = store.root / "index.json"
    index = json.loads(path.read_bytes())
    entry = {"mediaType": "x/y", "digest": sha256(foreign), "size": len(foreign), "annotations": {"their": "note"}}
    index["manifests"].insert(0, entry)
    index["annotations"] = {"kept": "yes"}
    path.write_text(json.dumps(index))
    other: Made = artifact("2.0.0")
    store.put(other.manifest, other.blobs, other.fingerprint)
    after = json.loads(path.read_bytes())
    assert entry in after["manifests"]
    assert after["annotations"] == {"kept": "yes"}
    assert list(store.verify()) == []


def test_a_fingerprint_stored_again_with_other_bytes_moves_the_tag_and_keeps_the_old_artifact(store: OciLayout) -> None:
    other = artifact("1.0.0", salt="another platform")
    store.put(other.manifest, other.blobs, MADE.fingerprint)
    assert store.find(MADE.fingerprint) == other.digest
    assert dict(store.files(MADE.digest)) == MADE.files
    assert list(store.verify()) == []
