"""Gates: checks on the model, read from a judgement by the environment's rules. A judgement in, reasons out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from reconciler.domain.manifests import BeatsBaselines, DeployedBelow, Gate, LeastRowsPerOutcome, Threshold
from reconciler.domain.record import Judgement, Record


def needs_judgement(gates: Sequence[Gate]) -> bool:
    """True where at least one gate reads a judgement."""
    return any(not isinstance(gate, DeployedBelow) for gate in gates)


@dataclass(frozen=True)
class Question:
    """Which judgement is asked for: of which challenger, against which champion, by which exam of which environment."""

    environment: str
    model: str
    digest: str
    champion: str | None
    exam_digest: str


def current_judgement(
    record: Record, question: Question, *, max_age: timedelta | None, now: datetime
) -> Judgement | None:
    """The newest current judgement in the training ledger: same challenger, champion and exam, snapshot within
    `max_age`. A newer snapshot alone voids nothing."""
    taken = {snapshot.digest: snapshot.taken_at for snapshot in record.snapshots}
    asked = (question.digest, question.champion, question.exam_digest)
    for judgement in reversed(record.judgements.get(question.environment, {}).get(question.model, [])):
        if (judgement.digest, judgement.champion, judgement.exam_digest) != asked:
            continue
        at = taken.get(judgement.snapshot)
        if at is not None and (max_age is None or now - at <= max_age):
            return judgement
    return None


def failures(gates: Sequence[Gate], judgement: Judgement | None, *, deployed_below: bool) -> list[str]:
    """Why the gates are shut, a sentence each; empty when all are open. Figures are compared exactly."""
    return [reason for gate in gates if (reason := _failure(gate, judgement, deployed_below))]


def _failure(gate: Gate, judgement: Judgement | None, deployed_below: bool) -> str:
    match gate:
        case DeployedBelow():
            return "" if deployed_below else "it has not been deployed in the environment it comes from"
        case LeastRowsPerOutcome():
            return _least_rows(gate, judgement)
        case BeatsBaselines():
            return _baselines(judgement)
        case Threshold():
            return _threshold(gate, judgement)
        case _:
            assert_never(gate)


def _least_rows(gate: LeastRowsPerOutcome, judgement: Judgement | None) -> str:
    if judgement is None:
        return "there is no current judgement"
    short = [
        f"{name} {figures.rows}" for name, figures in judgement.figures.outcomes.items() if figures.rows < gate.rows
    ]
    return f"the exam has too few rows ({', '.join(short)}; the gate asks for {gate.rows})" if short else ""


def _baselines(judgement: Judgement | None) -> str:
    if judgement is None:
        return "there is no current judgement"
    ours = judgement.figures.log_loss
    if not judgement.baselines:
        return "the judgement has no baselines"
    lost = [
        f"{name.replace('_', ' ').replace('-', ' ')} {figures.log_loss:.3f}"
        for name, figures in sorted(judgement.baselines.items())
        if not ours < figures.log_loss
    ]
    return f"log-loss {ours:.3f} is not below the baseline {' and '.join(lost)}" if lost else ""


def _threshold(gate: Threshold, judgement: Judgement | None) -> str:
    if judgement is None:
        return "there is no current judgement"
    value = float(getattr(judgement.figures, gate.figure))
    label = gate.figure.replace("_", " ")
    if gate.at_most is not None and not value <= gate.at_most:
        return f"{label} {value:.3f} is above {gate.at_most:g}"
    if gate.at_least is not None and not value >= gate.at_least:
        return f"{label} {value:.3f} is below {gate.at_least:g}"
    return ""
