"""Keeps the last record read of each ledger in one file, so that a plan over a thousand models reads no object.

Lies in `<git common dir>/reconciler/`, is keyed by the tree's id, the format and the release, and may be lost at any
time: what is missing, torn or older counts as absent, and what cannot be written is not. `verify` never uses it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from reconciler import __version__
from reconciler.domain.record import FORMAT_VERSION, Record
from reconciler.files import make_folder, opened_folder, write_durably

#: A record of fewer files is read from git as fast.
WORTH_KEEPING = 64


class RecordCache:
    """The cache of one repository."""

    def __init__(self, common_dir: Path) -> None:
        self._folder = common_dir / "reconciler" / "ledgers"

    def get(self, environment: str, tree: str) -> Record | None:
        """The record of a tree, None where it is not kept."""
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


def _head(tree: str) -> bytes:
    return f"{tree} {FORMAT_VERSION} {__version__}".encode()
