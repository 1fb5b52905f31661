"""Bytes to nodes: one YAML document, read from the events of the C parser, never by constructing objects.

Refuses, with the place: files over 1 MiB, text that is not UTF-8, control characters and characters that change
the reading order, directives, tags, anchors and aliases, keys that are not text, duplicate keys, nesting deeper
than 40, a second document, and scalars that two readers could take differently. Nothing here recurses on input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from reconciler.adapters.manifests.layout import MAX_BYTES
from reconciler.adapters.manifests.nodes import Node, Path
from reconciler.adapters.manifests.scalars import Ambiguous, resolve

MAX_DEPTH = 40
MAX_PROBLEMS = 100

# Control characters, line breaks of YAML 1.1 only, marks that reorder what is shown, and what is no character.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_BOM = "\ufeff"
_ENDS: Any = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


@dataclass(frozen=True)
class Fault:
    """One fault in a text: its line and column (from 1; 0 for the whole file), the path, what, and the fix."""

    line: int
    column: int
    summary: str
    fix: str = ""
    path: Path = ()


@dataclass
class Scan:
    """What a text holds: `root` is None where there is no document to go on with. `text` has no byte order mark."""

    text: str = ""
    root: Node | None = None
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A collection that is being read, the key that waits for its value, and the keys so far."""

    node: Node
    path: Path
    key: Node | None = None
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def step(self) -> str | int:
        return len(self.node.items) if self.node.kind == "sequence" else str(self.key.value if self.key else "")


class _Stop(Exception):
    """Raised where the rest of the document cannot be read."""


class _Enough(Exception):
    """Raised after the first document: what follows is not read, what was read stands."""


def scan(content: bytes | None) -> Scan:
    """Read one document (None: the file was too large to fetch). Never raises; every fault is in the result."""
    if content is None or len(content) > MAX_BYTES:
        return Scan(faults=[Fault(0, 0, "is larger than 1 MiB", "split it")])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place_of_byte(content, error.start)
        return Scan(faults=[Fault(line, column, "is not UTF-8 text", "save it as UTF-8")])
    text = text.removeprefix(_BOM)
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        line, column = place(text, bad.start())
        return Scan(text, faults=[Fault(line, column, f"holds the character U+{ord(bad[0]):04X}", "take it out")])
    return _Reading(text).read()


def place(text: str, position: int) -> tuple[int, int]:
    """Line and column, from 1, of a position in a text (line breaks: LF, CR LF, CR)."""
    before = text[:position].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _place_of_byte(content: bytes, position: int) -> tuple[int, int]:
    return place(content[:position].decode("utf-8", "replace"), position)


