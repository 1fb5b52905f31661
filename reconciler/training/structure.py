"""What a stored model may be made of: nothing but what the export writes.

The bytes are hostile until this has passed. It parses them and counts; it runs nothing. A graph that could read a
file, loop, or grow beyond a width that is known beforehand is refused with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import ModelCard

LARGEST_MODEL = 64 << 20
_MOST_NODES = 500
_MOST_ELEMENTS = 100_000
_WIDEST = 10_000
_OPSETS = {"": 18, "ai.onnx.ml": 3}
_NEXT = "do not deploy this artifact: a model that this project exports never has it"

#: Operators that exports use, as (domain, name).
ALLOWED = frozenset(
    {("", name) for name in ("Add", "Cast", "Clip", "Concat", "Div", "Gather", "Identity", "Max", "Mul", "ReduceSum")}
    | {("", "Reshape")}
    | {("ai.onnx.ml", name) for name in ("LinearClassifier", "Normalizer", "OneHotEncoder", "TreeEnsembleClassifier")}
)


def refuse(reason: str) -> VerificationFailed:
    """What a check raises."""
    return VerificationFailed(f"the stored model is refused: {reason}", next_step=_NEXT)


def require(fine: bool, reason: str) -> None:
    """Refuse unless it is fine."""
    if not fine:
        raise refuse(reason)


def parse(content: bytes) -> Any:
    """The bytes as a model. Raises VerificationFailed for too many, and for what is no model."""
    require(len(content) <= LARGEST_MODEL, f"it has {len(content)} bytes, at most {LARGEST_MODEL} are read")
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own class, or what its C parser raises
        raise refuse("its bytes are not an ONNX model") from error


def check_structure(model: Any, card: ModelCard) -> None:
    """Raises VerificationFailed for anything that an export of this task would not hold."""
    graph = model.graph
    _check_frame(model)
    for tensor in _tensors(graph):
        _check_tensor(tensor)
    for node in graph.node:
        _check_node(node)
    _check_signature(graph, card)
    _check_metadata(model, card)
    _check_widths(graph)
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise refuse(f"onnx.checker finds it invalid ({type(error).__name__})") from error


def _check_frame(model: Any) -> None:
    graph = model.graph
    require(not model.functions, "it defines functions")
    require(not model.training_info, "it holds training information")
    require(not graph.sparse_initializer, "it holds sparse tensors")
    require(not graph.quantization_annotation, "it holds quantization annotations")
    require(len(graph.node) <= _MOST_NODES, f"it has {len(graph.node)} nodes, at most {_MOST_NODES} are allowed")
    opsets = [(each.domain, each.version) for each in model.opset_import]
    for domain, version in opsets:
        require(_OPSETS.get(domain) == version, f"it asks for version {version} of operators {domain or 'ai.onnx'!r}")
    require(len(opsets) == len(dict(opsets)), "it names a set of operators twice")


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.type == AttributeProto.TENSOR else [])
            yield from attribute.tensors


def _check_tensor(tensor: Any) -> None:
    external = tensor.external_data or tensor.data_location == TensorProto.EXTERNAL
    require(not external, "it reads data from another file")
    sizes = [int(size) for size in tensor.dims]
    require(len(sizes) <= 2 and all(size >= 0 for size in sizes), "a constant has a shape that is not allowed")
    elements = 1
    for size in sizes:
        elements *= size
    require(
        elements <= _MOST_ELEMENTS, f"a constant declares {elements} elements, at most {_MOST_ELEMENTS} are allowed"
    )
    require(len(sizes) < 2 or sizes[0] == 1, "a constant has more than one row")


def _check_node(node: Any) -> None:
    domain = "" if node.domain == "ai.onnx" else node.domain
    require((domain, node.op_type) in ALLOWED, f"operator {domain or 'ai.onnx'}.{node.op_type} is not allowed")
    for attribute in node.attribute:
        nested = attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or attribute.graphs
        sparse = attribute.type in (AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS)
        require(not nested and not attribute.HasField("g"), "it holds a graph inside a graph")
        require(not sparse, "it holds sparse tensors")
        require(not attribute.ref_attr_name, "an attribute refers to another")
    if node.op_type == "TreeEnsembleClassifier":
        _check_trees({each.name: each for each in node.attribute})


def _check_trees(attributes: dict[str, Any]) -> None:
    """Children come after their parents, so that no path is endless."""

    def numbers(name: str) -> Any:
        return np.array(attributes[name].ints if name in attributes else [], dtype=np.int64)

    node, low, high = (numbers(f"nodes_{name}") for name in ("nodeids", "truenodeids", "falsenodeids"))
    modes = attributes["nodes_modes"].strings if "nodes_modes" in attributes else []
    require(len(node) == len(low) == len(high) == len(modes) > 0, "a tree's lists have different lengths")
    inner = np.array([mode != b"LEAF" for mode in modes], dtype=np.bool_)
    require(bool(((low > node) & (high > node))[inner].all()), "a tree has a path that comes back")


def _check_signature(graph: Any, card: ModelCard) -> None:
    constants = {each.name for each in graph.initializer}
    require(len(constants) == len(graph.initializer), "two constants have one name")
    types = {TensorProto.FLOAT: "float32", TensorProto.STRING: "string"}
    found = [(each.name, types.get(each.type.tensor_type.elem_type), _width(each)) for each in graph.input]
    declared = [(each.name, each.type, 1) for each in card.inputs]
    require(found == declared, "its inputs are not those of its card")
    outputs = [(each.name, each.type.tensor_type.elem_type, _width(each)) for each in graph.output]
    wanted = [("probabilities", TensorProto.FLOAT, len(card.outcomes))]
    require(outputs == wanted, "its outputs are not one table of probabilities, a column for each outcome")


def _width(value: Any) -> int:
    """The fixed second dimension of a [rows, width] tensor; -1 where it is none."""
    sizes = value.type.tensor_type.shape.dim
    free = len(sizes) == 2 and not sizes[0].HasField("dim_value")
    return int(sizes[1].dim_value) if free and sizes[1].HasField("dim_value") else -1


def _check_metadata(model: Any, card: ModelCard) -> None:
    found = sorted((each.key, each.value) for each in model.metadata_props)
    wanted = {
        "name": card.model,
        "version": card.version,
        "fingerprint": card.fingerprint,
        "outcomes": ",".join(card.outcomes),
    }
    require(found == sorted(wanted.items()), "its metadata is not name, version, fingerprint and outcomes of its card")


def _check_widths(graph: Any) -> None:
    """No row of any tensor on the way may be wider than a known bound, and none may depend on how many rows."""
    constants = {each.name: each for each in graph.initializer}
    widths = {each.name: 1 for each in graph.input}
    sums: set[str] = set()
    for node in graph.node:
        require(
            all(name in widths or name in constants for name in node.input if name), "a node reads what is not there"
        )
        require(any(name in widths for name in node.input), "a node has nothing to compute from")
        _check_operands(node, constants, sums)
        width = _WIDTH.get(node.op_type, _widest)(node, widths, constants)
        require(width <= _WIDEST, f"a row would grow to {width} values, at most {_WIDEST} are allowed")
        widths.update(dict.fromkeys(node.output, width))
        if node.op_type == "ReduceSum":
            sums.update(node.output)


def _check_operands(node: Any, constants: dict[str, Any], sums: set[str]) -> None:
    """Two computed tensors may meet only where they are joined or divided by a sum of rows: anything else could
    multiply rows by rows."""
    computed = [name for name in node.input if name and name not in constants]
    by_sum = node.op_type == "Div" and len(computed) == 2 and computed[1] in sums
    require(len(computed) == 1 or node.op_type == "Concat" or by_sum, f"{node.op_type} joins two computed tensors")
    if node.op_type == "Reshape":
        shape = onnx.numpy_helper.to_array(constants[node.input[1]]).tolist() if node.input[1] in constants else []
        right = isinstance(shape, list) and len(shape) == 2 and shape[0] == -1 and shape[1] >= 1
        require(right, "a reshape mixes rows")
    if node.op_type in ("Concat", "Gather"):
        axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
        require(axis == 1, f"{node.op_type} works across rows")
    if node.op_type == "Gather":
        require(node.input[1] in constants, "a gather chooses by computed positions")
    if node.op_type == "ReduceSum":
        keeps = next((each.i for each in node.attribute if each.name == "keepdims"), 1)
        require(keeps == 1 and len(node.input) == 2 and node.input[1] in constants, "a sum goes across rows")
        require(onnx.numpy_helper.to_array(constants[node.input[1]]).tolist() == [1], "a sum goes across rows")


def _elements(tensor: Any) -> int:
    return int(np.prod([int(size) for size in tensor.dims], dtype=np.int64))


def _widest(node: Any, widths: dict[str, int], constants: dict[str, Any]) -> int:
    known = [widths[name] if name in widths else _elements(constants[name]) for name in node.input if name]
    return max([1, *known])


def _joined(node: Any, widths: dict[str, int], constants: dict[str, Any]) -> int:
    return sum(widths[name] if name in widths else _elements(constants[name]) for name in node.input)


def _listed(node: Any, start: str) -> int:
    return sum(len(each.strings) + len(each.ints) for each in node.attribute if each.name.startswith(start))


_WIDTH: dict[str, Callable[[Any, dict[str, int], dict[str, Any]], int]] = {
    "Concat": _joined,
    "OneHotEncoder": lambda node, widths, _: widths.get(node.input[0], 1) * _listed(node, "cats_"),
    "LinearClassifier": lambda node, *_: _listed(node, "classlabels_"),
    "TreeEnsembleClassifier": lambda node, *_: _listed(node, "classlabels_"),
}
