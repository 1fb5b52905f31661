"""What one blob holds, as plain JSON values that the cache can keep: the document, its faults, a few places.

Keys are short because there are thousands: `d` document without its gaps, `f` faults [line, column, summary, fix,
path], `g` the gaps where there are any, `n` and `v` places of metadata.name and version, `m` model → place of its
pin, `t` the text.
"""

from __future__ import annotations

from typing import Any

from reconciler.adapters.manifests.cache import Entry
from reconciler.adapters.manifests.checking import check
from reconciler.adapters.manifests.nodes import Node, find
from reconciler.adapters.manifests.scanner import Scan, scan


def make_entry(content: bytes | None, kind: str | None) -> Entry:
    """Read one blob as a manifest of `kind`, or as plain text where `kind` is None (allowed signers)."""
    if kind is None:
        return {"t": None if content is None else content.decode("utf-8", "replace")}
    scanned = scan(content)
    checked = check(scanned, kind)
    entry: Entry = {
        "d": checked.document,
        "f": [[fault.line, fault.column, fault.summary, fault.fix, list(fault.path)] for fault in checked.faults],
    }
    if checked.gaps:
        entry["g"] = sorted(map(list, checked.gaps.paths), key=str)
    if scanned.root is not None:
        entry |= _places(scanned.root)
    if kind == "Environment" and not checked.faults:  # of a file with faults nobody asks, and it may hold a password
        entry["t"] = _text(scanned)
    return entry


def _places(root: Node) -> dict[str, Any]:
    places: dict[str, Any] = {}
    for short, path in (("n", ("metadata", "name")), ("v", ("metadata", "version"))):
        _, node, found = find(root, path)
        if found == len(path):
            places[short] = [node.line, node.column]
    _, models, found = find(root, ("spec", "models"))
    if found == 2 and models.kind == "mapping":
        places["m"] = {str(key.value): [key.line, key.column] for key, _ in models.pairs}
    return places


def _text(scanned: Scan) -> str:
    return scanned.text
