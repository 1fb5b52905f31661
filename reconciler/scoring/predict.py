"""Probabilities for the invoices that are open at a date, with the deployed bytes.

History is taken at as-of and leaves the invoice itself out. The caller has hashed the model's bytes and verified the
snapshot; whether as-of lies before the model's `trained_until` is the caller's question too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import ModelCard
from reconciler.scoring.session import Session
from reconciler.tasks.customer_payment.features import feature_table
from reconciler.tasks.customer_payment.outcomes import LATE, ON_TIME, VERY_LATE, Days, Outcomes
from reconciler.tasks.customer_payment.settlements import Rows, closed
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, load, to_date, to_day

Progress = Callable[[str, int, int], None]
TEXT_COLUMNS = ("legal_entity", "invoice", "customer", "currency")
OUTCOMES = (ON_TIME, LATE, VERY_LATE)
DECIMALS = 6


@dataclass(frozen=True)
class Predictions:
    """Column name → plain values, one per open invoice, in the order of the invoices' key.

    Columns: legal_entity, invoice, instalment, customer, amount, currency, invoice_date, due_date, on_time, late,
    very_late (six decimals, summing to 1, impossible ones 0, also one that the model does not know), most_likely.
    """

    columns: Mapping[str, list[Any]]

    def __len__(self) -> int:
        return len(self.columns["invoice"])


def predict(
    *,
    model: bytes,
    card: ModelCard,
    snapshot: Path,
    as_of: date,
    progress: Progress = lambda _label, _done, _of: None,
) -> Predictions:
    """Predict every invoice open at `as_of`: dated by then, and not known to have been settled by then.

    `snapshot`: a snapshot's folder. Raises AuthorMustFix where the snapshot lacks a field, VerificationFailed where
    model and card do not fit this reconciler.
    """
    progress("reading the snapshot", 0, 3)
    tables = load(snapshot)
    day = to_day(as_of)
    there = np.flatnonzero(tables.days("invoice_date") <= day)
    rows = there[~closed(tables, Rows(there, np.full(len(there), day + 1)))]
    progress("computing features", 1, 3)
    found = probabilities(tables, rows, day, model=model, card=card)
    progress("predicted", 3, 3)
    return Predictions(_columns(tables, rows, rounded(found), outcomes=card.outcomes))


def probabilities(tables: Tables, rows: Days, as_of: int, *, model: bytes, card: ModelCard) -> npt.NDArray[np.float64]:
    """[rows, outcomes]: what the model says at day `as_of`, without what has become impossible, summing to 1."""
    outcomes = _outcomes(card)
    if len(rows) == 0:
        return np.zeros((0, len(outcomes.names)))
    names = [each.name for each in card.inputs]
    table = feature_table(tables, rows=rows, as_of=np.full(len(rows), as_of), names=names, outcomes=outcomes)
    raw = np.asarray(Session(model, card.inputs).probabilities(table), dtype=np.float64)
    left = raw * outcomes.possible(tables.days("due_date")[rows], as_of)
    return np.asarray(left / left.sum(axis=1, keepdims=True))


def rounded(found: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[rows, outcomes]: to six decimals; what a row then lacks of 1, or has too much, is the likeliest outcome's."""
    out = found.round(DECIMALS)
    if len(out):
        at = np.arange(len(out)), out.argmax(axis=1)
        out[at] = (out[at] + 1 - out.sum(axis=1)).round(DECIMALS)
    return out


def _outcomes(card: ModelCard) -> Outcomes:
    """The card's outcomes, if this reconciler's features are those that the model was trained on."""
    outcomes = Outcomes(card.late_after_days, card.very_late_after_days)
    unknown = [each.name for each in card.inputs if each.name not in SPEC.features]
    if (card.task, card.task_revision) != (SPEC.name, SPEC.revision) or unknown:
        raise VerificationFailed(
            f"{card.model} {card.version} was trained by revision {card.task_revision} of task {card.task}; this "
            f"reconciler computes the features of revision {SPEC.revision} of {SPEC.name}",
            next_step="predict with the reconciler that trained it, or retrain",
        )
    if tuple(card.outcomes) != outcomes.names:
        raise VerificationFailed(
            f"the card of {card.model} {card.version} names outcomes that its limits do not give",
            next_step="reconciler verify says which artifact it is",
        )
    return outcomes


def _columns(
    tables: Tables, rows: Days, found: npt.NDArray[np.float64], *, outcomes: list[str]
) -> dict[str, list[Any]]:
    invoices = tables.invoices
    texts = {name: tables.texts(name, rows).tolist() if name in invoices else [""] * len(rows) for name in TEXT_COLUMNS}
    shares = {name: found[:, position].tolist() for position, name in enumerate(outcomes)}
    dates = {name: [to_date(int(day)) for day in tables.days(name)[rows]] for name in ("invoice_date", "due_date")}
    return {
        "legal_entity": texts["legal_entity"],
        "invoice": texts["invoice"],
        "instalment": invoices["instalment"].to_numpy()[rows].tolist(),
        "customer": texts["customer"],
        "amount": invoices["amount"].to_numpy(dtype=np.float64)[rows].round(DECIMALS).tolist(),
        "currency": texts["currency"],
        **dates,
        **{name: shares.get(name, [0.0] * len(rows)) for name in OUTCOMES},
        "most_likely": [outcomes[position] for position in found.argmax(axis=1)],
    }
