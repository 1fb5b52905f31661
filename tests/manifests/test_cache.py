"""The cache: work grows with what changed, and losing it costs only time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.adapters.manifests import Manifests
from tests.support.manifests import E_PRODUCTION, SOUND, VERSION, V, edited
from tests.support.trees import MemoryTrees


def many(count: int) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = dict(SOUND)
    for number in range(1, count):
        files[f"manifests/models/payment-prediction/1.0.{number}.yaml"] = VERSION.replace("1.0.0", f"1.0.{number}")
    return files


def test_nothing_is_parsed_and_nothing_is_fetched_when_nothing_changed(tmp_path: Path) -> None:
    trees = MemoryTrees(SOUND)
    first = Manifests(trees, tmp_path)
    before = first.read(None)
    assert first.parsed == 5
    fetched = trees.fetched
    again = Manifests(trees, tmp_path)
    assert again.read(None) == before
    assert (again.parsed, trees.fetched) == (0, fetched)


def test_after_one_changed_file_among_many_exactly_that_one_is_parsed(tmp_path: Path) -> None:
    files = many(1000)
    Manifests(MemoryTrees(files), tmp_path).read(None)
    files["manifests/models/payment-prediction/1.0.500.yaml"] += "# changed\n"  # type: ignore[operator]
    trees = MemoryTrees(files)
    manifests = Manifests(trees, tmp_path)
    source = manifests.read(None)
    assert (manifests.parsed, trees.fetched, len(source.versions)) == (1, 1, 1000)


def test_problems_are_remembered_too(tmp_path: Path) -> None:
    trees = MemoryTrees(edited(v=VERSION.replace("outcomes", "outcome")))
    first = Manifests(trees, tmp_path).read(None)
    again = Manifests(trees, tmp_path)
    assert again.read(None).problems == first.problems != ()
    assert again.parsed == 0


def test_equal_bytes_in_two_roles_are_two_things(tmp_path: Path) -> None:
    files = edited(**{"manifests/releases/copy.yaml": SOUND[E_PRODUCTION]})
    for _ in range(2):
        (problem,) = Manifests(MemoryTrees(files), tmp_path).read(None).problems
        assert problem.summary == "this is a Environment"


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "empty", "older reader", "other shape", "a folder"])
def test_a_cache_that_is_damaged_costs_only_time(tmp_path: Path, damage: str) -> None:
    trees = MemoryTrees(SOUND)
    before = Manifests(trees, tmp_path).read(None)
    file = tmp_path / "manifests.json"
    content = file.read_bytes()
    if damage in ("gone", "a folder"):
        file.unlink()
        if damage == "a folder":
            file.mkdir()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        file.write_bytes(content.replace(b"payment-prediction", b"payment-predictioo"))
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        import hashlib

        body = json.dumps({"reader": "old", "files": {}} if damage == "older reader" else [1]).encode()
        file.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    again = Manifests(trees, tmp_path)
    assert again.read(None) == before
    assert again.parsed == 5


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Manifests(MemoryTrees(SOUND), tmp_path / "file" / "below").read(None).problems == ()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_cache_is_plain_json_and_leaves_no_other_file(tmp_path: Path) -> None:
    Manifests(MemoryTrees(SOUND), tmp_path).read(None)
    assert [path.name for path in tmp_path.iterdir()] == ["manifests.json"]
    body = (tmp_path / "manifests.json").read_bytes().partition(b"\n")[2]
    assert len(json.loads(body)["files"]) == 5


def test_versions_are_not_built_until_something_asks(tmp_path: Path) -> None:
    trees = MemoryTrees(SOUND)
    Manifests(trees, tmp_path).read(None)
    source = Manifests(trees, tmp_path).read(None)
    version = source.versions["payment-prediction", "1.0.0"]
    assert "manifest" not in vars(version)
    assert version.manifest.spec.estimator.seed == 7
    assert version.place.file == V


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".manifests.json.4711").write_text("half")
    Manifests(MemoryTrees(SOUND), tmp_path).read(None)
    assert [path.name for path in tmp_path.iterdir()] == ["manifests.json"]
