"""The port `Scorer` over onnxruntime: what `__main__` hands to the use cases. Heavy imports only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.domain.jobs import ModelCard


class OnnxScorer:
    """Implements `ports.Scorer`."""

    def predict(
        self, *, model: bytes, card: ModelCard, snapshot: Path, as_of: date, progress: Callable[[str, int, int], None]
    ) -> Mapping[str, list[Any]]:
        """See `ports.Scorer`."""
        from reconciler.scoring.predict import predict

        return predict(model=model, card=card, snapshot=snapshot, as_of=as_of, progress=progress).columns

    def write(self, columns: Mapping[str, list[Any]], path: Path) -> None:
        """See `ports.Scorer`."""
        from reconciler.scoring.output import write
        from reconciler.scoring.predict import Predictions

        write(Predictions(columns), path)

    def as_csv(self, columns: Mapping[str, list[Any]]) -> str:
        """See `ports.Scorer`."""
        from reconciler.scoring.output import csv_text
        from reconciler.scoring.predict import Predictions

        return csv_text(Predictions(columns))
