"""What can be read of a `Source`, sound or not: what exists, and what each file says outside of its gaps.

Pure. A file with faults takes part in every check that it can take part in, and still counts as existing: what is
told of the others does not change when it is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from reconciler.domain.gaps import NO_GAPS, Gaps
from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.partial import partial
from reconciler.domain.problems import Place
from reconciler.domain.source import Fragment, Source, SourceEnvironment

Key = tuple[str, str]


class WrittenVersion(NamedTuple):
    """A model version's spec as written, under the name and version of its path."""

    key: Key
    spec: Mapping[str, Any]
    place: Place
    gaps: Gaps = NO_GAPS


class WrittenPin(NamedTuple):
    """A pin's model and version, as far as it can be read, and the environment that it touches."""

    environment: str
    model: str
    version: str | None
    place: Place


@dataclass(frozen=True)
class Declared:
    """An environment under the name of its path; what is in `gaps` of its spec is a stand-in."""

    name: str
    spec: EnvironmentSpec
    place: Place
    signers_text: str | None
    gaps: Gaps = NO_GAPS
    also: str | None = None

    @classmethod
    def of(cls, found: SourceEnvironment | Fragment, name: str) -> Declared:
        if isinstance(found, SourceEnvironment):
            return cls(name, found.environment.spec, found.place, found.signers_text)
        spec = partial(EnvironmentSpec, found.spec)
        return cls(name, spec, found.place, found.signers_text, found.gaps, found.said("name"))

    @property
    def may_train(self) -> bool:
        """Whether it trains, for all that can be read."""
        return self.spec.training is not None or self.gaps.hide(("spec", "training"))


@dataclass(frozen=True)
class Readable:
    """A source with its fragments."""

    source: Source

    @cached_property
    def _fragments(self) -> Mapping[str, list[Fragment]]:
        found: dict[str, list[Fragment]] = {"version": [], "release": [], "environment": []}
        for fragment in self.source.fragments:
            found[fragment.role].append(fragment)
        return found

    @cached_property
    def version_keys(self) -> frozenset[Key]:
        """Every (model, version) that a path or a file names."""
        named = {(f.names[0], f.names[1]) for f in self._fragments["version"]}
        said = {(f.said("name") or f.names[0], f.said("version") or f.names[1]) for f in self._fragments["version"]}
        return frozenset({*self.source.versions, *named, *said})

    def versions(self) -> Iterator[WrittenVersion]:
        for key, version in self.source.versions.items():
            yield WrittenVersion(key, version.written_spec, version.place)
        for found in self._fragments["version"]:
            if found.document is not None:
                yield WrittenVersion((found.names[0], found.names[1]), found.spec, found.place, found.gaps)

    def recipe(self, key: Key) -> WrittenVersion | None:
        """The version of which all that makes its recipe can be read."""
        version = self.source.versions.get(key)
        if version is not None:
            return WrittenVersion(key, version.written_spec, version.place)
        for found in self._fragments["version"]:
            says = (found.said("name") or key[0], found.said("version") or key[1])
            if found.names == key == says and found.document is not None and not found.gaps.touch(("spec",)):
                return WrittenVersion(key, found.spec, found.place)
        return None

    @cached_property
    def environments(self) -> Mapping[str, Declared]:
        """Environments of which something can be read, by the names of their paths."""
        found = {name: Declared.of(sound, name) for name, sound in self.source.environments.items()}
        rest = (fragment for fragment in self._fragments["environment"] if fragment.document is not None)
        return found | {fragment.names[0]: Declared.of(fragment, fragment.names[0]) for fragment in rest}

    @cached_property
    def environment_names(self) -> frozenset[str]:
        """Every name of an environment that a path or a file says."""
        named = {fragment.names[0] for fragment in self._fragments["environment"]}
        said = {name for fragment in self._fragments["environment"] if (name := fragment.said("name"))}
        return frozenset({*self.source.environments, *named, *said})

    @property
    def environments_read(self) -> bool:
        """Whether something can be read of every environment's file."""
        return all(fragment.document is not None for fragment in self._fragments["environment"])

    @cached_property
    def releases(self) -> Mapping[str, tuple[Place, ...]]:
        """Environment → the places of the releases that name it."""
        found: dict[str, set[Place]] = {name: set(places) for name, places in self.source.releases.items()}
        for fragment in self._fragments["release"]:
            name = fragment.said("name")
            if name and fragment.place.file not in {place.file for place in found.get(name, ())}:
                found.setdefault(name, set()).add(fragment.place)
        return {name: tuple(sorted(places)) for name, places in found.items()}

    @property
    def all_releases_named(self) -> bool:
        """Whether it can be read of each release which environment it is for."""
        return all(fragment.said("name") for fragment in self._fragments["release"])

    def pins(self) -> Iterator[WrittenPin]:
        """Each pin once; of a release with faults too, where its version can be read."""
        partly = {fragment.place.file for fragment in self._fragments["release"]}
        for pin in self.source.pins.values():
            if pin.place.file not in partly:
                yield WrittenPin(pin.environment, pin.model, pin.pin.version, pin.place)
        for found in self._fragments["release"]:
            for model, pin in found.spec.get("models", {}).items():
                name = found.said("name") or found.names[0]
                version = None if pin.get("state") == "withdrawn" else pin.get("version")
                yield WrittenPin(name, model, version, found.pins.get(model, found.place))
