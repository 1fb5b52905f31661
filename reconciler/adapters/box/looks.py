"""`doctor`'s look at the box: what the walls of this machine hold.

May start the box's probe. Refuses nothing: weak walls are a warning, with the command that makes them strong.
"""

from __future__ import annotations

from reconciler.adapters.box.trainer import BoxedTrainer
from reconciler.domain.observed import Finding


def look_at_the_box(trainer: BoxedTrainer) -> Finding:
    """How training is kept from the network and from files; a warning where either is open."""
    found = trainer.found
    detail = f"network: {found.isolation.network}, files: {found.isolation.files}"
    if found.network and found.files:
        return Finding("box", "ok", detail)
    return Finding("box", "warning", detail, "apt-get install bubblewrap, or training.isolation: best-effort")
