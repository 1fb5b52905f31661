"""Manifest files of a working tree, found, read and replaced: what `fmt` and `schema --out` work on.

Never follows a symlink, never reads more than 1 MiB, writes by one rename.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.adapters.manifests.layout import MAX_BYTES
from reconciler.domain.errors import AuthorMustFix, RetryLater
from reconciler.tools.files import Unfit, make_folder, opened_folder, read_regular, write_durably


class Files:
    """Implements `ports.ManifestFiles`."""

    def find(self, paths: Sequence[Path]) -> Sequence[Path]:
        found: set[Path] = set()
        for path in paths:
            try:
                folder = stat.S_ISDIR(path.lstat().st_mode)
            except (OSError, ValueError) as error:
                raise AuthorMustFix(
                    f"{path}: {_reason(error)}", next_step="name a file or folder that is there"
                ) from None
            found.update(_below(path) if folder else [path])
        return sorted(found)

    def read(self, path: Path) -> bytes:
        try:
            with opened_folder(path.parent, follow=True) as folder:
                return read_regular(path.name, dir_fd=folder, limit=MAX_BYTES)
        except (OSError, Unfit) as error:
            raise AuthorMustFix(f"{path}: {_reason(error)}", next_step="name a plain file of at most 1 MiB") from None

    def replace(self, path: Path, content: bytes) -> None:
        try:
            make_folder(path.parent)
            with opened_folder(path.parent, follow=True) as folder:
                write_durably(path.name, content, dir_fd=folder)
        except (OSError, Unfit) as error:
            raise RetryLater(
                f"{path} cannot be written: {_reason(error)}",
                next_step="make room, or choose another place, then run again",
            ) from None


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*.yaml"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            yield path


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
