"""A stored model, opened: probabilities for a feature table, in chunks, by onnxruntime on one thread.

The caller has hashed the bytes; bytes that nobody checked are opened only in the box.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import CardInput
from reconciler.tasks.customer_payment.features import FeatureTable

CHUNK = 10_000


class Session:
    """Opens `model` (ONNX bytes). Raises VerificationFailed where onnxruntime does not read it."""

    def __init__(self, model: bytes, inputs: Sequence[CardInput]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise VerificationFailed(
                f"onnxruntime does not read the model ({type(error).__name__})",
                next_step="reconciler verify says whether the stored bytes are those of the digest",
            ) from error
        self._inputs = tuple(inputs)

    def probabilities(self, table: FeatureTable) -> npt.NDArray[np.float32]:
        """[rows, outcomes], float32. The table has every input of the card; other columns are left alone."""
        chunks = [self._run(table.take(np.arange(at, min(at + CHUNK, len(table))))) for at in _starts(len(table))]
        return np.concatenate(chunks)

    def _run(self, table: FeatureTable) -> npt.NDArray[np.float32]:
        feed = {each.name: table.columns[each.name].reshape(-1, 1) for each in self._inputs}
        (out,) = self._session.run(["probabilities"], feed)
        return np.asarray(out, dtype=np.float32)


def _starts(rows: int) -> range:
    return range(0, max(rows, 1), CHUNK)
