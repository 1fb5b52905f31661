"""Receipts: one per action, each a commit of a ledger. `core.fold` says what a receipt changes.

Here are only the shapes. A receipt carries a format version; a newer one than this code is refused where it is read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from reconciler.domain.kept import Kept
from reconciler.domain.names import Digest
from reconciler.domain.record import FORMAT_VERSION, Artifact, Evidence, Failure, Judgement, Rules
from reconciler.domain.snapshots import Snapshot


class ReceiptBase(Kept):
    """What every receipt says: which ledger, at which source commit, when, by whom, and whether it succeeded."""

    format_version: int = FORMAT_VERSION
    environment: str
    source_commit: str | None = None
    at: datetime
    by: str
    run_url: str | None = None
    outcome: Literal["succeeded", "failed"] = "succeeded"
    reason: str = ""


class AdoptReceipt(ReceiptBase):
    action: Literal["adopt"] = "adopt"
    rules: Rules


class RefreshReceipt(ReceiptBase):
    action: Literal["refresh"] = "refresh"
    snapshot: Snapshot


class TrainReceipt(ReceiptBase):
    action: Literal["train"] = "train"
    artifact: Artifact


class JudgeReceipt(ReceiptBase):
    action: Literal["judge"] = "judge"
    model: str
    version: str
    digest: Digest
    for_environment: str
    judgement: Judgement | None = None
    failure: Failure | None = None


class DeployReceipt(ReceiptBase):
    action: Literal["deploy"] = "deploy"
    model: str
    version: str
    digest: Digest
    pin_commit: str | None = None
    evidence: Evidence = Evidence.model_construct(kind="none")
    going_back: bool = False
    generation: int = 0


class WithdrawReceipt(ReceiptBase):
    action: Literal["withdraw"] = "withdraw"
    model: str
    version: str | None
    digest: Digest | None
    pin_commit: str | None = None
    evidence: Evidence = Evidence.model_construct(kind="none")
    generation: int = 0


class HealReceipt(ReceiptBase):
    action: Literal["heal"] = "heal"
    model: str
    version: str
    digest: Digest
    generation: int = 0


class LeaseBreakReceipt(ReceiptBase):
    action: Literal["lease-break"] = "lease-break"
    holder: str
    generation: int


class SweepReceipt(ReceiptBase):
    """Copies that nothing needs any more: not used from here on, and their files removed."""

    action: Literal["sweep"] = "sweep"
    removed: list[Digest]


Receipt = Annotated[
    AdoptReceipt
    | RefreshReceipt
    | TrainReceipt
    | JudgeReceipt
    | DeployReceipt
    | WithdrawReceipt
    | HealReceipt
    | LeaseBreakReceipt
    | SweepReceipt,
    Field(discriminator="action"),
]
RECEIPT: TypeAdapter[Receipt] = TypeAdapter(Receipt, config=ConfigDict(defer_build=True))
