"""Which comment and which blank line belongs to what, so that they can follow it when a file is put in form.

A comment at the end of a line belongs to the entry on that line. One on a line of its own belongs to the entry
below it, or, where it is indented deeper than that, to the end of the collection whose entries it lines up with.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.adapters.manifests.nodes import Node

_COMMENT = re.compile(r"(?:(?<=\s)|^|(?<=[\[\]{},:]))#[^\r\n]*", re.MULTILINE)
_LINE = re.compile(r"\r\n|\n|\r")


@dataclass
class Comments:
    """Lines by the id of a node: `above` an entry, at its `side`, at the `end` of a collection; `head` and `tail`
    of the file. An empty string is a blank line."""

    above: dict[int, list[str]] = field(default_factory=dict)
    side: dict[int, str] = field(default_factory=dict)
    end: dict[int, list[str]] = field(default_factory=dict)
    head: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


def all_comments(text: str, root: Node) -> list[str]:
    """Every comment of a document, in order, those inside flow collections too."""
    return [found[0].rstrip() for found in _outside(text, list(leaves(root)))]


def _outside(text: str, solid: Sequence[Node]) -> Iterator[re.Match[str]]:
    """Every comment that does not begin in one of these nodes, which are in the order of the text. A mark in a text
    hides no comment that stands behind the text."""
    starts = [node.start for node in solid]
    position = 0
    while found := _COMMENT.search(text, position):
        before = bisect_right(starts, found.start()) - 1
        if before >= 0 and found.start() < solid[before].end:
            position = solid[before].end
            continue
        yield found
        position = found.end()


def has_comment(text: str, node: Node) -> bool:
    """Whether there is a # outside the scalars of a flow collection."""
    position = node.start
    for start, end in [*((leaf.start, leaf.end) for leaf in leaves(node)), (node.end, node.end)]:
        if "#" in text[position:start]:
            return True
        position = max(position, end)
    return False


def leaves(node: Node) -> Iterator[Node]:
    """The scalars of a node, keys included, in the order of the text."""
    if node.kind == "scalar":
        yield node
    for key, value in node.pairs:
        yield key
        yield from leaves(value)
    for item in node.items:
        yield from leaves(item)


@dataclass
class _Entry:
    """A key of a block mapping or an item of a block sequence: its node, column, and the collections around it."""

    node: Node
    column: int
    around: tuple[Node, ...]


def comments_of(text: str, root: Node) -> Comments:
    """Every comment and blank line of a document whose block collections are `root`'s."""
    return _Finder(text, root).find()


def entries(node: Node, around: tuple[Node, ...] = ()) -> Iterator[_Entry]:
    """The entries of block collections, in the order of the text. What begins an item is the item's."""
    if node.style != "block":
        return
    inside = (*around, node)
    for key, value in node.pairs:
        yield _Entry(key, node.column, inside)
        yield from entries(value, inside)
    for item in node.items:
        yield _Entry(item, node.column, inside)
        yield from (entry for entry in entries(item, inside) if entry.node.start != item.start)


def _solid(node: Node) -> Iterator[Node]:
    """Scalars, and flow collections as wholes: nothing inside them is a comment of the file's layout."""
    if node.kind == "scalar" or node.style == "flow":
        yield node
        return
    for key, value in node.pairs:
        yield key
        yield from _solid(value)
    for item in node.items:
        yield from _solid(item)


class _Finder:
    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.entries = list(entries(root))
        self.starts = [entry.node.start for entry in self.entries]
        self.solid = list(_solid(root))
        self.solid_starts = [node.start for node in self.solid]
        self.lines = [0, *(found.end() for found in _LINE.finditer(text))]
        self.out = Comments()

    def find(self) -> Comments:
        deepest: dict[int, int] = {}  # by next entry: a comment is not put deeper than the one before it
        for found in _outside(self.text, self.solid):
            comment = found[0].rstrip()
            line_start = self.lines[self._line(found.start())]
            before = bisect_right(self.solid_starts, found.start()) - 1
            if self.text[line_start : found.start()].strip() and before >= 0 and self._beside(before, line_start):
                self.out.side[id(self.solid[before])] = comment
                continue
            self._alone(found.start(), line_start, comment, deepest)
        for position, entry in enumerate(self.entries):
            lines = self.out.above.get(id(entry.node), [])
            if not lines and position and self._blank_above(self._line(entry.node.start)):
                self.out.above[id(entry.node)] = [""]
        return self.out

    def _alone(self, position: int, line_start: int, comment: str, deepest: dict[int, int]) -> None:
        following = bisect_right(self.starts, position)
        column = position - line_start + 1
        blank = [""] if self._blank_above(self._line(position)) else []
        if following == 0:
            self.out.head += [*blank, comment] if self.out.head else [comment]
            return
        entry = self.entries[following] if following < len(self.entries) else None
        limit = min(column, deepest.get(following, column))
        floor = entry.column if entry is not None else 0
        closing = [node for node in self.entries[following - 1].around if floor < node.column <= limit]
        if closing and (entry is not None or closing[-1].column > 1):
            deepest[following] = closing[-1].column
            self.out.end.setdefault(id(closing[-1]), []).extend([*blank, comment])
            return
        deepest[following] = 0
        lines = self.out.above.setdefault(id(entry.node), []) if entry is not None else self.out.tail
        lines += [*blank, comment]

    def _beside(self, index: int, line_start: int) -> bool:
        return self.solid[index].last > line_start or self.solid[index].start >= line_start

    def _line(self, position: int) -> int:
        return bisect_right(self.lines, position) - 1

    def _blank_above(self, line: int) -> bool:
        return line > 0 and not self.text[self.lines[line - 1] : self.lines[line]].strip()
