"""The record of a ledger: what its receipts add up to, and how that is laid out as the files of a tree.

Here are only the shapes; `core.fold` says what a receipt changes. A record carries a format version; a newer one than
this code is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.guard import GuardFinding, GuardRecord
from reconciler.domain.kept import Kept as Kept
from reconciler.domain.names import Digest
from reconciler.domain.snapshots import Snapshot as Snapshot

FORMAT_VERSION = 3


# --- parts -------------------------------------------------------------------------------------------------


class Evidence(Kept):
    """Why we believe that a change came by pull request."""

    kind: Literal["none", "merge", "signed", "forge"]
    commit: str | None = None
    approver: str | None = None
    pull_request: str | None = None


class Isolation(Kept):
    """What the box really gave: how network and files were shut out."""

    network: str
    files: str


class OutcomeFigures(Kept):
    """Of one outcome: exam rows that had it, and how well it was told apart."""

    rows: int
    precision: float | None
    recall: float | None


class Figures(Kept):
    """How one model does on a set of rows. `confusion[i][j]`: rows of outcome i (true) called outcome j."""

    rows: int
    accuracy: float
    macro_f1: float
    log_loss: float
    brier: float
    grade: Literal["A", "B", "C", "D"]
    outcomes: dict[str, OutcomeFigures]
    confusion: list[list[int]]
    order: list[str] = Field(default_factory=list, description="the outcomes of the matrix's rows and columns")
    without_history: int | None = Field(
        None, description="of these rows, those of customers of whom nothing was known to have settled"
    )


class ColdStart(Kept):
    """How many rows a model was fitted on, and how many of them are of customers of whom nothing was known to have
    settled: those got the portfolio's figures."""

    rows: int
    without_history: int

    def __str__(self) -> str:
        share = self.without_history / self.rows if self.rows else 0.0
        return f"{self.rows:,} rows, {self.without_history:,} ({share:.1%}) without history"


class Served(Kept):
    """That this environment has served these bytes, and until when; `revoked` once it was left by going back."""

    version: str
    digest: Digest
    first: datetime
    last: datetime | None = None
    revoked: bool = False


class Deployment(Kept):
    """The recorded fact of what one environment serves of one model; version and digest null when withdrawn."""

    model: str
    version: str | None
    digest: Digest | None
    since: datetime
    source_commit: str
    pin_commit: str | None
    evidence: Evidence
    served: list[Served] = Field(default_factory=list)


class Rules(Kept):
    """An environment's file and its allowed signers, as texts, and where they were adopted from."""

    source_commit: str
    environment_blob: str
    signers_blob: str | None
    environment_text: str
    signers_text: str | None
    evidence: Evidence
    adopted_at: datetime

    @property
    def identity(self) -> tuple[str, str | None]:
        """Two rules are the same when both files are the same bytes."""
        return (self.environment_blob, self.signers_blob)


class Failure(Kept):
    """Why the last try failed. `recipe` failures hold the fingerprint; `machine` ones are tried three times."""

    fingerprint: Digest
    kind: Literal["recipe", "machine"]
    reason: str
    attempts: int
    at: datetime
    next_step: str = Field("", description="what the failed job itself said that ends it; empty where it said nothing")
    findings: list[GuardFinding] = Field(default_factory=list, description="what the leak guard found")


class Artifact(Kept):
    """A trained version: bound for ever to its fingerprint and digest once `digest` is set."""

    model: str
    version: str
    recipe_digest: Digest
    recipe: dict[str, Any]
    fingerprint: Digest | None = None
    digest: Digest | None = None
    snapshot: Digest | None = None
    task_revision: int | None = None
    lock_digest: Digest | None = None
    reported: Figures | None = None
    cold_start: ColdStart | None = None
    trained_at: datetime | None = None
    guard: GuardRecord | None = Field(None, description="what the leak guard did; null before format 2")
    isolation: Isolation | None = None
    last_failure: Failure | None = None


class Judgement(Kept):
    """How an artifact does on the exam of `environment`, against its baselines, beside its champion."""

    environment: str
    model: str
    version: str
    digest: Digest
    champion: Digest | None
    champion_version: str | None
    exam_digest: Digest
    snapshot: Digest
    cut: str
    at: datetime
    figures: Figures
    champion_figures: Figures | None = None
    baselines: dict[str, Figures]
    verdict: Literal["first", "better", "worse", "cannot-tell"] | None = None


# --- the record and its files ------------------------------------------------------------------------------


