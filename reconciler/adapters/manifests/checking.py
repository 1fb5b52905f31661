"""One document against its kind: every fault with the place of its node, and what of the document is sound.

The pydantic models of `domain.manifests` decide. They are asked in strict mode as JSON, so that text is never
taken for a number, nor a number for a date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from reconciler.adapters.manifests.nodes import Node, Path, find
from reconciler.adapters.manifests.scanner import MAX_PROBLEMS, Fault, Scan
from reconciler.adapters.manifests.shapes import known_keys
from reconciler.adapters.manifests.unbuilt import unbuilt
from reconciler.adapters.manifests.wording import shown, worded, worded_union
from reconciler.domain.manifests import KINDS
from reconciler.domain.problems import close_to


@dataclass
class Checked:
    """A document as plain values (None where it is not usable) and its faults."""

    document: dict[str, Any] | None = None
    faults: list[Fault] = field(default_factory=list)


def check(scan: Scan, kind: str) -> Checked:
    """Check a scanned document against `kind`. Never raises."""
    faults = list(scan.faults)
    if scan.root is None:
        return Checked(None, faults)
    document = scan.root.plain()
    if not isinstance(document, dict):
        faults.append(Fault(scan.root.line, scan.root.column, f"should be a {kind}; this is {shown(document)}"))
        return Checked(None, faults)
    found = document.get("kind")
    if isinstance(found, str) and found in KINDS and found != kind:
        faults.append(_at(scan.root, ("kind",), f"this is a {found}", f"this folder holds files of kind {kind}"))
        return Checked(None, faults)
    known = {fault.path for fault in faults}
    for fault in _faults(scan.root, document, kind):
        if not any(fault.path[: len(path)] == path for path in known if path):
            faults.append(fault)
        if len(faults) > MAX_PROBLEMS:
            break
    if len(faults) > MAX_PROBLEMS:
        return Checked(None, faults[:MAX_PROBLEMS])
    return Checked(document, faults)


def _faults(root: Node, document: dict[str, Any], kind: str) -> Iterator[Fault]:
    named: set[Path] = set()
    if kind == "Environment":
        for path, summary, fix in unbuilt(document):
            named.add(path)
            yield _at(root, path, summary, fix, key=True)
    for path in _empties(root):
        named.add(path)
        yield _at(root, path, "has no value", "write one, or take the key out", key=True)
    for fault in _typed(root, document, KINDS[kind]):
        if fault.path not in named:
            yield fault


def _empties(root: Node) -> Iterator[Path]:
    """Paths of values that are null: an empty value is a half-written line. Parameters may be null."""
    todo: list[tuple[Path, Node]] = [((), root)]
    while todo:
        path, node = todo.pop()
        if node.kind == "scalar" and node.value is None and path[:3] != ("spec", "estimator", "parameters"):
            yield path
        todo.extend(((*path, str(key.value)), value) for key, value in node.pairs)
        todo.extend(((*path, position), item) for position, item in enumerate(node.items))


def _typed(root: Node, document: dict[str, Any], model: type[BaseModel]) -> Iterator[Fault]:
    try:
        model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as refused:
        errors = refused.errors(include_url=False, include_input=False)
    else:
        return
    placed = [_Placed.of(error, document) for error in errors[: 10 * MAX_PROBLEMS]]
    unions: dict[Path, list[str]] = {}
    for item in placed:
        for path, tag in item.unions:
            unions.setdefault(path, []).append(tag)
    told: set[Path] = set()
    for item in placed:
        if (told_at := item.outside(unions, document)) is None:
            yield _fault(root, item, model, document)
        elif told_at not in told and told_at[0] != "skip":
            told.add(told_at)
            yield _at(root, told_at, *worded_union(unions[told_at], _value(document, told_at)))


@dataclass
class _Placed:
    """A pydantic error, its path in the document, and the unions on the way: (path, the member's name)."""

    error: Any
    path: Path
    unions: list[tuple[Path, str]]

    @classmethod
    def of(cls, error: Any, document: Any) -> _Placed:
        node, path, unions = document, [], []
        loc = error["loc"]
        for position, step in enumerate(loc):
            if _has(node, step):
                node = node[step]
                path.append(step)
            elif error["type"] == "missing" and position == len(loc) - 1:
                path.append(step)
            elif step != "[key]":
                unions.append((tuple(path), str(step)))
        return cls(error, tuple(path), unions)

    def outside(self, unions: dict[Path, list[str]], document: Any) -> Path | None:
        """None where this error is of the member that the author meant; else where to tell that none fits, or
        ("skip",) where another error tells it."""
        for path, tag in self.unions:
            tags = set(unions[path])
            meant = _meant(tags, _value(document, path))
            if meant == "":
                return path
            if tag != meant:
                return ("skip",)
        return None


def _has(node: Any, step: str | int) -> bool:
    if isinstance(node, dict):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)


def _meant(tags: set[str], value: Any) -> str:
    """Which member of a union the author meant, by the keys of the value; empty where that cannot be told."""
    if len(tags) == 1 and tags <= {"least-rows-per-outcome", "beats-baselines", "threshold", "deployed-below"}:
        return next(iter(tags))
    if not isinstance(value, dict):
        return ""
    for key, member in (("all", "AllOf"), ("any", "AnyOf"), ("not", "Not"), ("constant", "ConstantField")):
        if key in value and member in tags:
            return member
    return next((member for member in ("Condition", "MappedColumn") if member in tags), "")


def _fault(root: Node, item: _Placed, model: type[BaseModel], document: Any) -> Fault:
    kind, loc = item.error["type"], item.error["loc"]
    if kind == "extra_forbidden":
        keys = known_keys(model, loc[:-1])
        return _at(root, item.path, f"unknown key {shown(item.path[-1])}", close_to(str(item.path[-1]), keys), key=True)
    if kind == "missing":
        return _at(root, item.path, f"{item.path[-1]} is missing", f"add {item.path[-1]}: …")
    if loc and loc[-1] == "[key]":
        return _at(root, item.path, *worded(item.error, item.path[-1]), key=True)
    if kind == "union_tag_not_found":
        return _at(root, (*item.path, "kind"), "kind is missing", "add kind: …")
    path = (*item.path, "kind") if kind == "union_tag_invalid" else item.path
    return _at(root, path, *worded(item.error, _value(document, item.path)))


def _at(root: Node, path: Path, summary: str, fix: str = "", *, key: bool = False) -> Fault:
    """A fault at the node on `path`: its value, or its key where that is what is meant or the value has no text."""
    key_node, value_node, found = find(root, path)
    node = value_node
    if key or found < len(path) or value_node.kind != "scalar":
        node = key_node
    return Fault(node.line, node.column, summary, fix, path)


def _value(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document
