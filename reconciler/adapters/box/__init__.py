"""The box: training, and opening a stranger's model, as a child that can reach nothing."""

from reconciler.adapters.box.trainer import BoxedTrainer, Caps
from reconciler.adapters.box.walls import CANDIDATES, Walls

__all__ = ["CANDIDATES", "BoxedTrainer", "Caps", "Walls"]