class Record(Kept):
    """The present state of one environment's ledger."""

    environment: str
    rules: list[Rules] = Field(default_factory=list, description="every Adopt, oldest first; the last is in force")
    deployments: dict[str, Deployment] = Field(default_factory=dict)
    artifacts: dict[str, dict[str, Artifact]] = Field(default_factory=dict)
    snapshots: list[Snapshot] = Field(default_factory=list, description="oldest first; the last is the newest")
    judgements: dict[str, dict[str, list[Judgement]]] = Field(
        default_factory=dict, description="environment → model → judgements, oldest first"
    )
    judge_failures: dict[str, Failure] = Field(
        default_factory=dict,
        description="environment/model/VERSION-TRY → why that judging failed; gone once the version was judged",
    )
    written: dict[str, int] = Field(
        default_factory=dict,
        description="model → generation of the lease under which the target was last written, as far as recorded: "
        "what a target has of a newer one was written by a run that did not live to record it",
    )
    last_source: str | None = None

    @property
    def in_force(self) -> Rules | None:
        """The rules in force, or None before the first Adopt."""
        return self.rules[-1] if self.rules else None

    @property
    def newest_snapshot(self) -> Snapshot | None:
        return self.snapshots[-1] if self.snapshots else None

    def files(self) -> dict[str, bytes]:
        """The record as the files of a ledger commit's tree, path → bytes; equal records give equal bytes."""
        out = {
            "format.json": _dump({"format_version": FORMAT_VERSION, "environment": self.environment}),
            "source.json": _dump({"last_source": self.last_source}),
        }
        for key, failure in self.judge_failures.items():
            out[f"judge-failures/{key}.json"] = _dump(_plain(failure))
        if self.rules:
            out["rules.json"] = _dump({"rules": [_plain(rules) for rules in self.rules]})
        if self.written:
            out["written.json"] = _dump({"generations": self.written})
        for model, deployment in self.deployments.items():
            out[f"deployments/{model}.json"] = _dump(_plain(deployment))
        for model, versions in self.artifacts.items():
            for version, artifact in versions.items():
                out[f"artifacts/{model}/{version}.json"] = _dump(_plain(artifact))
        for position, snapshot in enumerate(self.snapshots):
            out[f"snapshots/{position:06d}.json"] = _dump(_plain(snapshot))
        for environment, models in self.judgements.items():
            for model, judgements in models.items():
                out[f"judgements/{environment}/{model}.json"] = _dump({"judgements": [_plain(j) for j in judgements]})
        return out

    @classmethod
    def from_files(cls, environment: str, files: Mapping[str, bytes]) -> Record:
        """Read what `files` wrote. Raises VerificationFailed on a newer format or on files that are not a record."""
        if not files:
            return cls(environment=environment)
        try:
            return _read(environment, {path: json.loads(content) for path, content in files.items()})
        except (ValueError, KeyError, TypeError) as error:
            raise VerificationFailed(
                f"ledger/{environment} does not hold a record of this project: {error}",
                next_step="reconciler verify says which commit; nothing was changed",
            ) from error


def _read(environment: str, files: Mapping[str, Any]) -> Record:
    found = files["format.json"]["format_version"]
    if found > FORMAT_VERSION:
        raise VerificationFailed(
            f"ledger/{environment} has format {found}, this reconciler reads up to {FORMAT_VERSION}",
            next_step="upgrade the reconciler; nothing was changed",
        )
    artifacts: dict[str, dict[str, Any]] = {}
    judgements: dict[str, dict[str, Any]] = {}
    deployments: dict[str, Any] = {}
    judge_failures: dict[str, Any] = {}
    snapshots: list[Any] = []
    for path in sorted(files):
        parts = path.removesuffix(".json").split("/")
        match parts:
            case ["deployments", model]:
                deployments[model] = files[path]
            case ["artifacts", model, version]:
                artifacts.setdefault(model, {})[version] = files[path]
            case ["snapshots", _]:
                snapshots.append(files[path])
            case ["judge-failures", target, model, attempt]:
                judge_failures[f"{target}/{model}/{attempt}"] = files[path]
            case ["judgements", target, model]:
                judgements.setdefault(target, {})[model] = files[path]["judgements"]
    return Record.model_validate(
        {
            "environment": environment,
            "rules": files.get("rules.json", {}).get("rules", []),
            "deployments": deployments,
            "artifacts": artifacts,
            "snapshots": snapshots,
            "judgements": judgements,
            "judge_failures": judge_failures,
            "written": files.get("written.json", {}).get("generations", {}),
            "last_source": files["source.json"]["last_source"],
        }
    )


def _plain(value: Kept) -> dict[str, Any]:
    return value.model_dump(mode="json")


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
