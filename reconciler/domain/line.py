"""A receipt as history shows it: short texts, light enough for very many. `summary` makes a line of a receipt."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Line(NamedTuple):
    """One receipt and the ledger commit that holds it. `at` is ISO 8601 in UTC; what is not there is `-`."""

    commit: str
    at: str
    environment: str
    action: str
    what: str
    digest: str
    source: str
    evidence: str
    by: str

    @property
    def moment(self) -> datetime:
        """`at` as a time, to sort by."""
        return datetime.fromisoformat(self.at)
