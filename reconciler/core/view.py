"""What a decision about one pin looks at, and what comes out of it, as values."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core import judging
from reconciler.core.facts import Origin, World
from reconciler.core.rulebook import Rulebook
from reconciler.domain.manifests import EnvironmentSpec, Pin
from reconciler.domain.observed import TargetState
from reconciler.domain.plan import Action, Held
from reconciler.domain.record import Artifact, Deployment, Record
from reconciler.domain.source import SourcePin


@dataclass(frozen=True)
class View:
    """Everything that a decision about one environment's pins may look at."""

    world: World
    book: Rulebook
    record: Record
    bench: judging.Bench
    below: Record | None
    target: TargetState
    stored: frozenset[str]
    untrusted: str | None = None
    downstream: frozenset[str] = frozenset()

    @property
    def environment(self) -> str:
        return self.book.environment

    @property
    def trains(self) -> bool:
        return self.bench.environment == self.environment

    def bench_by(self, spec: EnvironmentSpec) -> judging.Bench:
        """The bench by one set of rules: their snapshot limit, and copies of the data that they chose."""
        return judging.bench_for(self.bench, spec, judging.rows_of(self.environment, spec, self.downstream))


@dataclass(frozen=True)
class Wanted:
    """One pin, how it came to main, what is served now, and what is known of its version's artifact."""

    source: SourcePin
    origin: Origin | None
    deployment: Deployment | None
    artifact: Artifact | None

    @property
    def model(self) -> str:
        return self.source.model

    @property
    def pin(self) -> Pin:
        return self.source.pin

    @property
    def digest(self) -> str | None:
        return self.artifact.digest if self.artifact else None


@dataclass(frozen=True)
class Decision:
    """What came out for one model: actions, what is held, and whether nothing had to be done."""

    actions: tuple[Action, ...] = ()
    held: tuple[Held, ...] = ()
    unchanged: bool = False
