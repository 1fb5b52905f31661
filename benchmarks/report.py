"""One line of the table for each promise: what was measured, beside what, the limit, and whether it was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.ratio import Times

HEADER = ("what", "ours: least / median", "yardstick: least / median", "ratio", "limit", "verdict")


@dataclass(frozen=True)
class Row:
    """One comparison. `ratio_limit` and `seconds_limit` are None where a figure is only shown."""

    what: str
    ours: Times
    yardstick: Times
    ratio_limit: float | None = None
    seconds_limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours.least / self.yardstick.least

    @property
    def kept(self) -> bool:
        ratio = self.ratio_limit is None or self.ratio <= self.ratio_limit
        return ratio and (self.seconds_limit is None or self.ours.least <= self.seconds_limit)

    def cells(self) -> tuple[str, ...]:
        limits = [f"{self.ratio_limit:g} x" if self.ratio_limit else "", *self._seconds()]
        limit = " and ".join(text for text in limits if text)
        verdict = ("kept" if self.kept else "MISSED") if limit else ""
        return (self.what, _told(self.ours), _told(self.yardstick), f"{self.ratio:.2f}", limit or "shown", verdict)

    def _seconds(self) -> list[str]:
        return [f"{self.seconds_limit:g} s"] if self.seconds_limit else []


@dataclass(frozen=True)
class Figure:
    """One figure of ours with a limit of its own: a size, a growth, or seconds with nothing to set beside them."""

    what: str
    value: float
    unit: str
    limit: float

    @property
    def kept(self) -> bool:
        return self.value <= self.limit

    def cells(self) -> tuple[str, ...]:
        verdict = "kept" if self.kept else "MISSED"
        return (self.what, f"{self.value:.2f} {self.unit}", "", "", f"{self.limit:g} {self.unit}", verdict)


def _told(times: Times) -> str:
    return f"{times.least:.3f} / {times.median:.3f} s"


def table(rows: Sequence[Row | Figure]) -> str:
    """The rows as aligned text."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
