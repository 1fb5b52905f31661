"""The three kinds of file that people write: ModelVersion, Release and Environment (design section 3).

Frozen pydantic models: one definition gives validation, JSON Schema and format. Keys are camelCase in YAML.
Unknown keys are refused. What the format allows but this release does not do yet (forge evidence, approvals,
soak, freeze, `oci://` for artifacts) is known here by name, so that it can be refused by name and never ignored.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from reconciler.domain.gaps import Absent
from reconciler.domain.guard import FieldName, Reason
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.names import Digest, Duration, Name, Size, Version
from reconciler.domain.problems import Unfit
from reconciler.domain.registry import is_registry, read_place
from reconciler.domain.written import Filter, Written

API_VERSION = "reconciler/v1alpha1"


# --- ModelVersion ------------------------------------------------------------------------------------------


class ModelVersionMetadata(Written):
    name: Name
    version: Version
    owner: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=4000)


class Outcomes(Written):
    """When a payment is late and when very late, in days after the due date; very late from 0 folds the two."""

    late_after_days: int = Field(0, ge=0, le=365)
    very_late_after_days: int = Field(30, ge=0, le=3650)


class RecipeData(Written):
    snapshot: Literal["latest"] | Digest = "latest"
    training_start_date: date | None = None
    filters: list[Filter] = Field(default_factory=list, max_length=100)


class FeatureSelection(Written):
    """Groups or single features of the task; `exclude` takes away from what `include` names."""

    include: list[str] = Field(min_length=1, max_length=200)
    exclude: list[str] = Field(default_factory=list, max_length=200)
    reasons: dict[FieldName, Reason] = Field(
        default_factory=dict, description="field → why it is known at the invoice date although it tells so much"
    )


class Estimator(Written):
    """The learner. `parameters` are checked against the task's published list, never passed through."""

    kind: str = Field(min_length=1, max_length=63)
    parameters: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class Recipe(Written):
    """What decides how a model is trained: the `spec` of a ModelVersion."""

    task: str = Field(min_length=1, max_length=63)
    outcomes: Outcomes = Outcomes.model_construct()
    data: RecipeData = RecipeData.model_construct()
    features: FeatureSelection
    estimator: Estimator


class ModelVersion(Written):
    """One immutable training recipe with a name and a semantic version."""

    api_version: Literal["reconciler/v1alpha1"]
    kind: Literal["ModelVersion"]
    metadata: ModelVersionMetadata
    spec: Recipe


# --- Release -----------------------------------------------------------------------------------------------


class Hold(Written):
    """Stops Deploys of this model other than going back; ends at 00:00 UTC of `until`, or when it is taken out."""

    reason: str = Field(min_length=1, max_length=500)
    by: str = Field(min_length=1, max_length=200)
    until: date | None = None


class Pin(Written):
    """model → version and digest, or `state: withdrawn`."""

    version: Version | None = None
    digest: Digest | None = None
    state: Literal["deployed", "withdrawn"] = "deployed"
    hold: Hold | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Pin:
        if self.state == "withdrawn" and (self.version or self.digest):
            raise Unfit("a withdrawn pin has no version and no digest", "take them out, or take state: withdrawn out")
        if self.state == "deployed" and not self.version:
            raise Absent("a pin needs a version, or state: withdrawn", "version", "state")
        return self


class ReleaseMetadata(Written):
    name: Name


class ReleaseSpec(Written):
    models: dict[Name, Pin] = Field(default_factory=dict)


class Release(Written):
    """What one environment should have: its pins."""

    api_version: Literal["reconciler/v1alpha1"]
    kind: Literal["Release"]
    metadata: ReleaseMetadata
    spec: ReleaseSpec = ReleaseSpec.model_construct()


# --- Environment -------------------------------------------------------------------------------------------


class FolderTarget(Written):
    kind: Literal["folder"]
    path: str = Field(min_length=1, max_length=1000)


class TrainingLimits(Written):
    memory: Size = 4 << 30
    processor: Duration = timedelta(minutes=30)
    wall: Duration = timedelta(minutes=30)


class Training(Written):
    """Makes this the environment that trains; `isolation: best-effort` accepts a weaker box, and records it."""

    isolation: Literal["required", "best-effort"] = "required"
    limits: TrainingLimits = TrainingLimits.model_construct()


class Exam(Written):
    """On which rows a challenger is judged: mature rows by invoice date, the newest `latestShare` of them."""

    latest_share: float = Field(0.2, gt=0, lt=1)
    filters: list[Filter] = Field(default_factory=list, max_length=100)
    data_of: Name | None = Field(None, description="whose data the rows are; this environment's own if absent")


Figure = Literal["accuracy", "macro_f1", "log_loss", "brier", "rows"]


class LeastRowsPerOutcome(Written):
    """At least `rows` exam rows of each outcome."""

    kind: Literal["least-rows-per-outcome"]
    rows: int = Field(ge=1)


class BeatsBaselines(Written):
    """Log-loss below both baselines: naive shares, and each customer's own shares so far."""

    kind: Literal["beats-baselines"]


class Threshold(Written):
    """One figure of the judgement inside its limits (inclusive)."""

    kind: Literal["threshold"]
    figure: Figure
    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> Threshold:
        if self.at_most is None and self.at_least is None:
            raise Absent("a threshold needs atMost, atLeast or both", "atMost", "atLeast")
        return self


class DeployedBelow(Written):
    """The artifact has been deployed in the environment that this one promotes from."""

    kind: Literal["deployed-below"]


Gate = Annotated[LeastRowsPerOutcome | BeatsBaselines | Threshold | DeployedBelow, Field(discriminator="kind")]


class Policy(Written):
    """What the way to this environment asks. `evidence` is required where there is `promotesFrom`."""

    evidence: Literal["none", "merge", "signed", "forge"] | None = None
    require_digest: bool = False
    rollback_window: Duration = timedelta(days=400)
    approvals: int | None = None
    approvers: list[str] | None = None
    soak: Duration | None = None
    freeze: list[Any] | None = None


class EnvironmentMetadata(Written):
    name: Name
    owner: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=4000)


def _a_place(text: str) -> str:
    if is_registry(text):
        read_place(text)
    return text


FolderOrRegistry = Annotated[str, AfterValidator(_a_place)]


class EnvironmentSpec(Written):
    promotes_from: Name | None = None
    data: EnvironmentData = EnvironmentData.model_construct()
    snapshots: FolderOrRegistry = ".reconciler/snapshots"
    artifacts: str = ".reconciler/store"
    target: FolderTarget
    training: Training | None = None
    exam: Exam = Exam.model_construct()
    gates: list[Gate] = Field(default_factory=list, max_length=50)
    policy: Policy = Policy.model_construct()
    auto_apply: bool = True


class Environment(Written):
    """Where models run and under which rules."""

    api_version: Literal["reconciler/v1alpha1"]
    kind: Literal["Environment"]
    metadata: EnvironmentMetadata
    spec: EnvironmentSpec


KINDS: dict[str, type[ModelVersion] | type[Release] | type[Environment]] = {
    "ModelVersion": ModelVersion,
    "Release": Release,
    "Environment": Environment,
}
