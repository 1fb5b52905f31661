"""Which repository a path that somebody typed belongs to."""

from __future__ import annotations

from pathlib import Path


def repository_of(path: Path) -> tuple[Path, str]:
    """The folder of the repository that holds `path` (else its own folder), and the path inside it."""
    whole = path.absolute()
    place = whole.parent.resolve() / whole.name if whole.is_symlink() else whole.resolve()
    start = place if place.is_dir() else place.parent
    top = next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)
    below = str(place.relative_to(top))
    return top, "" if below == "." else below
