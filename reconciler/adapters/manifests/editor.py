"""Edits one pin of a release by splicing bytes at the marks of its nodes.

Nothing is written out again: comments, order, line ends and every other byte stay. The result is read once more,
and refused if anything but the pin changed. Reads texts, writes none: the caller stores the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import ValidationError

from reconciler.adapters.manifests.checking import check
from reconciler.adapters.manifests.comments import all_comments
from reconciler.adapters.manifests.layout import KIND_OF, standing
from reconciler.adapters.manifests.nodes import Node, find
from reconciler.adapters.manifests.scanner import Scan, scan
from reconciler.adapters.manifests.splice import flow, pin_document, spliced
from reconciler.adapters.manifests.tidy import tidied
from reconciler.domain.errors import AuthorMustFix, VerificationFailed
from reconciler.domain.manifests import Environment, Pin
from reconciler.domain.problems import Place, Problem, dotted

_BOM = "\ufeff".encode()


class Editor:
    """Implements `ports.ManifestEditor`."""

    def set_pin(self, content: bytes, model: str, pin: Pin, file: str) -> bytes:
        root = self._sound(file, content)
        _, models, _ = find(root, ("spec", "models"))
        for path in (("spec",), ("spec", "models")):
            _, node, found = find(root, path)
            if found == len(path) and node.kind != "mapping" and (node.kind != "scalar" or node.value is not None):
                _refuse(file, node, f"{dotted(path)} is not a mapping", "mend it, then try again")
        before = root.plain()
        text = content.removeprefix(_BOM).decode()
        after = spliced(text, root, model, pin).encode()
        bom = _BOM if content.startswith(_BOM) else b""
        expected = _with_pin(before, model, pin_document(pin))
        again = scan(after)
        alone = again.root is not None and not again.faults and again.root.plain() == expected
        if not alone or all_comments(again.text, again.root or root) != all_comments(text, root):
            _refuse(file, models, f"the pin of {model} cannot be changed alone", "edit this file by hand")
        return bom + after

    def set_version(self, content: bytes, version: str, file: str) -> bytes:
        root = self._sound(file, content)
        _, node, found = find(root, ("metadata", "version"))
        if found < 2 or node.kind != "scalar":
            _refuse(file, node, "there is no metadata.version", "reconciler validate")
        text = content.removeprefix(_BOM).decode()
        after = (text[: node.start] + flow(version) + text[node.end :]).encode()
        before = root.plain()
        expected = {**before, "metadata": {**before["metadata"], "version": version}}
        again = scan(after)
        if again.faults or again.root is None or again.root.plain() != expected:
            _refuse(file, node, "the version cannot be changed alone", "edit this file by hand")
        return (_BOM if content.startswith(_BOM) else b"") + after

    def environment(self, file: str, content: bytes) -> Environment:
        scanned = scan(content)
        if scanned.root is None or scanned.faults:
            raise VerificationFailed(f"{file} does not hold an Environment", next_step="reconciler verify")
        try:
            return Environment.model_validate(scanned.root.plain())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = dotted(first["loc"])
            raise VerificationFailed(
                f"{file} does not hold an Environment that this reconciler reads: {first['msg']} ({where})",
                next_step="upgrade the reconciler, or run reconciler verify",
            ) from error

    def parse(self, file: str, content: bytes) -> tuple[object, tuple[Problem, ...]]:
        scanned = scan(content)
        kind = KIND_OF.get(standing(file).role) or _said_kind(scanned)
        if kind is None:
            faults, document = scanned.faults, scanned.root.plain() if scanned.root else None
        else:
            checked = check(scanned, kind)
            faults, document = checked.faults, checked.document
        problems = (
            Problem(Place(file, fault.line, fault.column), fault.summary, fault.fix, dotted(fault.path))
            for fault in faults
        )
        return document, tuple(sorted(problems))

    def place_of(self, file: str, content: bytes, path: Sequence[str]) -> Place:
        root = scan(content).root
        if root is None:
            return Place(file)
        key, _, found = find(root, path)
        return Place(file, key.line, key.column) if found == len(path) else Place(file)

    def tidy(self, file: str, content: bytes) -> bytes:
        root = self._sound(file, content)
        text = content.removeprefix(_BOM).decode()
        after = tidied(text, root).encode()
        again = scan(after)
        same = again.root is not None and not again.faults and _same(again.root.plain(), root.plain())
        if not same or sorted(all_comments(again.text, again.root or root)) != sorted(all_comments(text, root)):
            _refuse(file, root, "its meaning would change", "put it in form by hand")
        return after

    def _sound(self, file: str, content: bytes) -> Node:
        scanned = scan(content)
        if scanned.faults or scanned.root is None:
            fault = scanned.faults[0]
            where = Place(file, fault.line, fault.column)
            raise AuthorMustFix(f"{where}: {fault.summary}", next_step=fault.fix or "reconciler validate")
        if scanned.root.kind != "mapping":
            _refuse(file, scanned.root, "this is not a manifest", "reconciler validate")
        return scanned.root


def _refuse(file: str, node: Node, summary: str, next_step: str) -> NoReturn:
    raise AuthorMustFix(f"{Place(file, node.line, node.column)}: {summary}", next_step=next_step)


def _said_kind(scanned: Scan) -> str | None:
    """The kind that a file outside the known places says it is."""
    _, value, found = find(scanned.root, ("kind",)) if scanned.root else (None, None, 0)
    said = value.value if value is not None and found else None
    return said if said in KIND_OF.values() else None


def _with_pin(document: dict[str, Any], model: str, pin: dict[str, Any]) -> dict[str, Any]:
    spec = document.get("spec") or {}
    return {**document, "spec": {**spec, "models": {**(spec.get("models") or {}), model: pin}}}


def _same(one: Any, other: Any) -> bool:
    """Equal, and of equal types: 1, 1.0 and true are three values."""
    return bool(one == other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
