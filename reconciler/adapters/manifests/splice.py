"""Where and what to splice so that one pin changes: in place, or as a new entry of any style of mapping."""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.adapters.manifests.nodes import Node, find
from reconciler.adapters.manifests.scalars import Ambiguous, resolve
from reconciler.domain.manifests import Pin

_LINE = re.compile(r"\r\n|\n|\r")
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/@+-]|[ ](?![ #]))*")


def pin_document(pin: Pin) -> dict[str, Any]:
    """A pin as its plain document: only what it says, in the usual order."""
    document: dict[str, Any] = {}
    if pin.version is not None:
        document["version"] = pin.version
    if pin.digest is not None:
        document["digest"] = pin.digest
    if pin.state != "deployed":
        document["state"] = pin.state
    if pin.hold is not None:
        document["hold"] = pin.hold.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


def flow(value: Any) -> str:
    """A plain value as flow YAML, quoted where a plain scalar could be read as something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    text = str(value)
    try:
        plain = _PLAIN.fullmatch(text) is not None and resolve(text) == text and not text.endswith(" ")
    except Ambiguous:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False)


def spliced(text: str, root: Node, model: str, pin: Pin) -> str:
    """The text with the pin of `model` set. Whether only that changed is for the caller to check."""
    wanted = pin_document(pin)
    _, models, found = find(root, ("spec", "models"))
    if found < 2:
        return _without_models(text, root, model, wanted)
    entry = models.get(model)
    if entry is not None:
        return _changed(text, entry[1], wanted)
    if models.kind == "mapping" and models.pairs:
        return _added(text, root, models, _entry(model, wanted))
    return _first(text, root, models, _entry(model, wanted))


def _cut(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_end(text: str, position: int) -> int:
    """The position of the line end at or after `position` (the text's end where there is none)."""
    found = _LINE.search(text, position)
    return found.start() if found else len(text)


def _after_line(text: str, position: int, line: str) -> str:
    """The text with a line after the one that holds `position`."""
    end = _line_end(text, position)
    return _cut(text, end, end, _newline(text) + line)


# --- a pin that is there -----------------------------------------------------------------------------------


def _changed(text: str, value: Node, wanted: dict[str, Any]) -> str:
    """Change the entries that differ, in place; a flow pin that loses an entry is written out anew."""
    now = value.plain()
    gone = set(now) - set(wanted) if value.kind == "mapping" else set()
    if value.kind != "mapping" or not value.pairs or (gone and value.style == "flow"):
        return _anew(text, value, wanted)
    edits = [
        (node.start, node.last, _like(text, node, wanted[key.value]))
        for key, node in value.pairs
        if key.value in wanted and wanted[key.value] != node.plain()
    ]
    edits += [(*_lines(text, key, node), "") for key, node in value.pairs if key.value in gone]
    added = {key: item for key, item in wanted.items() if key not in now}
    if added and value.style == "flow":
        last = value.pairs[-1][1].last
        edits.append((last, last, "".join(f", {key}: {_digest(key, item)}" for key, item in added.items())))
    elif added:
        edits.append(_new_lines(text, value, added, first=bool(gone)))
    for start, end, new in sorted(edits, reverse=True):
        text = _cut(text, start, end, new)
    return text


def _lines(text: str, key: Node, value: Node) -> tuple[int, int]:
    """From the start of a key's line to the start of the line after its value."""
    found = _LINE.search(text, max(value.last, key.end) - 1)
    return key.start - (key.column - 1), found.end() if found else len(text)


def _new_lines(text: str, value: Node, added: dict[str, Any], *, first: bool) -> tuple[int, int, str]:
    """Entries of a block pin as lines: below the last one, or (`first`) above the first, where others go."""
    indent = " " * (value.pairs[0][0].column - 1)
    lines = [f"{indent}{key}: {_digest(key, item)}" for key, item in added.items()]
    if first:
        start = value.pairs[0][0].start - len(indent)
        return start, start, "".join(f"{line}{_newline(text)}" for line in lines)
    end = _line_end(text, value.last - 1)
    return end, end, "".join(f"{_newline(text)}{line}" for line in lines)


def _anew(text: str, value: Node, wanted: dict[str, Any]) -> str:
    new = "{" + ", ".join(f"{key}: {_digest(key, item)}" for key, item in wanted.items()) + "}"
    if value.style != "block" or value.kind != "mapping":
        lead = "" if text[value.start - 1 : value.start].isspace() else " "
        return _cut(text, value.start, value.last, lead + new)
    key_end = text.rindex(":", 0, value.start) + 1
    return _cut(text, key_end, value.last, " " + new)


def _like(text: str, node: Node, value: Any) -> str:
    """A value quoted as the one it replaces was."""
    if isinstance(value, dict) or node.kind != "scalar":
        return flow(value)
    if node.style == '"':
        return json.dumps(value, ensure_ascii=False)
    if node.style == "'":
        return "'" + str(value).replace("'", "''") + "'"
    return flow(value) if text[node.start : node.end] else " " + flow(value)


def _digest(key: str, value: Any) -> str:
    return json.dumps(value) if key == "digest" else flow(value)


# --- a pin that is new -------------------------------------------------------------------------------------


def _entry(model: str, wanted: dict[str, Any]) -> str:
    return f"{flow(model)}: {{{', '.join(f'{key}: {_digest(key, item)}' for key, item in wanted.items())}}}"


def _added(text: str, root: Node, models: Node, entry: str) -> str:
    last = models.last if models.style == "block" else max(models.pairs[-1][1].last, models.pairs[-1][0].end)
    if models.style == "flow":
        return _cut(text, last, last, f", {entry}")
    line = " " * (models.pairs[0][0].column - 1) + entry
    return _below(text, last - 1, line, find(root, ("spec", "models"))[0])


def _first(text: str, root: Node, models: Node, entry: str) -> str:
    """Into an empty `models`: in its braces, or in their place where they have a line of their own."""
    key = find(root, ("spec", "models"))[0]
    if models.start == models.last:
        return _into_nothing(text, key, models, _step(root), (entry, f"{{{entry}}}"))
    if stands_alone(text, key, models):
        return _cut(text, models.start, models.last, entry)
    return _cut(text, models.start + 1, models.last, entry + text[models.start + 1 : models.last].lstrip(" "))


def stands_alone(text: str, key: Node, value: Node) -> bool:
    """Whether the braces of an empty mapping have a line of their own below their key, where entries would stand."""
    if value.kind != "mapping" or value.style != "flow" or value.line <= key.line or value.column <= key.column:
        return False
    before, inside = text[value.start - value.column + 1 : value.start], text[value.start + 1 : value.end - 1]
    return not value.pairs and not before.strip() and not inside.strip(" ")


def _without_models(text: str, root: Node, model: str, wanted: dict[str, Any]) -> str:
    """Into a release that has no `models`, or no `spec` at all: in braces, so that it is one line."""
    key, spec, found = find(root, ("spec",))
    models = f"models: {{{_entry(model, wanted)}}}"
    if found and spec.pairs:
        if spec.style == "flow":
            return _cut(text, spec.pairs[-1][1].last, spec.pairs[-1][1].last, f", {models}")
        return _below(text, spec.last - 1, " " * (spec.pairs[0][0].column - 1) + models, key)
    if found and spec.start == spec.last:
        return _into_nothing(text, key, spec, _step(root), (models, f"{{{models}}}"))
    if found:
        return _cut(text, spec.start + 1, spec.last, models + text[spec.start + 1 : spec.last].lstrip(" "))
    if root.style == "flow":
        return _cut(text, root.pairs[-1][1].last, root.pairs[-1][1].last, f", spec: {{{models}}}")
    return _after_line(text, root.last - 1, f"spec: {{{models}}}")


def _below(text: str, position: int, line: str, key: Node) -> str:
    """The text with a line after the one of `position`, or, where that is the last and has no line end (which would
    be a second changed line), after the one of the `key` of its mapping."""
    return _after_line(text, key.end if _line_end(text, position) == len(text) else position, line)


def _into_nothing(text: str, key: Node, value: Node, step: int, written: tuple[str, str]) -> str:
    """Below a key without a value, or, where it is the last of its line or is in braces, beside it (in braces)."""
    line, beside = written
    alone = text[: key.start].rpartition("\n")[2].strip() == ""
    if alone and _line_end(text, key.end) < len(text):
        return _after_line(text, key.end, " " * (key.column - 1 + step) + line)
    return _cut(text, value.start, value.last, " " + beside)


def _step(root: Node) -> int:
    """How far the file indents: by its first nested block mapping, else 2."""
    for _, value in root.pairs:
        if value.kind == "mapping" and value.style == "block" and value.pairs:
            return max(1, value.pairs[0][0].column - root.pairs[0][0].column)
    return 2
