"""Remembered hashes: believed only while nothing about the file has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from reconciler import files
from reconciler.adapters.folder_target.hashes import HashCache
from tests.support.artifacts import sha256

AT_ONCE = -(10**12)


def ask(cache: HashCache, folder: Path) -> str:
    with files.opened_folder(folder) as opened:
        return cache.hash("m/model.onnx", "model.onnx", dir_fd=opened, limit=1 << 20)


def learn(folder: Path, *, still: int = AT_ONCE) -> Path:
    """Hash the file and keep what was learned; gives the cache's file."""
    cache = HashCache(folder / "cache", folder, still=still)
    assert ask(cache, folder) == sha256((folder / "model.onnx").read_bytes())
    cache.save({"m/model.onnx"})
    return next((folder / "cache").glob("*"), folder / "nothing was kept")


def test_a_file_that_has_not_changed_is_not_hashed_again(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    kept = learn(tmp_path)
    believed = json.loads(kept.read_text())
    believed["m/model.onnx"][-1] = sha256(b"a mark that only the cache can give")
    kept.write_text(json.dumps(believed))
    assert ask(HashCache(tmp_path / "cache", tmp_path), tmp_path) == sha256(b"a mark that only the cache can give")


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"model")
    learn(tmp_path)
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # until the file system's clock has ticked
        path.write_bytes(b"MODEL")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert ask(HashCache(tmp_path / "cache", tmp_path), tmp_path) == sha256(b"MODEL")


def test_the_hash_of_a_file_that_was_just_written_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    assert not learn(tmp_path, still=10**15).exists()


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    (tmp_path / "cache").write_text("a file where the folder would be")
    cache = HashCache(tmp_path / "cache", tmp_path, still=AT_ONCE)
    ask(cache, tmp_path)
    cache.save({"m/model.onnx"})
