"""What a plan is decided from: everything that was read, as values. The use case reads, the core decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from reconciler.domain.manifests import Environment
from reconciler.domain.observed import Signature, TargetState
from reconciler.domain.record import Artifact, Record, Rules
from reconciler.domain.source import Source, SourceVersion
from reconciler.domain.task import TaskSpec


@dataclass(frozen=True)
class Origin:
    """How a value came to main: the newest first-parent commit that changed it, as facts of git alone.

    `branch_changed` is True where the merged branch itself, since it left main, brought the value that the merge has:
    a branch that main had before, or that only never had the change, brings nothing.
    `signatures` has what the check of the commit's signature said, by the blob of the allowed signers used.
    `adopted_before` is how many Adopts of the environment have a source that is a proper ancestor of the commit.
    """

    commit: str
    parents: int
    branch_changed: bool
    in_main: bool
    authors: frozenset[str] = frozenset()
    signatures: Mapping[str | None, Signature] = field(default_factory=dict)
    adopted_before: int = 0


@dataclass(frozen=True)
class World:
    """All that `diff` may look at.

    `parsed` maps the blob of an environment's file to what it says, for every rules text in play.
    `origins` holds an Origin for each pin that differs from its ledger; `rule_origins` the first-parent commits
    since an environment's files last equalled those in force, newest first. `stored` maps an environment to the
    digests that its store (or the training environment's) holds. `rewritten` names environments whose target
    remembers a ledger commit that their ledger does not contain. `applied_recipes` maps (model, version) to the
    recipe digest in the source that was applied last.
    """

    source: Source
    now: datetime
    tasks: Mapping[str, TaskSpec]
    ledgers: Mapping[str, Record]
    tips: Mapping[str, str | None]
    targets: Mapping[str, TargetState]
    parsed: Mapping[str, Environment]
    candidates: Mapping[str, Rules]
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    rule_origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    stored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rewritten: frozenset[str] = frozenset()
    applied_recipes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    retry: bool = False
    environments: frozenset[str] | None = None
    models: frozenset[str] | None = None

    def is_as_trained(self, written: SourceVersion, artifact: Artifact) -> bool:
        """Whether a version's recipe is, value for value, that of its artifact. Compared once, however many
        environments pin it."""
        key = (written.name, written.version)
        if key not in self._as_trained:
            self._as_trained[key] = written.written_spec == artifact.recipe
        return self._as_trained[key]

    @cached_property
    def _as_trained(self) -> dict[tuple[str, str], bool]:
        return {}
