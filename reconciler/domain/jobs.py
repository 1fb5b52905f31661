"""What the parent asks of the training program, and what it answers: JSON files on both sides of the box.

A job names a kind (`train`, `judge`, `check`), and everything that decides the result. Paths are those inside
the box. The answer is `result.json` in the output folder; `train` also leaves `model.onnx` and `model-card.json`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field, ValidationError

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.guard import GuardFinding, GuardRecord
from reconciler.domain.kept import Kept
from reconciler.domain.names import Digest
from reconciler.domain.record import ColdStart, Figures
from reconciler.domain.snapshots import SnapshotColumn as SnapshotColumn

JOB_FORMAT = 1
CARD_FORMAT = 3


class TrainJob(Kept):
    """Fit the recipe on every mature row of the snapshot, export, check parity, write the artifact's files."""

    kind: Literal["train"] = "train"
    format_version: int = JOB_FORMAT
    model: str
    version: str
    recipe: dict[str, Any] = Field(description="the spec as the author wrote it (camelCase), defaults left out")
    fingerprint: Digest
    snapshot: Digest
    snapshot_folder: str
    guard: dict[str, Any] = Field(default_factory=dict, description="the `data.guard` block as written (camelCase)")
    sufficiency: dict[str, Any] = Field(
        default_factory=dict, description="the `data.sufficiency` block as written (camelCase)"
    )
    masks: dict[str, str] | None = Field(None, description="field → how it is masked in the snapshot; null: not known")
    earlier_folder: str | None = Field(None, description="an earlier snapshot's, to compare old invoices with")


class JudgeJob(Kept):
    """Fit the recipe on what was mature before the exam's cut and score the exam's rows, beside the baselines."""

    kind: Literal["judge"] = "judge"
    format_version: int = JOB_FORMAT
    model: str
    version: str
    recipe: dict[str, Any]
    champion_recipe: dict[str, Any] | None = None
    exam: dict[str, Any] = Field(description="the environment's `exam` block as written (camelCase)")
    snapshot: Digest
    snapshot_folder: str
    guard: dict[str, Any] = Field(default_factory=dict, description="the `data.guard` block as written (camelCase)")


class CheckJob(Kept):
    """Parse, check and probe a stored model: operators, sizes, inputs, outputs, and the card's probe rows."""

    kind: Literal["check"] = "check"
    format_version: int = JOB_FORMAT
    model: str
    version: str
    artifact_folder: str = Field(description="holds model.onnx and model-card.json")


Job = TrainJob | JudgeJob | CheckJob


class TrainResult(Kept):
    kind: Literal["train"] = "train"
    reported: Figures | None
    rows: int
    parity: float = Field(description="largest difference between onnxruntime and scikit-learn")
    cold_start: ColdStart | None = None
    guard: GuardRecord | None = None


class JudgeResult(Kept):
    kind: Literal["judge"] = "judge"
    cut: str
    figures: Figures
    champion_figures: Figures | None = None
    baselines: dict[str, Figures]
    verdict: Literal["first", "better", "worse", "cannot-tell"] | None = None


class CheckResult(Kept):
    kind: Literal["check"] = "check"
    probe: float = Field(description="largest difference from the card's expected probabilities")


class JobFailure(Kept):
    """`recipe`: the data, the fit or parity refused, and the same job would fail again. `machine`: anything else."""

    kind: Literal["failure"] = "failure"
    whose: Literal["recipe", "machine"]
    reason: str
    next_step: str = ""
    findings: list[GuardFinding] = Field(default_factory=list, description="what the leak guard found")


Result = TrainResult | JudgeResult | CheckResult | JobFailure


class CardInput(Kept):
    """A named typed input of the model, a `[rows, 1]` tensor, with its definition: the formula in words, its unit, when
    it is known, and what a customer without history gets. Cards of format 1 have the formula alone."""

    name: str
    type: Literal["float32", "string"]
    summary: str
    group: str = ""
    unit: str = ""
    known_at: Literal["", "invoice-date", "as-of"] = ""
    without_history: str = ""


class Probe(Kept):
    """Synthetic rows and the probabilities that the model gave for them when it was stored."""

    inputs: dict[str, list[float | str]]
    expected: list[list[float]]


class ModelCard(Kept):
    """What is stored beside the model: no date of a run, no path, no identifier, nothing of a single customer."""

    format_version: int = CARD_FORMAT
    model: str
    version: str
    fingerprint: Digest
    snapshot: Digest
    task: str
    task_revision: int
    recipe: dict[str, Any]
    outcomes: list[str]
    late_after_days: int
    very_late_after_days: int
    trained_until: str
    rows: int
    cold_start: ColdStart | None = Field(None, description="of the rows fitted on; null before format 2")
    masks: dict[str, str] | None = Field(
        None,
        description="field → how it was masked in the snapshot, as `round 10`, and never a key; {} is none, null is "
        "not known, as before format 3",
    )
    inputs: list[CardInput]
    opset: int
    libraries: dict[str, str]
    platform: str
    parity: float
    reported: Figures | None
    probe: Probe

    @classmethod
    def read(cls, content: bytes) -> ModelCard:
        """A card of this or an older format. Raises VerificationFailed for a newer one, and for what is no card."""
        try:
            written = json.loads(content)
            newer = int(written["format_version"]) > CARD_FORMAT
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise VerificationFailed("its card is not a model card", next_step=_VERIFY) from error
        if newer:
            raise VerificationFailed(
                f"its card has format {written['format_version']}, this reconciler reads up to {CARD_FORMAT}",
                next_step="upgrade the reconciler",
            )
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise VerificationFailed(
                f"its card is not a model card ({error.error_count()} faults)", next_step=_VERIFY
            ) from error


_VERIFY = "reconciler verify says which artifact it is"


class SnapshotPart(Kept):
    """One Parquet file: a month of invoices (`2013-09`), or a whole table (`all`)."""

    name: str
    file: str
    rows: int
    digest: Digest = Field(description="of the canonical rows")
    file_digest: Digest


class SnapshotTable(Kept):
    columns: list[SnapshotColumn]
    parts: list[SnapshotPart]


class SnapshotManifest(Kept):
    """`snapshot.json`: what a snapshot holds. Its digest is of the data date, the columns and the parts' canonical
    digests."""

    format_version: int = 1
    digest: Digest
    data_date: str
    tables: dict[str, SnapshotTable]
