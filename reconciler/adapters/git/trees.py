"""The port `Trees`: files of a commit or of the working tree, as blobs.

Runs no filter and follows no link: a symlink is its target's text. The working tree is only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from reconciler.adapters.git.objects import object_id
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.git.revisions import resolve
from reconciler.domain.errors import NeedsPerson, PlanAgain, RetryLater
from reconciler.ports import Entry
from reconciler.tools.files import Unfit, opened_regular

_LINK = "120000"
_LARGEST = 1 << 30


class GitTrees:
    """Reads trees of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._here: dict[str, str] = {}

    def listing(
        self, revision: str | None, folders: Sequence[str], meanwhile: Callable[[], object] | None = None
    ) -> tuple[str | None, Mapping[str, Entry]]:
        """(commit id, path → entry) below `folders`; the working tree (tracked, or new and not ignored) for None."""
        if revision is None:
            return None, self._working_tree(folders, meanwhile)
        commit = resolve(self._repository, revision)
        words = ("ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit, "--", *folders)
        out = self._repository.git.run(*words, meanwhile=meanwhile)
        entries = {}
        for line in out.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            head, _, path = line.partition("\t")
            mode, kind, blob = head.split(" ")
            if kind == "blob":
                entries[path] = Entry(mode, blob)
        return commit, entries

    def contents(self, blobs: Sequence[str], limit: int) -> Mapping[str, bytes | None]:
        """Blob id → content, None where it is larger than `limit`. Raises PlanAgain where a file of the working
        tree changed since it was listed, NeedsPerson where a blob is missing."""
        found: dict[str, bytes | None] = {}
        stored = []
        for blob in dict.fromkeys(blobs):
            if blob in self._here:
                found[blob] = self._read_again(blob, limit)
            else:
                stored.append(blob)
        sizes = self._repository.objects.sizes(stored)
        for blob in stored:
            if blob not in sizes:
                raise NeedsPerson(f"blob {blob} is missing", next_step="git fsck says what is damaged")
            found[blob] = None
        small = [blob for blob in stored if sizes[blob] <= limit]
        for blob, answer in self._repository.objects.read_all(small):
            found[blob] = answer[1] if answer else None
        return found

    def _working_tree(self, folders: Sequence[str], meanwhile: Callable[[], object] | None) -> dict[str, Entry]:
        words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", *folders)
        out = self._repository.git.run(*words, meanwhile=meanwhile)
        paths = out.decode("utf-8", "surrogateescape").split("\0")[:-1]
        links: dict[PurePosixPath, bool] = {}
        entries = {}
        for path in sorted(paths):
            if self._is_below_a_link(PurePosixPath(path).parent, links):
                continue
            read = _read(self._repository.root / path)
            if read is not None:
                mode, content = read
                blob = object_id("blob", content, self._repository.algorithm)
                entries[path] = Entry(mode, blob)
                self._here[blob] = path
        return entries

    def _is_below_a_link(self, folder: PurePosixPath, known: dict[PurePosixPath, bool]) -> bool:
        if folder not in known:
            known[folder] = folder != PurePosixPath(".") and (
                self._is_below_a_link(folder.parent, known) or (self._repository.root / folder).is_symlink()
            )
        return known[folder]

    def _read_again(self, blob: str, limit: int) -> bytes | None:
        path = self._here[blob]
        read = _read(self._repository.root / path)
        if read is None or object_id("blob", read[1], self._repository.algorithm) != blob:
            raise PlanAgain(f"{path} changed while it was read", next_step="run the command again")
        return read[1] if len(read[1]) <= limit else None


def _read(path: Path) -> tuple[str, bytes] | None:
    """(mode, content) of a file or link, None for what is neither (gone, a folder, a pipe, a device)."""
    try:
        if path.is_symlink():
            return _LINK, os.fsencode(path.readlink())
        with (
            opened_regular(str(path), limit=_LARGEST) as (handle, found),
            os.fdopen(handle, "rb", closefd=False) as file,
        ):
            return ("100755" if found.st_mode & 0o100 else "100644"), file.read()
    except (FileNotFoundError, Unfit):
        return None
    except OSError as error:
        raise RetryLater(f"{path} cannot be read: {error.strerror}", next_step="mend its permissions") from error
