"""Check a stored model, in the box: sizes, structure, signature, then the probe of its card."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import CheckJob, CheckResult, ModelCard
from reconciler.scoring.session import Session
from reconciler.training import probe
from reconciler.training.structure import LARGEST_MODEL, check_structure, parse, refuse, require
from reconciler.training.study import Progress

_LARGEST_CARD = 4 << 20
_MOST_PROBES = 1000


def check(job: CheckJob, progress: Progress) -> CheckResult:
    """The probe's largest difference. Raises VerificationFailed, naming what is wrong, for any model that this
    project would not have exported, and for one that does not answer its probe within 1e-5."""
    folder = Path(job.artifact_folder)
    progress("checking the model's structure", 0, 2)
    card = _card(read(folder / "model-card.json", _LARGEST_CARD))
    require((card.model, card.version) == (job.model, job.version), "its card is of another model or version")
    content = read(folder / "model.onnx", LARGEST_MODEL)
    check_structure(parse(content), card)
    progress("asking the probe", 1, 2)
    largest = _probe(content, card)
    progress("checked", 2, 2)
    return CheckResult(probe=largest)


def read(path: Path, limit: int) -> bytes:
    """A regular file of at most `limit` bytes. Raises VerificationFailed; follows no symlink."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise refuse(f"{path.name} cannot be opened: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        require(stat.S_ISREG(os.fstat(handle).st_mode), f"{path.name} is not a regular file")
        content = file.read(limit + 1)
    require(len(content) <= limit, f"{path.name} has more than {limit} bytes")
    return content


def _card(content: bytes) -> ModelCard:
    try:
        card = ModelCard.read(content)
    except VerificationFailed as error:
        raise refuse(error.message) from error
    require(len(card.probe.expected) <= _MOST_PROBES, "its card has too many probe rows")
    return card


def _probe(content: bytes, card: ModelCard) -> float:
    expected = card.probe.expected
    require(len(expected) > 0, "its card has no probe rows")
    try:
        rows = probe.rows_of(card.probe, card.inputs)
        wanted = np.array(expected, dtype=np.float64).reshape(len(expected), len(card.outcomes))
    except (ValueError, KeyError, TypeError) as error:
        raise refuse("the probe rows of its card do not fit its inputs") from error
    require(all(len(values) == len(expected) for values in rows.columns.values()), "its probe has uneven columns")
    try:
        found = Session(content, card.inputs).probabilities(rows)
    except Exception as error:
        raise refuse(f"it does not run ({type(error).__name__})") from error
    require(found.shape == wanted.shape and bool(np.isfinite(found).all()), "it does not answer with probabilities")
    largest = float(np.abs(found - wanted).max())
    require(largest <= probe.TOLERANCE, f"it differs from its card's probe by {largest:.3g}, at most 1e-05 is allowed")
    return largest
