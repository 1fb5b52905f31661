"""Keeps the last record read of each ledger in one file, so that a plan over a thousand models reads no object, and
which commits were found in which history, so that it walks none.

Lies in `<git common dir>/reconciler/`, is keyed by the tree's id, the format and the release, and may be lost at any
time: what is missing, torn or older counts as absent, and what cannot be written is not. `verify` never uses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.tools.files import make_folder, opened_folder, write_durably

if TYPE_CHECKING:
    from reconciler.domain.record import Record

#: A record of fewer files is read from git as fast.
WORTH_KEEPING = 64
_CONTAINED = "contained"  # not the name of an environment's file: those end in .json
_ANSWERS = 100


class RecordCache:
    """The cache of one repository."""

    def __init__(self, common_dir: Path) -> None:
        self._folder = common_dir / "reconciler" / "ledgers"

    def get(self, environment: str, tree: str) -> Record | None:
        """The record of a tree, None where it is not kept."""
        from reconciler.domain.record import Record

        with suppress(OSError, ValueError, RecursionError):
            head, _, body = (self._folder / f"{environment}.json").read_bytes().partition(b"\n")
            if head == _head(tree):
                record = Record.model_validate_json(body)
                return record if record.environment == environment else None
        return None

    def put(self, record: Record, tree: str) -> None:
        """Keep a record instead of the one before."""
        with suppress(OSError):
            make_folder(self._folder)
            with opened_folder(self._folder) as folder:
                content = _head(tree) + b"\n" + record.model_dump_json().encode()
                write_durably(f"{record.environment}.json", content, dir_fd=folder)

    def is_known(self, tip: str, commits: Sequence[str]) -> bool:
        """True where it was found before that all of these commits are in the history of `tip`. What a commit's
        history holds never changes, so this cannot grow old."""
        return _mark(tip, commits) in self._marks()

    def know(self, tip: str, commits: Sequence[str]) -> None:
        """Keep that all of these commits are in the history of `tip`; the newest few such answers are kept."""
        with suppress(OSError):
            make_folder(self._folder)
            with opened_folder(self._folder) as folder:
                lines = [*self._marks(), _mark(tip, commits)][-_ANSWERS:]
                write_durably(_CONTAINED, "\n".join(lines).encode(), dir_fd=folder)

    def _marks(self) -> list[str]:
        with suppress(OSError, ValueError):
            return (self._folder / _CONTAINED).read_text("ascii").split()
        return []


def _mark(tip: str, commits: Sequence[str]) -> str:
    return hashlib.sha256("\n".join((tip, *commits)).encode("utf-8", "surrogateescape")).hexdigest()


def _head(tree: str) -> bytes:
    from reconciler.domain.record import FORMAT_VERSION

    return f"{tree} {FORMAT_VERSION} {__version__}".encode()
