"""The three kinds of file that people write: ModelVersion, Release and Environment (design section 3).

Frozen pydantic models: one definition gives validation, JSON Schema and format. Keys are camelCase in YAML.
Unknown keys are refused. What the format allows but this release does not do yet (forge evidence, approvals,
soak, freeze, `oci://`) is known here by name, so that it can be refused by name and never ignored.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from reconciler.domain.names import Digest, Duration, Name, Size, Version

API_VERSION = "reconciler/v1alpha1"


class Written(BaseModel):
    """The base of everything that people write: frozen, camelCase, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


# --- filters -----------------------------------------------------------------------------------------------

Scalar = bool | int | float | date | str
Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not-in", "is-null", "not-null"]


class Condition(Written):
    """One comparison of a field with a value; `in` and `not-in` take a list, `is-null` and `not-null` none."""

    field: str = Field(min_length=1, max_length=63)
    op: Operator
    value: Scalar | list[Scalar] | None = None


class AllOf(Written):
    """True where every filter below is."""

    all: list[Filter] = Field(min_length=1, max_length=100)


class AnyOf(Written):
    """True where at least one filter below is."""

    any: list[Filter] = Field(min_length=1, max_length=100)


class Not(Written):
    """True where the filter below is not."""

    not_: Filter = Field(alias="not")


Filter = Condition | AllOf | AnyOf | Not


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


class Estimator(Written):
    """The learner. `parameters` are checked against the task's published list, never passed through."""

    kind: str = Field(min_length=1, max_length=63)
    parameters: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class Recipe(Written):
    """What decides how a model is trained: the `spec` of a ModelVersion."""

    task: str = Field(min_length=1, max_length=63)
    outcomes: Outcomes = Outcomes()
    data: RecipeData = RecipeData()
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
            raise ValueError("a withdrawn pin has no version and no digest")
        if self.state == "deployed" and not self.version:
            raise ValueError("a pin needs a version, or state: withdrawn")
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
    spec: ReleaseSpec = ReleaseSpec()


# --- Environment -------------------------------------------------------------------------------------------

KnownAt = Literal["invoice-date", "later"]


class MappedColumn(Written):
    """Where a field of the task comes from, how it is written there, and when it is known."""

    column: str = Field(min_length=1, max_length=200)
    known_at: KnownAt | None = Field(None, description="when the value is known; the task's default if absent")
    date_format: str | None = Field(None, max_length=40, description="strptime, as %d.%m.%Y")
    decimal: Literal[".", ","] = "."
    true_values: list[str] = Field(default_factory=list)
    false_values: list[str] = Field(default_factory=list)


class ConstantField(Written):
    """A field that has one value for the whole source, such as the legal entity or the currency."""

    constant: str = Field(min_length=1, max_length=200)


Mapping = dict[str, str | MappedColumn | ConstantField]


class CsvSource(Written):
    kind: Literal["csv"]
    path: str = Field(min_length=1, max_length=1000)
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"


class Input(Written):
    """One table of the environment's data: where it is read from and which column is which field."""

    source: CsvSource
    mapping: Mapping
    null_values: list[str] = Field(default_factory=list, description="texts that mean: no value")


class BadRows(Written):
    """How many bad rows a refresh bears before it stops."""

    max_share: float = Field(0.01, ge=0, le=1)


class EnvironmentData(Written):
    """Inputs of an environment that has data, or `copyOf` for the one that trains."""

    copy_of: Name | None = None
    invoices: Input | None = None
    customers: Input | None = None
    bad_rows: BadRows = BadRows()
    max_age: Duration | None = Field(None, description="how old a snapshot may be when it judges")

    @model_validator(mode="after")
    def _a_copy_has_no_inputs(self) -> EnvironmentData:
        if self.copy_of and (self.invoices or self.customers):
            raise ValueError("copyOf takes the inputs of the environment it names; take invoices and customers out")
        return self


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
    limits: TrainingLimits = TrainingLimits()


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
            raise ValueError("a threshold needs atMost, atLeast or both")
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


class EnvironmentSpec(Written):
    promotes_from: Name | None = None
    data: EnvironmentData = EnvironmentData()
    snapshots: str = ".reconciler/snapshots"
    artifacts: str = ".reconciler/store"
    target: FolderTarget
    training: Training | None = None
    exam: Exam = Exam()
    gates: list[Gate] = Field(default_factory=list, max_length=50)
    policy: Policy = Policy()
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
