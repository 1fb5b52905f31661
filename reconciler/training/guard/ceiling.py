"""Figures better than the best that the data's owner says an honest model can reach: too good to be true."""

from __future__ import annotations

from reconciler.domain.guard import Guard, GuardFinding
from reconciler.domain.record import Figures

_LOWER_IS_BETTER = frozenset({"log_loss", "brier"})


def above(figures: Figures, limits: Guard) -> list[GuardFinding]:
    """A finding for each figure beyond its ceiling."""
    found = []
    for name, best in limits.ceiling.items():
        value = float(getattr(figures, name))
        if value < best if name in _LOWER_IS_BETTER else value > best:
            found.append(
                GuardFinding(
                    check="ceiling",
                    subject=name,
                    what=f"is {value:.3f}, better than {best:g}, the best that the data's owner holds possible",
                    figures={"figure": value, "ceiling": best},
                    next_step="look for a feature that knows the outcome; if the ceiling is wrong, the data's owner "
                    "changes data.guard.ceiling, then reconciler apply --retry",
                )
            )
    return found
