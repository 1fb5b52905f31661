"""The nodes of one YAML document with their places, and how to find one by its path.

Lines and columns count from 1, as editors show them; `start` and `end` are positions in the decoded text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A scalar (`value`), a mapping (`pairs`, keys are scalar nodes) or a sequence (`items`).

    `style` is that of the text: a quote, ``|``, ``>`` or empty for scalars; ``flow`` or ``block`` for the others.
    The `end` of a block collection is where the next token starts: use `last` for where its text ends.
    """

    kind: Literal["scalar", "mapping", "sequence"]
    start: int
    end: int
    line: int
    column: int
    style: str = ""
    value: Any = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The position after the last character of the node's own text."""
        if self.kind == "scalar" or self.style == "flow":
            return self.end
        if self.kind == "mapping" and self.pairs:
            key, value = self.pairs[-1]
            return max(value.last, key.end)
        return self.items[-1].last if self.items else self.end

    def plain(self) -> Any:
        """The node as plain values: dict, list, str, int, float, bool, None. Depth was bounded when it was read."""
        if self.kind == "mapping":
            return {key.value: value.plain() for key, value in self.pairs}
        if self.kind == "sequence":
            return [item.plain() for item in self.items]
        return self.value

    def get(self, step: str | int) -> tuple[Node, Node] | None:
        """(key node, value node) of an entry; for a sequence's item both are the item."""
        if self.kind == "mapping":
            return next((pair for pair in self.pairs if pair[0].value == step), None)
        if self.kind == "sequence" and isinstance(step, int) and step < len(self.items):
            return self.items[step], self.items[step]
        return None


def find(root: Node, path: Sequence[str | int]) -> tuple[Node, Node, int]:
    """(key node, value node, steps found) of the deepest entry on `path` that is there; the root finds itself."""
    key = value = root
    for depth, step in enumerate(path):
        entry = value.get(step)
        if entry is None:
            return key, value, depth
        key, value = entry
    return key, value, len(path)


def find_dotted(root: Node, path: str) -> Node:
    """The node that a path as written (`spec.features.include[0]`) means: a scalar itself, else its key."""
    key = value = root
    while path:
        entry = _next(value, path)
        if entry is None:
            break
        key, value, path = entry
    return value if value.kind == "scalar" else key


def _next(node: Node, path: str) -> tuple[Node, Node, str] | None:
    path = path.removeprefix(".")
    if node.kind == "sequence":
        head, bracket, rest = path[1:].partition("]") if path.startswith("[") else ("", "", "")
        entry = node.get(int(head)) if bracket and head.isdecimal() and len(head) < 7 else None
        return (*entry, rest) if entry else None
    names = [pair for pair in node.pairs if path.startswith(str(pair[0].value))]
    for key, value in sorted(names, key=lambda pair: -len(str(pair[0].value))):
        rest = path[len(str(key.value)) :]
        if not rest or rest[0] in ".[":
            return key, value, rest
    return None
