"""Trees in memory: files by path, blob ids as git gives them, and which blobs were asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from reconciler.domain.errors import NeedsPerson
from reconciler.ports import Entry


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class MemoryTrees:
    """Implements `ports.Trees` over dictionaries; `fetched` counts the blobs that were read."""

    def __init__(
        self, working_tree: Mapping[str, bytes | str], commits: Mapping[str, Mapping[str, bytes]] | None = None
    ):
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in working_tree.items()}
        self.modes: dict[str, str] = {}
        self.commits = dict(commits or {})
        self.blobs: dict[str, bytes] = {}
        self.fetched = 0

    def listing(
        self, revision: str | None, folders: Sequence[str], meanwhile: Callable[[], object] | None = None
    ) -> tuple[str | None, Mapping[str, Entry]]:
        if meanwhile is not None:
            meanwhile()
        if revision is not None and revision not in self.commits:
            raise NeedsPerson(f"there is no revision {revision}")
        files = self.files if revision is None else self.commits[revision]
        found = {}
        for path, content in files.items():
            if any(path.startswith(f"{folder}/") for folder in folders):
                self.blobs[blob_id(content)] = content
                found[path] = Entry(self.modes.get(path, "100644"), blob_id(content))
        return revision, found

    def contents(self, blobs: Sequence[str], limit: int) -> Mapping[str, bytes | None]:
        self.fetched += len(blobs)
        return {blob: self.blobs[blob] if len(self.blobs[blob]) <= limit else None for blob in blobs}
