"""What an OData service may take: bytes, pages, seconds."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.tools.patience import Waits


@dataclass(frozen=True)
class Limits(Waits):
    """Bytes of one page and of the service's description, unpacked; pages of one table; up to how many pages a table
    is read twice. The seconds are those of one table."""

    page: int = 64 << 20
    metadata: int = 256 << 20
    pages: int = 100_000
    pages_read_twice: int = 20
