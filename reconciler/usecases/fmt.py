"""Put manifests in their usual form. A file that cannot be read, or whose meaning would change, stays as it is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.errors import AuthorMustFix
from reconciler.usecases.house import House

FOLDERS = ("manifests", "environments")


@dataclass(frozen=True)
class Formed:
    """One file: as it is, as it should be, or why it was left alone (`refused`)."""

    name: str
    before: bytes
    after: bytes
    refused: str = ""

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """A unified diff of the two; empty where they are equal."""
        lines = (self.before.decode().splitlines(keepends=True), self.after.decode().splitlines(keepends=True))
        return "".join(difflib.unified_diff(*lines, self.name, self.name))


def fmt(house: House, paths: Sequence[Path], *, top: Path, write: bool) -> tuple[Formed, ...]:
    """The usual form of files and of all `.yaml` files below folders (none named: the manifests
    of the repository at `top`).

    With `write`, files that differ are replaced. Raises AuthorMustFix for a path that is not there."""
    wanted = [*paths] or [top / folder for folder in FOLDERS if (top / folder).is_dir()]
    return tuple(_form(house, path, top, write=write) for path in house.files.find(wanted))


def _form(house: House, path: Path, top: Path, *, write: bool) -> Formed:
    name = str(path.relative_to(top)) if path.is_relative_to(top) else str(path)
    before = b""
    try:
        before = house.files.read(path)
        after = house.editor.tidy(name, before)
    except AuthorMustFix as error:
        return Formed(name, before, before, f"{error.message}, {error.next_step}")
    if write and after != before:
        house.files.replace(path, after)
    return Formed(name, before, after)
