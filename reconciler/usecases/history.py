"""What was done when, by whom and with what evidence: the receipts, newest first, from git alone."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.record import Receipt
from reconciler.usecases.house import House


@dataclass(frozen=True)
class Entry:
    """One receipt and the ledger commit that holds it."""

    commit: str
    receipt: Receipt


def history(house: House, model: str | None = None, *, environment: str | None = None) -> Iterator[Entry]:
    """Receipts, newest first, of one environment or of all; with `model`, those of its deployments.

    Raises AuthorMustFix for an environment that main does not have."""
    names = sorted(house.source.read("HEAD").environments)
    if environment is not None and environment not in names:
        raise AuthorMustFix(
            f"there is no environment {environment!r} here", next_step=f"environments: {', '.join(names) or 'none'}"
        )
    streams = [_entries(house, name, model) for name in ([environment] if environment else names)]
    return heapq.merge(*streams, key=lambda entry: entry.receipt.at, reverse=True)


def _entries(house: House, environment: str, model: str | None) -> Iterator[Entry]:
    for commit, receipt in house.ledger.receipts(environment, model):
        yield Entry(commit, receipt)
