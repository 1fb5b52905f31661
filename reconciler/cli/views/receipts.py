"""The receipts of a ledger as rows of history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.domain.line import Line

HEADER = ("when (UTC)", "environment", "action", "what", "digest", "source", "evidence", "by")


def receipt_rows(lines: Iterable[Line]) -> list[tuple[str, ...]]:
    """The cells of each line, in the order of `HEADER`."""
    return [(f"{at[:10]} {at[11:19]}", *cells) for _, at, *cells in lines]
