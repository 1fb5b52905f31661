"""What was done when, by whom and with what evidence: the receipts, newest first, from git alone."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.usecases.house import House
from reconciler.usecases.unknown import unknown

if TYPE_CHECKING:
    from reconciler.domain.line import Line
    from reconciler.domain.receipts import Receipt


@dataclass(frozen=True)
class Entry:
    """One receipt and the ledger commit that holds it."""

    commit: str
    receipt: Receipt


def history(house: House, model: str | None = None, *, environment: str | None = None) -> Iterator[Entry]:
    """Receipts, newest first, of one environment or of all; with `model`, those of its deployments.

    Raises AuthorMustFix for an environment or a model that is not known here."""
    streams = [_entries(house, name, model) for name in _environments(house, model, environment)]
    return heapq.merge(*streams, key=lambda entry: entry.receipt.at, reverse=True)


def lines(house: House, model: str | None = None, *, environment: str | None = None) -> Iterator[Line]:
    """The receipts that `history` gives, in the same order, each as the line that people read. Raises as `history`."""
    streams = [house.ledger.lines(name, model) for name in _environments(house, model, environment)]
    if len(streams) == 1:  # as it comes, without a look at every time
        return streams[0]
    return heapq.merge(*streams, key=lambda line: line.moment, reverse=True)


def _environments(house: House, model: str | None, environment: str | None) -> Sequence[str]:
    """Those whose ledgers are asked. Raises AuthorMustFix for an environment or a model that is not known here."""
    source = house.source.read("HEAD")
    names = sorted(source.environments)
    if environment is not None and environment not in names:
        raise unknown("environment", environment, names)
    models = sorted({name for name, _ in source.versions})
    if model is not None and model not in models and not _was_deployed(house, model, names):
        raise unknown("model", model, models)
    return [environment] if environment else names


def _was_deployed(house: House, model: str, environments: Sequence[str]) -> bool:
    return any(model in house.ledger.read(name).record.deployments for name in environments)


def _entries(house: House, environment: str, model: str | None) -> Iterator[Entry]:
    for commit, receipt in house.ledger.receipts(environment, model):
        yield Entry(commit, receipt)
