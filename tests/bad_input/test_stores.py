"""Bytes of the store, the target and the snapshots that were altered, cut or taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bad_input import DAMAGES, cut, flip, refused, untouched
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL

Damage = Callable[[Path], None]
damages = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())


def blob(company: Company, number: str, media: str) -> Path:
    """A blob of a version: its `manifest`, or the layer whose file name ends so."""
    blobs = company.home / "store/blobs/sha256"
    manifest = blobs / company.digest(number).removeprefix("sha256:")
    if media == "manifest":
        return manifest
    layers = json.loads(manifest.read_bytes())["layers"]
    layer = next(each for each in layers if each["annotations"]["org.cncf.model.filepath"].endswith(media))
    return Path(blobs / layer["digest"].removeprefix("sha256:"))


def test_a_promotion_of_altered_bytes_is_refused_and_the_old_model_serves_on(company: Company) -> None:
    company.in_production("1.0.0")
    company.add("1.1.0")
    company.apply()
    company.promote()
    for media in ("manifest", ".onnx"):
        path = blob(company, "1.1.0", media)
        kept = path.read_bytes()
        for damage in DAMAGES.values():
            damage(path)
            named = path.name if (damage, media) == (flip, ".onnx") else "restore the store"
            refused(company.run("apply", "--yes", code=5), named)
            assert company.serves() == "1.0.0"
            path.write_bytes(kept)
    company.apply("--retry")
    assert company.serves() == "1.1.0"
    company.settled()


def test_rollback_and_verify_refuse_altered_bytes_and_make_no_branch(serving: Company) -> None:
    path = blob(serving, "1.0.0", ".onnx")
    kept = path.read_bytes()
    for damage in DAMAGES.values():
        damage(path)
        with untouched(serving):
            refused(serving.run("rollback", MODEL, "-e", "production", code=5), "next:")
            refused(serving.run("verify", code=5), f"{MODEL}@1.0.0", "next:")
        path.write_bytes(kept)
    serving.run("rollback", MODEL, "-e", "production")


def test_predict_opens_no_altered_bytes_and_apply_heals_them(serving: Company) -> None:
    for damage in DAMAGES.values():
        for name in ("model.onnx", "model-card.json", "manifest.json"):
            damage(serving.home / "targets/production" / MODEL / name)
            told = serving.run("predict", "-e", "production", code=5)
            refused(told, "is not what was deployed", "reconciler apply puts it back")
        refused(serving.run("verify", code=5), "target of production", "reconciler apply heals it")
        assert serving.apply() == ["heal production 1.1.0"]
    serving.settled()


@damages
def test_an_index_of_the_store_that_is_damaged_stops_a_training_and_is_named(company: Company, damage: Damage) -> None:
    company.in_production("1.0.0")
    index = company.home / "store/index.json"
    kept = index.read_bytes()
    damage(index)
    company.add("1.1.0")
    refused(company.run("verify", code=5), "index", "next: restore")
    if damage is cut:
        refused(company.run("apply", "--yes", code=5), "index.json cannot be read", "restore")
        assert company.serves("sandbox") == "1.0.0"
    index.write_bytes(kept)
    company.apply("--retry")
    assert company.serves("sandbox") == "1.1.0"
    company.settled()


@damages
def test_a_damaged_snapshot_trains_nothing_and_a_refresh_mends_it(company: Company, damage: Damage) -> None:
    part = next(path for path in sorted((company.home / "snapshots").rglob("*.parquet")))
    damage(part)
    company.add("1.0.0")
    told = company.run("apply", "--yes", code=5)
    refused(told, "snapshot", "reconciler data refresh")
    assert company.serves("sandbox") is None
    refused(company.run("verify", code=5), "snapshot")
    company.run("data", "refresh", "sandbox")
    company.apply("--retry")
    assert company.serves("sandbox") == "1.0.0"
    company.settled()


@pytest.mark.parametrize("part", ["store", "store/blobs", "targets/production/.versions", "snapshots"])
def test_a_file_where_a_folder_belongs_is_named_and_nothing_is_written(serving: Company, part: str) -> None:
    place = serving.home / part
    place.rename(serving.home / "aside")
    place.touch()
    with untouched(serving):
        refused(serving.run("verify", code=5), str(place.parent))
        told = serving.run("apply", "--yes", code=3 if "targets" in part else 0)
        refused(told)
    place.unlink()
    (serving.home / "aside").rename(place)
    serving.settled()


def test_a_folder_of_the_reconciler_may_be_a_symlink(serving: Company) -> None:
    serving.home.rename(serving.folder / "elsewhere")
    serving.home.symlink_to(serving.folder / "elsewhere")
    serving.settled()
