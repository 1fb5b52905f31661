"""What any model has to beat: the shares of the outcomes, and each customer's own shares so far."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reconciler.tasks.customer_payment.history import OWN_WEIGHT, outcome_counts
from reconciler.tasks.customer_payment.outcomes import Days, Outcomes
from reconciler.tasks.customer_payment.settlements import Numbers, Rows
from reconciler.tasks.customer_payment.tables import Tables

NAIVE, OWN_SHARES = "naive", "own-shares"


def shares(truth: Days, outcomes: Outcomes) -> Numbers:
    """The share of each outcome among rows that were known before the exam."""
    counts = np.bincount(truth, minlength=len(outcomes.names)).astype(np.float64)
    return np.asarray(counts / max(counts.sum(), 1.0))


def baselines(tables: Tables, rows: Rows, outcomes: Outcomes, *, known: Days) -> dict[str, npt.NDArray[np.float64]]:
    """Name → probabilities [rows, outcomes]. `known`: the outcomes of the rows known before the exam.

    `naive` gives every row the shares; `own-shares` (n_k + 3 · share_k) / (n + 3), n_k being the customer's
    invoices that were known to have settled with outcome k strictly before the row's as-of date.
    """
    naive = shares(known, outcomes)
    counts = outcome_counts(tables, rows, outcomes)
    own = (counts + OWN_WEIGHT * naive) / (counts.sum(axis=1, keepdims=True) + OWN_WEIGHT)
    return {NAIVE: np.tile(naive, (len(rows.positions), 1)), OWN_SHARES: own}
