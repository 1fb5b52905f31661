"""From a receipt to the line of history that tells it: which facts of each action people see."""

from __future__ import annotations

from typing import assert_never

from reconciler.domain.line import Line
from reconciler.domain.patterns import short_digest
from reconciler.domain.problems import short
from reconciler.domain.receipts import (
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
from reconciler.domain.record import Evidence


def line_of(commit: str, receipt: Receipt) -> Line:
    """The line of a receipt that this ledger commit holds. Texts are as recorded: whoever shows them escapes them."""
    what, digest, evidence = _parts(receipt)
    failed = f" failed: {short(receipt.reason, 60)}" if receipt.outcome == "failed" else ""
    return Line(
        commit,
        receipt.at.isoformat().replace("+00:00", "Z"),
        receipt.environment,
        receipt.action,
        what + failed,
        short_digest(digest),
        (receipt.source_commit or "-")[:12],
        _evidence(evidence),
        receipt.by,
    )


def _parts(receipt: Receipt) -> tuple[str, str | None, Evidence | None]:
    match receipt:
        case AdoptReceipt():
            return "rules", None, receipt.rules.evidence
        case RefreshReceipt():
            rows = receipt.snapshot.rows.get("invoices", 0)
            return f"{rows:,} invoices as of {receipt.snapshot.data_date}", receipt.snapshot.digest, None
        case TrainReceipt():
            return f"{receipt.artifact.model} {receipt.artifact.version}", receipt.artifact.digest, None
        case JudgeReceipt():
            return f"{receipt.model} {receipt.version} for {receipt.for_environment}", receipt.digest, None
        case DeployReceipt():
            back = " (going back)" if receipt.going_back else ""
            return f"{receipt.model} {receipt.version}{back}", receipt.digest, receipt.evidence
        case WithdrawReceipt():
            return f"{receipt.model} {receipt.version or ''}".rstrip(), receipt.digest, receipt.evidence
        case HealReceipt():
            return f"{receipt.model} {receipt.version}", receipt.digest, None
        case LeaseBreakReceipt():
            return f"lease of {receipt.holder}: {short(receipt.reason, 60)}", None, None
        case SweepReceipt():
            return f"{len(receipt.removed)} snapshots removed", None, None
        case _:
            assert_never(receipt)


def _evidence(evidence: Evidence | None) -> str:
    if evidence is None:
        return "-"
    approver = f" by {evidence.approver}" if evidence.approver else ""
    return f"{evidence.kind}{approver}"
