"""How often a failed try is repeated: a recipe's failure never by itself, a machine's three times."""

from __future__ import annotations

from reconciler.domain.record import Failure

MACHINE_ATTEMPTS = 3


def exhausted(failure: Failure) -> bool:
    """True where the next pass must not try again by itself."""
    return failure.kind == "recipe" or failure.attempts >= MACHINE_ATTEMPTS
