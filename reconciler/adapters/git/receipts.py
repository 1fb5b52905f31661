"""A receipt as the message of a ledger commit: a subject that people read, a blank line, and the receipt as JSON."""

from __future__ import annotations

import json
import re

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.patterns import short_digest
from reconciler.domain.receipts import (
    RECEIPT,
    AdoptReceipt,
    DeployReceipt,
    HealReceipt,
    JudgeReceipt,
    LeaseBreakReceipt,
    Receipt,
    RefreshReceipt,
    SweepReceipt,
    TrainReceipt,
    WithdrawReceipt,
)
from reconciler.domain.record import FORMAT_VERSION

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WIDEST = 120


def subject_of(receipt: Receipt) -> str:
    """One line for `git log`, such as `deploy payment-prediction 1.0.0 to production (sha256:ab12cd34ef56)`."""
    text = _told(receipt)
    if receipt.outcome == "failed":
        text = f"{text} failed: {receipt.reason}" if receipt.reason else f"{text} failed"
    line = _CONTROL.sub(" ", text)
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"


def _told(receipt: Receipt) -> str:
    match receipt:
        case AdoptReceipt():
            return f"adopt the rules of {receipt.environment} at {receipt.rules.source_commit[:12]}"
        case RefreshReceipt():
            snapshot = receipt.snapshot
            return f"refresh {receipt.environment} to {snapshot.data_date} ({_digest(snapshot.digest)})"
        case TrainReceipt():
            trained = receipt.artifact
            return f"train {trained.model} {trained.version}{_in_brackets(trained.digest)}"
        case JudgeReceipt():
            return f"judge {receipt.model} {receipt.version} for {receipt.for_environment} ({_digest(receipt.digest)})"
        case DeployReceipt():
            return f"deploy {receipt.model} {receipt.version} to {receipt.environment} ({_digest(receipt.digest)})"
        case WithdrawReceipt():
            return f"withdraw {receipt.model} from {receipt.environment}{_in_brackets(receipt.digest)}"
        case HealReceipt():
            return f"heal {receipt.model} {receipt.version} in {receipt.environment} ({_digest(receipt.digest)})"
        case LeaseBreakReceipt():
            return f"break the lease of {receipt.environment}, held by {receipt.holder}"
        case SweepReceipt():
            return f"remove {len(receipt.removed)} snapshots of {receipt.environment}"


def _digest(digest: str) -> str:
    return f"sha256:{short_digest(digest)}"


def _in_brackets(digest: str | None) -> str:
    return f" ({_digest(digest)})" if digest else ""


def message_of(receipt: Receipt) -> str:
    """The whole message of the receipt's commit."""
    return f"{subject_of(receipt)}\n\n{receipt.model_dump_json(indent=2)}\n"


def raw_of(message: bytes) -> bytes:
    """The receipt's JSON inside a message, not parsed; empty where there is none."""
    return message.partition(b"\n\n")[2]


def parse_receipt(commit: str, raw: bytes) -> Receipt:
    """The receipt in JSON. Raises VerificationFailed, naming the commit, for anything else or a newer format."""
    try:
        return RECEIPT.validate_json(raw)
    except ValueError as error:
        raise VerificationFailed(
            f"ledger commit {commit} {_complaint(raw)}", next_step="reconciler verify; git show it; nothing was changed"
        ) from error


def _complaint(raw: bytes) -> str:
    try:
        found = json.loads(raw)["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "holds no receipt"
    if isinstance(found, int) and found > FORMAT_VERSION:
        return f"has a receipt of format {found}, and this reconciler reads up to {FORMAT_VERSION}: upgrade it"
    return "holds a receipt that cannot be read"
