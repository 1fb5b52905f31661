"""A manifest in its usual form: keys in the order of the schema, two spaces a level, one space after `:` and `,`.

Values keep their spelling and their style (block or flow, quotes); comments keep their words and follow what they
are about; runs of blank lines become one. A collection written over several lines in braces stays as it is where
it holds comments or would not fit a line of 120 characters; empty braces on a line of their own stay there.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.adapters.manifests.comments import Comments, comments_of, has_comment
from reconciler.adapters.manifests.nodes import Node, Path
from reconciler.adapters.manifests.shapes import ordered_keys
from reconciler.adapters.manifests.splice import stands_alone
from reconciler.domain.manifests import KINDS

WIDTH = 120


def tidied(text: str, root: Node) -> str:
    """The text of a sound document in its usual form, with the line ends it had."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = list(_Writer(text, root).lines())
    return newline.join(lines) + newline


class _Writer:
    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.root = root
        self.comments: Comments = comments_of(text, root)
        found = root.get("kind")
        self.kind = KINDS.get(str(found[1].value)) if found else None

    def lines(self) -> Iterator[str]:
        yield from self.comments.head
        if self.root.style == "flow":
            yield self._value(self.root, (), 0)
            side = self.comments.side.get(id(self.root))
            if side:
                yield side
        else:
            first = not self.comments.head
            for line in self._block(self.root, (), 0):
                if line or not first:
                    yield line
                first = False
        yield from self.comments.tail

    def _block(self, node: Node, path: Path, indent: int) -> Iterator[str]:
        margin = " " * indent
        first = True
        for lead, lines in self._entries(node, path, indent):
            above = lead if indent == 0 else lead[1:] if first and lead[:1] == [""] else lead
            yield from (f"{margin}{line}" if line else "" for line in above)
            yield from lines
            first = False
        yield from (f"{margin}{line}" if line else "" for line in self.comments.end.get(id(node), ()))

    def _entries(self, node: Node, path: Path, indent: int) -> Iterator[tuple[list[str], list[str]]]:
        """(lines above, lines of the entry) for each entry, in the order to write them."""
        for key, value in self._ordered(node, path):
            lines = self._pair(key, value, (*path, str(key.value)), indent)
            yield self.comments.above.get(id(key), []), lines
        for position, item in enumerate(node.items):
            lead = self.comments.above.get(id(item), [])
            yield lead, self._item(item, (*path, position), indent)

    def _ordered(self, node: Node, path: Path) -> list[tuple[Node, Node]]:
        written = [str(key.value) for key, _ in node.pairs]
        order = ordered_keys(self.kind, path, written) if self.kind else []
        rank = {name: position for position, name in enumerate(order)}
        return sorted(node.pairs, key=lambda pair: rank.get(str(pair[0].value), len(rank)))

    def _pair(self, key: Node, value: Node, path: Path, indent: int) -> list[str]:
        name = " " * indent + self._source(key)
        if value.kind != "scalar" and value.style == "block":
            return [self._with_side(f"{name}:", key), *self._block(value, path, indent + 2)]
        if stands_alone(self.text, key, value):
            return [self._with_side(f"{name}:", key), self._with_side(" " * (indent + 2) + "{}", value)]
        written = self._value(value, path, indent - (key.column - 1), room=WIDTH - len(name) - 2)
        line = f"{name}: {written}" if written else f"{name}:"
        return self._with_side(self._with_side(line, key), value).split("\n")

    def _item(self, item: Node, path: Path, indent: int) -> list[str]:
        dash = " " * indent + "- "
        if item.kind != "scalar" and item.style == "block":
            first, *rest = self._block(item, path, indent + 2)
            return [dash + first[indent + 2 :], *rest]
        written = self._value(item, path, indent + 2 - (item.column - 1), room=WIDTH - len(dash))
        return self._with_side((dash + written).rstrip(" "), item).split("\n")

    def _with_side(self, line: str, node: Node) -> str:
        side = self.comments.side.get(id(node))
        return f"{line}  {side}" if side else line

    def _value(self, node: Node, path: Path, shift: int, *, room: int = WIDTH) -> str:
        """A scalar or flow collection; `shift` moves the further lines of what is kept as it was written."""
        source = self._source(node)
        if node.kind == "scalar" or ("#" in source and has_comment(self.text, node)):
            return _shifted(source, shift)
        one_line = self._flow(node, path)
        if "\n" in one_line or ("\n" in source and len(one_line) > room):
            return _shifted(source, shift)
        return one_line

    def _flow(self, node: Node, path: Path) -> str:
        if node.kind == "scalar":
            return self._source(node)
        if node.kind == "mapping":
            parts = [
                f"{self._source(key)}: {self._flow(value, (*path, str(key.value)))}"
                for key, value in self._ordered(node, path)
            ]
            return "{" + ", ".join(parts) + "}"
        return "[" + ", ".join(self._flow(item, (*path, at)) for at, item in enumerate(node.items)) + "]"

    def _source(self, node: Node) -> str:
        source = self.text[node.start : node.last]
        source = source.replace("\r\n", "\n").replace("\r", "\n")
        return source.rstrip("\n ") if node.style in ("|", ">") else source


def _shifted(source: str, shift: int) -> str:
    first, *rest = source.split("\n")
    return "\n".join([first.rstrip(" "), *(_moved(line, shift) for line in rest)])


def _moved(line: str, shift: int) -> str:
    if not line.strip():
        return ""
    spaces = len(line) - len(line.lstrip(" "))
    return " " * max(0, spaces + shift) + line.lstrip(" ")
