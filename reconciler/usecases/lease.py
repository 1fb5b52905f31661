"""Look at leases, and break one with a reason that goes into the ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.core.fold import fold
from reconciler.domain.errors import AuthorMustFix, VerificationFailed
from reconciler.domain.names import NAME_PATTERN
from reconciler.domain.receipts import LeaseBreakReceipt
from reconciler.ports import LeaseState
from reconciler.usecases.house import House
from reconciler.usecases.leases import newest_generation
from reconciler.usecases.unknown import unknown


@dataclass(frozen=True)
class Listed:
    """The lease of one environment; `ended`: its holder's process has provably ended."""

    lease: LeaseState
    ended: bool


def leases(house: House) -> list[Listed]:
    """The lease of every environment that has had one."""
    house.history.fetch()
    names = sorted(house.source.read("HEAD").environments)
    found = [state for name in names if (state := house.lease.read(name)) is not None]
    return [Listed(state, state.held and house.lease.ended(state)) for state in found]


def break_lease(house: House, environment: str, *, reason: str) -> LeaseState:
    """End another's lease, also a damaged one, and record who did and why. Raises AuthorMustFix where none is held,
    and for an environment that main does not have and that has no lease."""
    house.history.fetch()
    names = sorted(house.source.read(house.history.main_tip()).environments)
    if environment not in names and not _has_lease(house, environment):
        raise unknown("environment", environment, names)
    before = house.lease.break_(environment, above=newest_generation(house, environment))
    if before is None:
        raise AuthorMustFix(f"nobody holds the lease of {environment}", next_step="reconciler lease list")
    state = house.ledger.read(environment)
    receipt = LeaseBreakReceipt(
        environment=environment,
        at=house.clock.now(),
        by=house.who,
        run_url=house.run_url,
        reason=reason,
        holder=before.holder,
        generation=before.generation,
    )
    house.ledger.append(state, receipt, fold(state.record, receipt))
    return before


def _has_lease(house: House, environment: str) -> bool:
    if not re.fullmatch(NAME_PATTERN, environment):
        return False
    try:
        return house.lease.read(environment) is not None
    except VerificationFailed:
        return True
