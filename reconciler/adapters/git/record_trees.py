"""Reads the trees of ledger commits as files. Consecutive trees share nearly everything: only what is new is read."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.adapters.git.edits import FILE, FOLDER, Item, parse_tree
from reconciler.adapters.git.objects import Objects
from reconciler.domain.errors import VerificationFailed

_DEEPEST = 4
_LARGEST = 16 << 20


class RecordTrees:
    """A reader that remembers the last tree."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._trees: dict[str, dict[str, Item]] = {}
        self._blobs: dict[str, bytes] = {}

    def blobs(self, tree: str) -> dict[str, str]:
        """Path → blob id of every file. Raises VerificationFailed on links, modes and depths that no record has."""
        found: dict[str, str] = {}
        level, seen = [("", tree)], {}
        for _ in range(_DEEPEST):
            self._fetch_trees(identity for _, identity in level)
            below = []
            for prefix, identity in level:
                items = seen[identity] = self._trees[identity]
                for name, item in items.items():
                    if item.mode == FOLDER:
                        below.append((f"{prefix}{name}/", item.id))
                    elif item.mode == FILE:
                        found[prefix + name] = item.id
                    else:
                        raise _foreign(tree, prefix + name)
            level = below
        if level:
            raise _foreign(tree, level[0][0])
        self._trees = seen
        return found

    def files(self, tree: str) -> dict[str, bytes]:
        """Path → content of every file."""
        found = self.blobs(tree)
        missing = [blob for blob in dict.fromkeys(found.values()) if blob not in self._blobs]
        sizes = self._objects.sizes(missing)
        for path, blob in found.items():
            if sizes.get(blob, 0) > _LARGEST:
                raise _foreign(tree, path)
        for blob, answer in self._objects.read_all(missing):
            if answer is None or answer[0] != "blob":
                raise VerificationFailed(
                    f"blob {blob} of tree {tree} is missing", next_step="git fsck, and fetch again"
                )
            self._blobs[blob] = answer[1]
        self._blobs = {blob: self._blobs[blob] for blob in found.values()}
        return {path: self._blobs[blob] for path, blob in found.items()}

    def _fetch_trees(self, wanted: Iterable[str]) -> None:
        missing = [each for each in dict.fromkeys(wanted) if each not in self._trees]
        for identity, answer in self._objects.read_all(missing):
            if answer is None or answer[0] != "tree":
                raise VerificationFailed(f"tree {identity} is missing", next_step="git fsck, and fetch again")
            self._trees[identity] = parse_tree(answer[1], len(identity) // 2)


def _foreign(tree: str, path: str) -> VerificationFailed:
    return VerificationFailed(
        f"the tree {tree} of a ledger holds {path!r}, which no record has",
        next_step="somebody else wrote to the ledger: reconciler verify says which commit",
    )
