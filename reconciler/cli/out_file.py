"""The value of `--out`: a place where a regular file may be put, checked before any work is done.

What is written takes its place by a rename, which would replace a device, a pipe or a symlink: those are refused,
and of a symlink the file that it names is meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class OutFile(click.ParamType[Path]):
    """A path to write to. Converts to a `Path` without symlinks; fails (exit 64) for what is no place for a file, and
    for a name without one of `endings` where there are any."""

    name = "file"

    def __init__(self, *endings: str) -> None:
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """See `click.ParamType.convert`."""
        try:
            place = Path(value).resolve()
            if self._endings and place.suffix.lower() not in self._endings:
                self.fail(f"{str(value)!r} has none of the endings {', '.join(self._endings)}", param, ctx)
            if place.exists() and not place.is_file():
                self.fail(f"{str(value)!r} is no regular file: name a file, or leave --out away", param, ctx)
            if not place.parent.is_dir():
                self.fail(f"there is no folder {str(place.parent)!r}", param, ctx)
        except (OSError, RuntimeError, ValueError) as error:
            why = getattr(error, "strerror", None) or "a loop of symlinks, or no path"
            self.fail(f"{str(value)!r} cannot be used: {why}", param, ctx)
        return place
