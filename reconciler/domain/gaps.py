"""Gaps: the places of a document whose content is not known, because it is at fault.

Pure. What is read of a file with faults is its document without the gaps; whoever concludes from what he finds, or
does not find, asks here whether it could stand in a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Gaps:
    """Paths of a document that cannot be read; what the path leads to is not known, nor what is below it."""

    paths: frozenset[Path] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.paths)

    def hide(self, path: Path) -> bool:
        """Whether a gap is at the path or above it: nothing is known of what stands there."""
        return any(path[: len(gap)] == gap for gap in self.paths)

    def touch(self, path: Path) -> bool:
        """Whether a gap is at the path, above or below it: not all is known of what stands there."""
        return any(path[: len(gap)] == gap[: len(path)] for gap in self.paths)


NO_GAPS = Gaps()


class Absent(ValueError):
    """What a model raises where none of some keys (as written) is there; no fault, where one of them is in a gap."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys
