"""Remembered deployments: believed only while nothing about their files has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.adapters.folder_target import FolderTarget
from reconciler.adapters.folder_target.remembered import Remembered
from reconciler.domain.observed import Observed
from reconciler.tools import files
from tests.support.artifacts import artifact

AT_ONCE = -(10**12)


@pytest.fixture
def served(tmp_path: Path) -> Observed:
    """A deployment in the target `tmp_path/target`."""
    made = artifact("1.0.0", model="payments")
    deployed = Observed("payments", "1.0.0", made.digest, 1, "a" * 40)
    FolderTarget(tmp_path / "target", "production").deploy("payments", deployed, made.deployable)
    return deployed


def version_folder(tmp_path: Path) -> Path:
    return (tmp_path / "target" / "payments").resolve()


def learn(tmp_path: Path, served: Observed, *, still: int = AT_ONCE) -> Path:
    """Remember the deployment; gives the file that it is kept in."""
    remembered = Remembered(tmp_path / "cache", tmp_path / "target", still=still)
    with files.opened_folder(tmp_path / "target") as root:
        remembered.learn(root, version_folder(tmp_path).name, served)
    remembered.save()
    return next((tmp_path / "cache").glob("*"), tmp_path / "nothing was kept")


def recall(tmp_path: Path) -> Observed | None:
    with files.opened_folder(tmp_path / "target") as root:
        return Remembered(tmp_path / "cache", tmp_path / "target").recall(
            root, "payments", version_folder(tmp_path).name
        )


def test_what_has_not_changed_is_not_hashed_again(tmp_path: Path, served: Observed) -> None:
    kept = learn(tmp_path, served)
    believed = json.loads(kept.read_text())
    next(iter(believed.values()))[1]["detail"] = "a mark that only the cache can give"
    kept.write_text(json.dumps(believed))
    found = FolderTarget(tmp_path / "target", "production", tmp_path / "cache").observe()
    assert found.models["payments"].detail == "a mark that only the cache can give"
    hashed = FolderTarget(tmp_path / "target", "production", tmp_path / "cache").observe(hash_bytes=True)
    assert hashed.models["payments"] == served


@pytest.mark.parametrize("name", ["deployment.json", "manifest.json", "model.onnx", "model-card.json"])
def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path, served: Observed, name: str) -> None:
    learn(tmp_path, served)
    assert recall(tmp_path) == served
    path = version_folder(tmp_path) / name
    content, before = path.read_bytes(), path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # until the file system's clock has ticked
        path.write_bytes(content[:-1] + b"!")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert recall(tmp_path) is None
    found = FolderTarget(tmp_path / "target", "production", tmp_path / "cache").observe()
    assert not found.models["payments"].intact


def test_what_was_just_written_is_not_kept(tmp_path: Path, served: Observed) -> None:
    assert not learn(tmp_path, served, still=10**15).exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"payments/x": [1]}', b"\xff"])
def test_a_cache_that_is_none_costs_only_time(tmp_path: Path, served: Observed, content: bytes) -> None:
    learn(tmp_path, served).write_bytes(content)
    assert recall(tmp_path) is None
    assert FolderTarget(tmp_path / "target", "production", tmp_path / "cache").observe().models["payments"] == served


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path: Path, served: Observed) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")
    learn(tmp_path, served)
