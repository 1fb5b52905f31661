"""Config and manifest of an artifact: the bytes that decide its digest never change by accident."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.core.packaging import package
from reconciler.domain.oci import Descriptor, read_manifest
from tests.support.artifacts import artifact, sha256

GOLDEN = Path(__file__).parent / "golden"


def test_the_bytes_are_those_of_the_golden_files() -> None:
    made = artifact()
    config = next(content for content in made.blobs.values() if content.startswith(b'{"config"'))
    assert made.manifest == (GOLDEN / "manifest.json").read_bytes()
    assert config == (GOLDEN / "config.json").read_bytes()
    assert made.digest == sha256((GOLDEN / "manifest.json").read_bytes())


def test_what_is_written_is_what_is_read() -> None:
    made = artifact()
    read = read_manifest(made.manifest)
    assert [layer.name for layer in read.layers] == ["model.onnx", "model-card.json"]
    assert {blob.digest: blob.size for blob in read.blobs} == {d: len(c) for d, c in made.blobs.items()}
    assert read.layers[0] == Descriptor(sha256(made.files["model.onnx"]), len(made.files["model.onnx"]), "model.onnx")


def test_the_order_in_which_files_are_given_does_not_matter() -> None:
    sizes = {"model.onnx": ("sha256:" + "a" * 64, 1), "model-card.json": ("sha256:" + "b" * 64, 2)}
    turned = dict(reversed(sizes.items()))
    one = package(model="m", version="1.0.0", fingerprint="sha256:" + "c" * 64, files=sizes)
    assert one == package(model="m", version="1.0.0", fingerprint="sha256:" + "c" * 64, files=turned)


def test_no_date_is_inside() -> None:
    config = json.loads((GOLDEN / "config.json").read_bytes())
    assert set(config) == {"descriptor", "config", "modelfs"}
    assert set(config["descriptor"]) == {"name", "version", "revision"}


@pytest.mark.parametrize("names", [["model.onnx"], ["model.onnx", "model-card.json", "data.csv"]])
def test_other_files_than_the_two_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"exactly the files"):
        package(model="m", version="1.0.0", fingerprint="x", files=dict.fromkeys(names, ("sha256:" + "a" * 64, 1)))
