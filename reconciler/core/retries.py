"""How often a failed try is repeated: a recipe's failure never by itself, a machine's three times."""

from __future__ import annotations

from reconciler.domain.plan import Who
from reconciler.domain.record import Failure

MACHINE_ATTEMPTS = 3


def exhausted(failure: Failure) -> bool:
    """True where the next pass must not try again by itself."""
    return failure.kind == "recipe" or failure.attempts >= MACHINE_ATTEMPTS


def way_out(failure: Failure) -> tuple[str, Who]:
    """What ends a failure that is not tried again by itself, and whose move that is. What the failed job said itself
    knows more than we do: it comes first."""
    if failure.kind == "machine":
        own = failure.next_step or "mend the machine"
        return f"{own}, then reconciler apply --retry", "operator"
    if failure.findings:
        return f"{failure.findings[0].next_step}; reconciler show MODEL@VERSION tells every finding", "author"
    if failure.next_step:
        return f"{failure.next_step}; then a new version, or reconciler apply --retry", "author"
    return "add a new version, refresh the data, or reconciler apply --retry", "author"
