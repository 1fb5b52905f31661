"""What is recorded of a copy of the data: where it came from, what it looks like, what was masked. Never the data.

Every field that a release added has a default, so that older receipts are read as they were written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from reconciler.domain.kept import Kept
from reconciler.domain.masks import Mask
from reconciler.domain.names import Digest


class SnapshotColumn(Kept):
    name: str
    type: Literal["text", "number", "whole", "date", "flag"]
    known_at: Literal["invoice-date", "later"]


#: Days late from this on are one number in the facts of a copy.
LATEST_DAY = 120


class Facts(Kept):
    """What the rows of a copy look like, as far as gates ask: counts and shares of all rows together."""

    settled: int = Field(description="invoices that were paid")
    first: str = Field(description="the date of the oldest invoice")
    last: str = Field(description="the date of the newest invoice")
    late: list[int] = Field(
        default_factory=list, description="settled invoices by whole days after the due date: 0 and before, 1, 2, …"
    )
    constant: list[str] = Field(default_factory=list, description="columns with one value and no other")
    missing: dict[str, float] = Field(default_factory=dict, description="column → share of rows without a value")


class Snapshot(Kept):
    """A copy of the data: its digest, the newest date it knows, when it was taken, and how many rows."""

    digest: Digest
    data_date: str
    taken_at: datetime
    rows: dict[str, int]
    set_aside: dict[str, int] = Field(default_factory=dict)
    copy_of: str
    by: str | None = Field(None, description="who took it; this and all below null or empty before format 3")
    as_of: str | None = Field(None, description="the date that was asked for; null where it was: now")
    asked: dict[str, str] = Field(default_factory=dict, description="table → what was read, without credentials")
    entities: dict[str, int] = Field(default_factory=dict, description="legal entity → invoices")
    newest: str | None = Field(None, description="the newest posting: invoice or settlement")
    columns: dict[str, list[SnapshotColumn]] = Field(default_factory=dict, description="table → its columns")
    masks: dict[str, Mask] | None = Field(None, description="field → its mask; {} is none, null is not known")
    mask_key: str | None = Field(None, description="tells one key from another, and nothing else of it")
    facts: Facts | None = None
    excluded: dict[str, int] = Field(default_factory=dict, description="why good invoices are not in it → how many")
    read: dict[str, int] = Field(
        default_factory=dict, description="table → rows that the source had of those asked for; empty: not known"
    )
    removed_at: datetime | None = Field(None, description="when its files were removed; what it says here stays")
    findings: list[str] = Field(default_factory=list, description="what was odd about it when it was taken")
