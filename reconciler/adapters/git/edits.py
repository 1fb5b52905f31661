"""Changes files of a git tree without an index or a working tree: only the trees on the way to a file are made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reconciler.adapters.git.objects import Loose, Objects
from reconciler.domain.errors import NeedsPerson, VerificationFailed

FOLDER, FILE = "40000", "100644"


class Item(NamedTuple):
    """One line of a tree object."""

    mode: str
    id: str


def parse_tree(content: bytes, id_length: int) -> dict[str, Item]:
    """Name → item of a raw tree object; ids of `id_length` bytes."""
    items, at = {}, 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        at = end + 1 + id_length
        items[name.decode("utf-8", "surrogateescape")] = Item(mode.decode("ascii"), content[end + 1 : at].hex())
    return items


def format_tree(items: Mapping[str, Item]) -> bytes:
    """The raw tree object of `items`, in git's order (folders sort as if their name ended in a slash)."""

    def key(entry: tuple[str, Item]) -> bytes:
        return entry[0].encode("utf-8", "surrogateescape") + (b"/" if entry[1].mode == FOLDER else b"")

    return b"".join(
        item.mode.encode() + b" " + name.encode("utf-8", "surrogateescape") + b"\0" + bytes.fromhex(item.id)
        for name, item in sorted(items.items(), key=key)
    )


def read_tree(objects: Objects, tree: str | None) -> dict[str, Item]:
    """The items of a tree; none for None. Raises VerificationFailed where it is missing or no tree."""
    if tree is None:
        return {}
    found = objects.read(tree)
    if found is None or found[0] != "tree":
        raise VerificationFailed(f"tree {tree} is missing", next_step="git fsck, and fetch again")
    return parse_tree(found[1], len(tree) // 2)


def edit_tree(
    objects: Objects, tree: str | None, changes: Mapping[str, bytes | None]
) -> tuple[str | None, list[Loose]]:
    """Set files (None takes one out) below `tree`: (id of the new tree or None when empty, objects to write).

    A file keeps its mode. Raises NeedsPerson where a folder or a link stands in the way."""
    items = read_tree(objects, tree)
    made: list[Loose] = []
    below: dict[str, dict[str, bytes | None]] = {}
    for path, content in changes.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = content
        elif content is None:
            items.pop(name, None)
        else:
            blob = objects.make("blob", content)
            made.append(blob)
            items[name] = Item(_mode(items.get(name), path), blob.id)
    for name, inner in below.items():
        folder = items.get(name)
        if folder is not None and folder.mode != FOLDER:
            raise NeedsPerson(f"{name} is not a folder in this commit", next_step="move it out of the way")
        changed, more = edit_tree(objects, folder.id if folder else None, inner)
        made += more
        if changed is None:
            items.pop(name, None)
        else:
            items[name] = Item(FOLDER, changed)
    new = objects.make("tree", format_tree(items))
    return (new.id, [*made, new]) if items else (None, made)


def _mode(present: Item | None, path: str) -> str:
    if present is None:
        return FILE
    if present.mode not in (FILE, "100755"):
        raise NeedsPerson(f"{path} is a link or a folder in this commit", next_step="move it out of the way")
    return present.mode
