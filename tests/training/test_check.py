"""Hostile models: bytes in a store that nobody trained here are refused before they run, with what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import CheckJob
from reconciler.training.check import check
from tests.training.made import quiet


@pytest.fixture
def refused(logistic: dict[str, bytes], tmp_path: Path) -> Callable[[Callable[[Any], None]], str]:
    """Alter the model by a function, check it, and return why it was refused."""

    def alter(change: Callable[[Any], None]) -> str:
        model = onnx.load_model_from_string(logistic["model.onnx"])
        change(model)
        return _reason(tmp_path, {**logistic, "model.onnx": model.SerializeToString()})

    return alter


def _reason(folder: Path, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(VerificationFailed) as caught:
        check(CheckJob(model="payment-prediction", version="1.0.0", artifact_folder=str(folder)), quiet)
    assert caught.value.next_step
    return caught.value.message


Refused = Callable[[Callable[[Any], None]], str]


def _insert(model: Any, *nodes: Any) -> None:
    """Put nodes at the start of the graph."""
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])


def test_a_constant_in_another_file_is_refused(refused: Refused) -> None:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../etc/passwd")

    assert "reads data from another file" in refused(change)


def test_a_constant_in_another_file_hidden_in_an_attribute_is_refused(refused: Refused) -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[1], name="x")
    tensor.external_data.add(key="location", value="/etc/passwd")
    node = helper.make_node("Cast", ["amount"], ["hidden"], to=1)
    node.attribute.append(helper.make_attribute("extra", tensor))
    assert "reads data from another file" in refused(lambda model: _insert(model, node))


@pytest.mark.parametrize(
    ("domain", "operator"),
    [
        ("", "Loop"),
        ("", "If"),
        ("", "ConstantOfShape"),
        ("", "Expand"),
        ("", "Tile"),
        ("com.evil", "Add"),
        ("", "MatMul"),
    ],
)
def test_an_operator_that_no_export_uses_is_refused_and_named(refused: Refused, domain: str, operator: str) -> None:
    node = helper.make_node(operator, ["amount"], ["x"], domain=domain)
    assert f"{operator} is not allowed" in refused(lambda model: _insert(model, node))


def test_a_graph_inside_a_graph_is_refused(refused: Refused) -> None:
    inner = helper.make_graph([], "inner", [], [])
    node = helper.make_node("Cast", ["amount"], ["x"], to=1)
    node.attribute.append(helper.make_attribute("body", inner))
    assert "a graph inside a graph" in refused(lambda model: _insert(model, node))


def test_functions_are_refused(refused: Refused) -> None:
    body = helper.make_node("Add", ["a", "a"], ["b"])
    made = helper.make_function("evil", "Cast", ["a"], ["b"], [body], [helper.make_opsetid("", 18)])
    assert "functions" in refused(lambda model: model.functions.append(made))


def test_a_constant_that_declares_more_than_it_holds_is_refused(refused: Refused) -> None:
    def change(model: Any) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend([1, 10**12])

    assert "declares 1000000000000 elements" in refused(change)


def test_a_constant_with_a_negative_size_is_refused(refused: Refused) -> None:
    assert "shape that is not allowed" in refused(lambda model: model.graph.initializer[0].dims.insert(0, -1))


def test_a_row_that_doubles_at_every_node_is_refused_before_it_runs(refused: Refused) -> None:
    nodes = [helper.make_node("Concat", [f"d{i}" if i else "amount"] * 2, [f"d{i + 1}"], axis=1) for i in range(40)]
    assert "a row would grow to 16384 values" in refused(lambda model: _insert(model, *nodes))


def test_rows_multiplied_by_rows_are_refused(refused: Refused) -> None:
    node = helper.make_node("Mul", ["amount", "amount_log"], ["x"])
    assert "Mul joins two computed tensors" in refused(lambda model: _insert(model, node))


def test_a_reshape_that_mixes_rows_is_refused(refused: Refused) -> None:
    def change(model: Any) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.array([1, -1]), "mixing"))
        _insert(model, helper.make_node("Reshape", ["amount", "mixing"], ["x"]))

    assert "a reshape mixes rows" in refused(change)


def test_another_input_another_output_and_another_name_are_refused(refused: Refused) -> None:
    extra = helper.make_tensor_value_info("secret", TensorProto.FLOAT, ["rows", 1])
    assert "its inputs are not those of its card" in refused(lambda model: model.graph.input.append(extra))
    assert "its outputs" in refused(lambda model: model.graph.output.append(extra))

    def rename(model: Any) -> None:
        model.metadata_props[1].value = "another-model"

    assert "its metadata" in refused(rename)


def test_metadata_with_anything_more_is_refused(refused: Refused) -> None:
    assert "its metadata" in refused(lambda model: model.metadata_props.add(key="path", value="/home/me"))


def test_newer_operators_are_refused(refused: Refused) -> None:
    def change(model: Any) -> None:
        model.opset_import[0].version = 21

    assert "version 21" in refused(change)


def test_a_tree_whose_path_comes_back_is_refused(snapshot: Path, tmp_path: Path, trained: dict[str, bytes]) -> None:
    model = onnx.load_model_from_string(trained["model.onnx"])
    trees = [node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier"]
    if not trees:
        pytest.skip("a linear model has no trees")
    next(each for each in trees[0].attribute if each.name == "nodes_truenodeids").ints[0] = 0
    assert "path that comes back" in _reason(tmp_path, {**trained, "model.onnx": model.SerializeToString()})


def test_a_model_that_answers_otherwise_than_its_card_is_refused(refused: Refused) -> None:
    def change(model: Any) -> None:
        node = next(node for node in model.graph.node if node.op_type == "LinearClassifier")
        next(each for each in node.attribute if each.name == "intercepts").floats[0] += 0.01

    assert "differs from its card's probe by 0.00" in refused(change)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\xff" * 100, b"\x3a\x80\x80\x80\x80\x08"])
def test_bytes_that_are_no_model_are_refused(logistic: dict[str, bytes], tmp_path: Path, content: bytes) -> None:
    assert "the stored model is refused" in _reason(tmp_path, {**logistic, "model.onnx": content})


def test_a_file_larger_than_the_limit_is_not_read(logistic: dict[str, bytes], tmp_path: Path) -> None:
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate((64 << 20) + 1)
    (tmp_path / "model-card.json").write_bytes(logistic["model-card.json"])
    with pytest.raises(VerificationFailed, match="more than 67108864 bytes"):
        check(CheckJob(model="payment-prediction", version="1.0.0", artifact_folder=str(tmp_path)), quiet)


def test_a_symlink_is_not_followed(logistic: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "model-card.json").symlink_to("/etc/passwd")
    with pytest.raises(VerificationFailed, match=r"model-card\.json cannot be opened"):
        check(CheckJob(model="payment-prediction", version="1.0.0", artifact_folder=str(tmp_path)), quiet)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("model", "other", "another model or version"),
        ("surprise", 1, "not a model card"),
        ("probe", {"inputs": {}, "expected": [[1, 0, 0]]}, "do not fit its inputs"),
        ("probe", {"inputs": {}, "expected": []}, "no probe rows"),
        ("outcomes", ["on_time", "late"], "its outputs are not"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    logistic: dict[str, bytes], tmp_path: Path, key: str, value: object, reason: str
) -> None:
    card = {**json.loads(logistic["model-card.json"]), key: value}
    assert reason in _reason(tmp_path, {**logistic, "model-card.json": json.dumps(card).encode()})
