"""A fitted pipeline as ONNX whose bytes depend on nothing but the pipeline.

One typed input per feature, one output `probabilities` [rows, outcomes], floored at 1e-6 and summing to 1 inside
the graph. Nodes are put in a canonical order and everything is named anew, because the converter's order and names
follow hash order. Metadata holds name, version, fingerprint and outcomes: no path, no date, no identifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

from reconciler.domain.jobs import CardInput
from reconciler.tasks.customer_payment.evaluation import FLOOR

OPSET = 18
OPSET_ML = 3
IR_VERSION = 8


def export(trained: Any, inputs: Sequence[CardInput], outcomes: Sequence[str], metadata: Mapping[str, str]) -> bytes:
    """ONNX bytes of a fitted scikit-learn classifier. `metadata` is written sorted, `outcomes` beside it."""
    types = {"float32": FloatTensorType, "string": StringTensorType}
    converted = to_onnx(
        trained,
        initial_types=[(each.name, types[each.type]([None, 1])) for each in inputs],
        options={id(trained): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": OPSET_ML},
    )
    graph = _Canonical(converted.graph, inputs).graph(outcomes)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="reconciler")
    helper.set_model_props(model, dict(sorted({**metadata, "outcomes": ",".join(outcomes)}.items())))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Canonical:
    """Rebuilds a converted graph: what leads to the probabilities, in an order and with names of its content."""

    def __init__(self, graph: Any, inputs: Sequence[CardInput]) -> None:
        self._constants = {each.name: each for each in graph.initializer}
        self._inputs = inputs
        self._named: dict[str, str] = {each.name: each.name for each in inputs}
        self._nodes: list[Any] = []
        self._kept: list[Any] = []
        self._probabilities = next(each.name for each in graph.output if each.name == "probabilities")
        self._place(self._leading(graph))

    def _leading(self, graph: Any) -> list[Any]:
        """The nodes that the probabilities need."""
        wanted, out = {self._probabilities}, []
        for node in reversed(graph.node):
            if wanted & set(node.output):
                out.append(node)
                wanted.update(node.input)
        return out

    def _place(self, left: list[Any]) -> None:
        while left:
            ready = [node for node in left if all(self._is_ready(name) for name in node.input)]
            node = min(ready, key=self._sort_key)
            left.remove(node)
            self._add(node)

    def _is_ready(self, name: str) -> bool:
        return not name or name in self._named or name in self._constants

    def _sort_key(self, node: Any) -> tuple[str, ...]:
        """What a node is, whatever its names: operator, attributes, and where its inputs come from."""
        attributes = sorted(each.SerializeToString(deterministic=True) for each in node.attribute)
        told = hashlib.sha256(b"".join(attributes)).hexdigest()
        return (node.op_type, *(self._content(name) for name in node.input), told)

    def _content(self, name: str) -> str:
        if name in self._constants:
            return hashlib.sha256(_nameless(self._constants[name])).hexdigest()
        return self._named.get(name, "")

    def _add(self, node: Any) -> None:
        for name in node.input:
            if name in self._constants and name not in self._named:
                constant = TensorProto()
                constant.CopyFrom(self._constants[name])
                constant.name = self._named[name] = f"c{len(self._kept)}"
                constant.doc_string = ""
                self._kept.append(constant)
        place = len(self._nodes)
        for position, name in enumerate(node.output):
            self._named[name] = f"t{place}_{position}"
        clean = helper.make_node(
            node.op_type,
            [self._named.get(name, "") for name in node.input],
            [self._named[name] for name in node.output],
            name=f"n{place}_{node.op_type}",
            domain=node.domain,
        )
        clean.attribute.extend(sorted(node.attribute, key=lambda each: each.name))
        self._nodes.append(clean)

    def graph(self, outcomes: Sequence[str]) -> Any:
        """The whole graph, with the floor and the division by the row's sum at its end."""
        found = self._named[self._probabilities]
        constants = [
            helper.make_tensor("floor", TensorProto.FLOAT, [1], [FLOOR]),
            helper.make_tensor("outcome_axis", TensorProto.INT64, [1], [1]),
        ]
        ending = [
            helper.make_node("Max", [found, "floor"], ["floored"], name="floored"),
            helper.make_node("ReduceSum", ["floored", "outcome_axis"], ["row_sum"], name="row_sum", keepdims=1),
            helper.make_node("Div", ["floored", "row_sum"], ["probabilities"], name="probabilities"),
        ]
        types = {"float32": TensorProto.FLOAT, "string": TensorProto.STRING}
        inputs = [helper.make_tensor_value_info(each.name, types[each.type], ["rows", 1]) for each in self._inputs]
        output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(outcomes)])
        return helper.make_graph([*self._nodes, *ending], "reconciler", inputs, [output], [*self._kept, *constants])


def _nameless(tensor: Any) -> bytes:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = ""
    return bytes(copy.SerializeToString(deterministic=True))
