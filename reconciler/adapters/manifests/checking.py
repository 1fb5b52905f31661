"""One document against its kind: every fault with the place of its node, and what of the document is sound.

The pydantic models of `domain.manifests` decide. They are asked in strict mode as JSON, so that text is never
taken for a number, nor a number for a date. What is at fault is cut out, and the rest is asked again, until nothing
new is found: a fault never hides another, and what only follows from a cut is not told.
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
from reconciler.domain.gaps import NO_GAPS, Absent, Gaps
from reconciler.domain.manifests import KINDS
from reconciler.domain.problems import close_to, closest

_ROUNDS = 5


@dataclass
class Checked:
    """A document as plain values without its gaps (None where nothing is usable), its faults, and the gaps."""

    document: dict[str, Any] | None = None
    faults: list[Fault] = field(default_factory=list)
    gaps: Gaps = NO_GAPS


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
    gaps = Gaps(frozenset(fault.path for fault in faults if fault.path))
    for fault in _plain(scan.root, document, kind):
        if not gaps.hide(fault.path):
            faults.append(fault)
    gaps = Gaps(gaps.paths | {fault.path for fault in faults if fault.path})
    return _cut_and_asked(scan.root, KINDS[kind], Checked(document, faults, gaps))


def _cut_and_asked(root: Node, model: type[BaseModel], checked: Checked) -> Checked:
    """With what the model refuses of the document. The document that is left has nothing that the model refuses,
    but for what is missing in a gap."""
    for _ in range(_ROUNDS):
        document = _without(checked.document, checked.gaps)
        found = list(_typed(root, document, model, checked.gaps))
        new = (fault for fault, _ in found if fault is not None and fault not in checked.faults)
        faults = [*checked.faults, *new]
        if len(faults) > MAX_PROBLEMS:
            return Checked(None, faults[:MAX_PROBLEMS])
        gaps = Gaps(checked.gaps.paths.union(*(paths for _, paths in found)))
        if gaps == checked.gaps:
            return Checked(document, faults, gaps)
        checked = Checked(document, faults, gaps)
    return Checked(None, checked.faults)


def _without(value: Any, gaps: Gaps, path: Path = ()) -> Any:
    """A document without what stands in gaps; an item of a list becomes None, so that the others keep their places."""
    if not gaps:
        return value
    if isinstance(value, dict):
        kept = ((key, item) for key, item in value.items() if (*path, key) not in gaps.paths)
        return {key: _without(item, gaps, (*path, key)) for key, item in kept}
    if isinstance(value, list):
        steps = ((*path, position) for position in range(len(value)))
        return [
            None if step in gaps.paths else _without(item, gaps, step) for step, item in zip(steps, value, strict=True)
        ]
    return value


def _plain(root: Node, document: dict[str, Any], kind: str) -> Iterator[Fault]:
    """What is refused by name, and what is empty."""
    named: set[Path] = set()
    if kind == "Environment":
        for path, summary, fix in unbuilt(document):
            named.add(path)
            yield _at(root, path, summary, fix, key=True)
    for path in _empties(root):
        if path not in named:
            yield _at(root, path, "has no value", "write one, or take the key out", key=True)


def _empties(root: Node) -> Iterator[Path]:
    """Paths of values that are null: an empty value is a half-written line. Parameters may be null."""
    todo: list[tuple[Path, Node]] = [((), root)]
    while todo:
        path, node = todo.pop()
        if node.kind == "scalar" and node.value is None and path[:3] != ("spec", "estimator", "parameters"):
            yield path
        todo.extend(((*path, str(key.value)), value) for key, value in node.pairs)
        todo.extend(((*path, position), item) for position, item in enumerate(node.items))


Found = tuple[Fault | None, frozenset[Path]]


def _typed(root: Node, document: dict[str, Any], model: type[BaseModel], gaps: Gaps) -> Iterator[Found]:
    """Each fault that the model finds, with the paths that are gaps because of it; no fault where only a gap is
    refused, or what another fault tells."""
    try:
        model.model_validate_json(json.dumps(document), strict=True, by_alias=True, by_name=False)
    except ValidationError as refused:
        errors = refused.errors(include_url=False, include_input=False)
    else:
        return
    placed = [_Placed.of(error, document) for error in errors[: 10 * MAX_PROBLEMS]]
    unions: dict[Path, list[str]] = {}
    for item in placed:
        for path, tag in item.unions:
            unions.setdefault(path, []).append(tag)
    meant = {path for item in placed if (path := item.meant(model, document))}
    told: set[Path] = set()
    for item in placed:
        if (told_at := item.outside(unions, document)) is None:
            fault = _fault(root, item, model, document)
            silent = gaps.hide(fault.path) or item.follows(gaps, meant)
            yield (None if silent else fault), item.gaps(model, document)
        elif told_at not in told and told_at[0] != "skip":
            told.add(told_at)
            fault = _at(root, told_at, *worded_union(unions[told_at], _value(document, told_at)))
            yield (None if gaps.touch(told_at) else fault), frozenset({told_at})


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

    def meant(self, model: type[BaseModel], document: Any) -> Path:
        """Where an unknown key would stand if it were spelt well; empty where that cannot be told."""
        if self.error["type"] != "extra_forbidden":
            return ()
        close = closest(str(self.path[-1]), known_keys(model, self.error["loc"][:-1]))
        return () if close is None or close in _value(document, self.path[:-1]) else (*self.path[:-1], close)

    def follows(self, gaps: Gaps, meant: set[Path]) -> bool:
        """Whether this may only follow from another fault: what is not there is in a gap, or its key is misspelt."""
        raised = (self.error.get("ctx") or {}).get("error")
        absent = raised.keys if isinstance(raised, Absent) else ()
        paths = [self.path] if self.error["type"] == "missing" else [(*self.path, key) for key in absent]
        return any(gaps.hide(path) or path in meant for path in paths)

    def gaps(self, model: type[BaseModel], document: Any) -> frozenset[Path]:
        """What is not known because of this. Keys that do not go together are each sound."""
        if self.error["type"] == "value_error" and isinstance(_value(document, self.path), dict):
            return frozenset()
        return frozenset({self.path, self.meant(model, document)} - {()})


def _has(node: Any, step: str | int) -> bool:
    if isinstance(node, dict):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)


#: A key that only one member of its union has.
_MEMBERS = (
    ("all", "AllOf"),
    ("any", "AnyOf"),
    ("not", "Not"),
    ("constant", "ConstantField"),
    ("round", "Rounded"),
    ("coarsen", "Coarsened"),
)


def _meant(tags: set[str], value: Any) -> str:
    """Which member of a union the author meant, by the keys of the value; empty where that cannot be told."""
    if not isinstance(value, dict):
        return ""
    kind = value.get("kind")
    if isinstance(kind, str) and kind in tags:
        return kind
    for key, member in _MEMBERS:
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
