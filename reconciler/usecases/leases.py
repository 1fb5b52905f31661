"""The leases of a run: taken only when there is work, renewed before each effect, given back at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

from reconciler.domain.errors import VerificationFailed
from reconciler.ports import Intent, LeaseState, Progress
from reconciler.usecases.house import House

_BEAT = timedelta(minutes=1)
_ABSURD = 10**15  # no target has seen so many leases: its marker was forged, and is not followed


def newest_generation(house: House, environment: str) -> int:
    """The newest generation that the ledger knows of. Its receipts are read only where the lease is lost or damaged:
    a lease that is there goes on from its own."""
    recorded = max(house.ledger.read(environment).record.written.values(), default=0)
    with suppress(VerificationFailed):
        lease = house.lease.read(environment)
        if lease is not None and lease.generation >= recorded:
            return recorded
    found = (getattr(receipt, "generation", 0) for _, receipt in house.ledger.receipts(environment))
    return max(recorded, max(found, default=0))


class Leases:
    """A context that holds the leases of some environments' ledgers."""

    def __init__(self, house: House, wait: timedelta = timedelta(0)) -> None:
        self._house = house
        self._wait = wait
        self._held: dict[str, LeaseState] = {}

    def take(self, environments: Iterable[str], seen: Mapping[str, int] | None = None) -> bool:
        """Take what is not held yet, in the order of the names, each under a newer generation than its ledger and,
        by `seen`, its target know. True where something was taken: what was read before may be old. Raises PlanAgain
        when another holds one of them."""
        missing = sorted(set(environments) - self._held.keys())
        for environment in missing:
            there = (seen or {}).get(environment, 0)
            above = max(newest_generation(self._house, environment), there if there < _ABSURD else 0)
            self._held[environment] = self._house.lease.acquire(environment, self._wait, above=above)
        return bool(missing)

    def renew(self, environment: str, intent: Intent | None = None) -> LeaseState:
        """Extend one before an effect, naming what is about to be stored. Raises PlanAgain when it was lost."""
        self._held[environment] = self._house.lease.renew(self._held[environment], intent)
        return self._held[environment]

    def kept(self, environment: str, progress: Progress) -> Progress:
        """A `Progress` that also extends the lease once a minute: long work must not lose it to its expiry."""
        renewed = self._house.clock.now()

        def update(label: str, done: int, total: int) -> None:
            nonlocal renewed
            if self._house.clock.now() - renewed >= _BEAT:
                self.renew(environment)
                renewed = self._house.clock.now()
            progress(label, done, total)

        return update

    def of(self, environment: str) -> LeaseState:
        return self._held[environment]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        for environment in sorted(self._held):
            self._house.lease.release(self._held[environment])
        self._held.clear()