class _Reading:
    """One reading of one text."""

    def __init__(self, text: str) -> None:
        self.scan = Scan(text)
        self.stack: list[_Open] = []
        self.documents = 0

    def read(self) -> Scan:
        try:
            for event in self._events():
                self._take(event)
        except _Stop:
            self.scan.root = None
        except _Enough:
            pass
        if self.scan.root is None and not self.scan.faults:
            self.scan.faults.append(Fault(1, 1, "is empty", "write a manifest, or take the file out"))
        return self.scan

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.scan.text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            self._stop(self._not_yaml(error))
        except (yaml.YAMLError, ValueError) as error:
            self._stop(Fault(0, 0, f"is not YAML: {str(error).splitlines()[0][:200]}"))

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> Fault:
        marks: list[Any] = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
        if not marks:
            return Fault(0, 0, f"is not YAML: {error.problem}")
        mark = marks[0]
        if self.scan.text[mark.index : mark.index + 1] == "\t":
            return Fault(mark.line + 1, mark.column + 1, "a tab cannot indent YAML", "use spaces")
        if "nesting depth" in str(error.problem):
            return Fault(mark.line + 1, mark.column + 1, f"nests deeper than {MAX_DEPTH}", "write it flatter")
        what = " ".join(str(part) for part in (error.problem, error.context) if part)
        return Fault(mark.line + 1, mark.column + 1, f"is not YAML: {what}", "mend the text around here")

    def _stop(self, fault: Fault) -> None:
        self.scan.faults.append(fault)
        self.scan.root = None
        raise _Stop

    def _fault(self, mark: Any, summary: str, fix: str = "", path: Path = ()) -> None:
        self.scan.faults.append(Fault(mark.line + 1, mark.column + 1, summary, fix, path))
        if len(self.scan.faults) >= MAX_PROBLEMS:
            raise _Stop

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._document(event)
        elif isinstance(event, yaml.AliasEvent):
            self._decorated(event)
            self._add(Node("scalar", *_span(event), value=None), event)
        elif isinstance(event, yaml.ScalarEvent):
            self._decorated(event)
            self._add(Node("scalar", *_span(event), style=event.style or "", value=self._value(event)), event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._decorated(event)
            self._open(event)
        elif isinstance(event, _ENDS):
            self.stack.pop().node.end = event.end_mark.index

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self._fault(event.start_mark, "a second document starts here", "write one document per file")
            raise _Enough
        if event.version not in (None, (1, 2)) or event.tags:
            self._fault(event.start_mark, "directives are not read here", "take the line with % out")

    def _decorated(self, event: Any) -> None:
        path = self._path()
        if isinstance(event, yaml.AliasEvent):
            self._fault(event.start_mark, f"*{_short(event.anchor)} is an alias", "write the value out", path)
        elif event.anchor is not None:
            self._fault(event.start_mark, f"&{_short(event.anchor)} is an anchor", "write values out where used", path)
        if getattr(event, "tag", None) is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._fault(event.start_mark, f"{_short(tag)} is a tag", "take it out; quote the value if it is text", path)

    def _value(self, event: Any) -> Any:
        if event.style:
            bad = _FORBIDDEN.search(event.value)
            if bad is not None:
                self._fault(event.start_mark, f"holds the character U+{ord(bad[0]):04X}", "take it out", self._path())
            return event.value
        try:
            return resolve(event.value)
        except Ambiguous as refused:
            self._fault(event.start_mark, refused.summary, refused.fix, self._path())
            return event.value

    def _path(self) -> Path:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.path, top.step()) if top.key is not None or top.node.kind == "sequence" else top.path

    def _open(self, event: Any) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        node = Node("mapping" if mapping else "sequence", *_span(event), style="flow" if event.flow_style else "block")
        path = self._path()
        if len(self.stack) >= MAX_DEPTH:
            self._fault(event.start_mark, f"nests deeper than {MAX_DEPTH}", "write it flatter", path)
            raise _Stop
        self._add(node, event)
        self.stack.append(_Open(node, path))

    def _add(self, node: Node, event: Any) -> None:
        if not self.stack:
            self.scan.root = node
            return
        top = self.stack[-1]
        if top.node.kind == "sequence":
            top.node.items.append(node)
        elif top.key is None:
            self._add_key(top, node, event)
        else:
            top.node.pairs.append((top.key, node))
            top.key = None

    def _add_key(self, top: _Open, node: Node, event: Any) -> None:
        top.key = node
        if node.kind != "scalar" or not isinstance(node.value, str):
            was = node.value if node.kind == "scalar" else node.kind
            node.value = f"{_shown(was)}"
            path = (*top.path, node.value)
            self._fault(event.start_mark, f"a key should be text, this is {node.value}", "quote it", path)
        first = top.seen.setdefault(node.value, (node.line, node.start))
        if first[1] != node.start:
            summary = f"duplicate key {_short(node.value)}: it is on line {first[0]} too"
            self._fault(event.start_mark, summary, "keep one of the two", (*top.path, node.value))


def _span(event: Any) -> tuple[int, int, int, int]:
    start, end = event.start_mark, event.end_mark
    return start.index, end.index, start.line + 1, start.column + 1


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= 60 else f"{text[:57]}…"


def _shown(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else _short(str(value))
