"""A store on a disk that refuses, and a process that dies in the middle: never half an artifact."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.oci_layout import OciLayout
from reconciler.core.packaging import package
from reconciler.domain.errors import RetryLater
from tests.support import killpoint
from tests.support.artifacts import Made, artifact, sha256
from tests.support.components import needs, remount, tmpfs
from tests.support.registry import copy, registry

ROOT = Path(__file__).parents[2]


def big() -> Made:
    """An artifact with a model of 3 MiB: more than the disk has."""
    made = artifact("9.0.0")
    model = bytes(range(256)) * (3 << 12)
    files = {"model.onnx": model, "model-card.json": b"{}"}
    sizes = {name: (sha256(content), len(content)) for name, content in files.items()}
    packed = package(model=made.model, version="9.0.0", fingerprint=made.fingerprint, files=sizes)
    blobs = {packed.config_digest: packed.config, **{sha256(content): content for content in files.values()}}
    return Made(made.model, "9.0.0", packed.digest, made.fingerprint, packed.manifest, blobs, files)


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", request.param) as mounted:
        yield mounted


@pytest.mark.real
@pytest.mark.parametrize(
    ("disk", "more"), [("size=1m", "size=8m"), ("nr_inodes=7", "nr_inodes=100")], indirect=["disk"]
)
def test_a_full_disk_is_retried_later_and_the_rerun_completes(disk: Path, more: str) -> None:
    store, made = OciLayout(disk / "store"), big()
    with pytest.raises(RetryLater, match="cannot be written") as refused:
        store.put(made.manifest, made.blobs, made.fingerprint)
    assert "run the same command again" in refused.value.next_step
    assert store.find(made.fingerprint) is None
    assert not store.has(made.digest)
    assert list(store.verify()) == []
    remount(disk, more)
    assert store.put(made.manifest, made.blobs, made.fingerprint) == made.digest
    assert dict(store.files(made.digest)) == made.files
    assert list(store.verify()) == []


@pytest.mark.real
@pytest.mark.parametrize("disk", ["size=8m"], indirect=True)
def test_a_read_only_store_is_read_and_not_written(disk: Path) -> None:
    store, made, other = OciLayout(disk / "store"), artifact(), artifact("2.0.0")
    store.put(made.manifest, made.blobs, made.fingerprint)
    remount(disk, "ro")
    try:
        assert dict(store.files(made.digest)) == made.files
        assert list(store.verify()) == []
        with pytest.raises(RetryLater, match="Read-only"):
            store.put(other.manifest, other.blobs, other.fingerprint)
    finally:
        remount(disk, "rw")
    assert store.put(other.manifest, other.blobs, other.fingerprint) == other.digest


def test_a_store_below_a_file_is_retried_later_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RetryLater, match="file"):
        OciLayout(tmp_path / "file" / "store").put(artifact().manifest, artifact().blobs, artifact().fingerprint)


PUT = """
import sys
from pathlib import Path
from reconciler.adapters.oci_layout import OciLayout
from tests.support.artifacts import artifact
made = artifact()
OciLayout(Path(sys.argv[1])).put(made.manifest, made.blobs, made.fingerprint)
"""


def test_killed_at_any_fsync_or_rename_a_rerun_completes_and_nothing_is_half_stored(tmp_path: Path) -> None:
    library = killpoint.build(tmp_path)
    whole = killpoint.run(library, [sys.executable, "-c", PUT, str(tmp_path / "whole")], cwd=ROOT)
    assert whole.returncode == 0, whole.stderr
    assert whole.points > 15
    assert killpoint.not_durable(whole.log) == []
    made = artifact()
    for at in range(1, whole.points + 1):
        root = tmp_path / f"at-{at}"
        assert killpoint.run(library, [sys.executable, "-c", PUT, str(root)], at=at, cwd=ROOT).killed
        store = OciLayout(root)
        assert list(store.verify()) == [], whole.log[at - 1]
        if store.find(made.fingerprint):
            assert dict(store.files(made.digest)) == made.files, whole.log[at - 1]
        store.put(made.manifest, made.blobs, made.fingerprint)
        assert contents(root) == contents(tmp_path / "whole"), whole.log[at - 1]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_two_processes_that_store_at_once_both_end_well(tmp_path: Path) -> None:
    started = [subprocess.Popen([sys.executable, "-c", PUT, str(tmp_path / "store")], cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    store = OciLayout(tmp_path / "store")
    assert store.find(artifact().fingerprint) == artifact().digest
    assert list(store.verify()) == []


@pytest.mark.real
def test_to_a_real_registry_and_back_gives_equal_bytes(tmp_path: Path) -> None:
    needs("docker-registry", "skopeo")
    store, made = OciLayout(tmp_path / "store"), artifact()
    store.put(made.manifest, made.blobs, made.fingerprint)
    tag = f"fp-{made.fingerprint.removeprefix('sha256:')}"
    with registry(tmp_path / "registry") as host:
        copy(f"oci:{store.root}:{tag}", f"docker://{host}/payment-prediction:{tag}")
        copy(f"docker://{host}/payment-prediction:{tag}", f"oci:{tmp_path / 'back'}:{tag}")
    back = OciLayout(tmp_path / "back")
    assert back.find(made.fingerprint) == made.digest
    assert back.manifest(made.digest) == made.manifest
    assert dict(back.blobs(made.digest)) == made.blobs
    assert list(back.verify()) == []
