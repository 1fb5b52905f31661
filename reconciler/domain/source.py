"""What was read from one commit of main: manifests with their places, and every fault found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from reconciler.domain.gaps import NO_GAPS, Gaps
from reconciler.domain.problems import Place, Problem

if TYPE_CHECKING:
    from reconciler.domain.manifests import Environment, ModelVersion, Pin


@cache
def _kinds() -> ModuleType:
    """The models of the files that people write, loaded where one is built first."""
    from reconciler.domain import manifests

    return manifests


@dataclass(frozen=True)
class SourceVersion:
    """A valid ModelVersion file: the plain document as written, and its place.

    `manifest` is built on first use: a plan over thousands of versions needs only the few that something asks of.
    """

    document: Mapping[str, Any]
    place: Place
    blob: str

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def version(self) -> str:
        return str(self.document["metadata"]["version"])

    @property
    def written_spec(self) -> Mapping[str, Any]:
        """The spec with exactly the keys that the author wrote: what the recipe digest is of."""
        spec: Mapping[str, Any] = self.document["spec"]
        return spec

    @cached_property
    def manifest(self) -> ModelVersion:
        manifest: ModelVersion = _kinds().ModelVersion.model_validate(self.document)
        return manifest


def _pin_of(document: Mapping[str, Any]) -> Pin:
    pin: Pin = _kinds().Pin.model_validate(document)
    return pin


@lru_cache(maxsize=10_000)
def _pin(document: tuple[tuple[str, Any], ...]) -> Pin:
    """A pin whose values are plain: the same ones stand in every environment that a version was promoted to."""
    return _pin_of(dict(document))


@dataclass(frozen=True)
class SourcePin:
    """One valid pin of one release, as written, and the line it stands on. `pin` is built on first use."""

    environment: str
    model: str
    document: Mapping[str, Any]
    place: Place

    @cached_property
    def pin(self) -> Pin:
        try:
            return _pin(tuple(self.document.items()))
        except TypeError:  # a hold, which is a mapping
            return _pin_of(self.document)


@dataclass(frozen=True)
class SourceEnvironment:
    """An environment's valid file and its allowed signers: the plain document as written, both as texts, and the blob
    ids that identify them. `environment` is built on first use."""

    document: Mapping[str, Any]
    text: str
    blob: str
    signers_text: str | None
    signers_blob: str | None
    place: Place

    @cached_property
    def environment(self) -> Environment:
        environment: Environment = _kinds().Environment.model_validate(self.document)
        return environment

    @cached_property
    def written_spec(self) -> Mapping[str, Any]:
        """The spec with the keys that were written, as plain values."""
        plain = self.environment.model_dump(mode="json", by_alias=True, exclude_unset=True)
        spec: Mapping[str, Any] = plain["spec"]
        return spec


@dataclass(frozen=True)
class Fragment:
    """A file with faults, as far as it can be read: enough to find its other faults in the same round.

    Only validation looks at it; a plan takes nothing from a file with faults. `names` is what the path says: model
    and version, or an environment (for a release a guess). `document` is without the `gaps`, and None where nothing
    can be read. `pins` has the places of a release's pins, those at fault too.
    """

    role: Literal["version", "release", "environment"]
    names: tuple[str, ...]
    place: Place
    blob: str
    document: Mapping[str, Any] | None = None
    gaps: Gaps = NO_GAPS
    pins: Mapping[str, Place] = field(default_factory=dict)
    signers_text: str | None = None

    @property
    def spec(self) -> Mapping[str, Any]:
        """What can be read of the spec."""
        spec: Mapping[str, Any] = (self.document or {}).get("spec", {})
        return spec

    def said(self, key: str) -> str | None:
        """What the file says in its metadata; None where that cannot be read."""
        said: str | None = (self.document or {}).get("metadata", {}).get(key)
        return said


@dataclass(frozen=True)
class Source:
    """Everything the repository declares at one commit. `commit` is None for a working tree with edits.

    `releases` maps an environment to the places of the release files that name it (an empty release counts).
    `versions` is keyed by (model, version); `pins` by (environment, model). All four hold what is sound;
    `fragments` what is left of the files with faults.
    """

    commit: str | None
    label: str
    versions: Mapping[tuple[str, str], SourceVersion] = field(default_factory=dict)
    pins: Mapping[tuple[str, str], SourcePin] = field(default_factory=dict)
    environments: Mapping[str, SourceEnvironment] = field(default_factory=dict)
    releases: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    fragments: tuple[Fragment, ...] = ()
