"""The rules between files: what a `Source` has to fulfil beyond each file's own schema.

Pure: a Source, the tasks and (where a ledger or an applied source is at hand) the recipe digests that merged
versions are bound to. Problems whose place is a whole file name the field by `path`; `ManifestSource.locate` gives
them their lines. A fault never hides another, in its file or in others: what can be read of a file with faults is
checked like the rest. What only follows from a fault (a pin to a version whose file does not parse, a gate that needs
what is under a misspelt key) is not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.environment_rules import check_environment, data_of_training, loops
from reconciler.core.filter_rules import Flaw
from reconciler.core.identity import recipe_digest
from reconciler.core.readable import Declared, Readable, WrittenPin, WrittenVersion
from reconciler.core.recipe_rules import Knowledge, check_recipe
from reconciler.domain.names import VERSION_PATTERN, version_key
from reconciler.domain.problems import Place, Problem, close_to, closest, dotted
from reconciler.domain.source import Source
from reconciler.domain.task import TaskSpec

Bound = Mapping[tuple[str, str], str]
Touches = tuple[tuple[str, str], ...]


def validate(source: Source, tasks: Mapping[str, TaskSpec], bound: Bound | None = None) -> tuple[Problem, ...]:
    """All problems of a source, those of reading included, sorted by place.

    `bound` maps (model, version) to the recipe digest that a merged version had; None where it cannot be told."""
    found = {*source.problems, *_Rules(Readable(source), tasks, bound or {}).problems()}
    return tuple(sorted(found))


@dataclass(frozen=True)
class _Rules:
    source: Readable
    tasks: Mapping[str, TaskSpec]
    bound: Bound

    def problems(self) -> Iterator[Problem]:
        yield from self._versions()
        yield from self._bound()
        yield from self._pins()
        yield from self._environments()
        yield from self._chains()
        yield from self._training()
        yield from self._releases()

    @cached_property
    def _knowledge(self) -> Mapping[str, Knowledge]:
        data, gaps = data_of_training(self.source.environments)
        return {name: Knowledge(task, data, gaps) for name, task in self.tasks.items()}

    def _versions(self) -> Iterator[Problem]:
        knowledge = self._knowledge
        only = next(iter(knowledge.values())) if len(knowledge) == 1 else None
        for version in self.source.versions():
            task = str(version.spec.get("task"))
            if task not in knowledge:
                flaw = Flaw(("spec", "task"), f"there is no task {task}", close_to(task, self.tasks))
                yield from _of_version(version, [flaw])
            known = knowledge.get(task, only)  # whatever is mended there, it is the only one there is
            if known is not None:
                yield from _of_version(version, check_recipe(version.spec, known))

    def _bound(self) -> Iterator[Problem]:
        for key, digest in self.bound.items():
            version = self.source.recipe(key)
            if version is not None and recipe_digest(*key, version.spec) != digest:
                model, number = key
                summary = f"{number} is immutable: add {self._next(model, number)}"
                yield from _of_version(version, [Flaw(("spec",), summary, f"put {number} back as it was merged")])

    def _next(self, model: str, version: str) -> str:
        """The first patch version after `version` that is not there yet."""
        core, _, pre = version.partition("-")
        major, minor, patch = core.split(".")
        number = int(patch) + (0 if pre else 1)
        while (model, f"{major}.{minor}.{number}") in self.source.version_keys:
            number += 1
        return f"{major}.{minor}.{number}"

    def _pins(self) -> Iterator[Problem]:
        for pin in self.source.pins():
            if pin.version is not None and (pin.model, pin.version) not in self.source.version_keys:
                yield self._no_version(pin, pin.version)

    def _no_version(self, pin: WrittenPin, version: str) -> Problem:
        keys = self.source.version_keys
        there = sorted((v for m, v in keys if m == pin.model and re.fullmatch(VERSION_PATTERN, v)), key=version_key)
        if there:
            summary = f"{pin.model} has no version {version}"
            fix = f"{self._to_pin(pin.model, there)}; or add manifests/models/{pin.model}/{version}.yaml"
        else:
            summary = f"there is no model {pin.model}"
            fix = close_to(pin.model, {model for model, _ in keys})
        touches = (("pin", f"{pin.environment}/{pin.model}"),)
        return Problem(pin.place, summary, fix, f"spec.models.{pin.model}.version", touches=touches)

    @cached_property
    def _at_fault(self) -> frozenset[str]:
        """MODEL@VERSION of each version with an error in its own file."""
        found = (*self.source.source.problems, *self._versions())
        return frozenset(
            what for each in found if each.severity == "error" for kind, what in each.touches if kind == "version"
        )

    def _to_pin(self, model: str, there: list[str]) -> str:
        """The newest versions of a model that can be pinned; where none is sound, those that there are."""
        sound = [version for version in there if f"{model}@{version}" not in self._at_fault]
        if sound:
            return f"{'its versions are' if sound == there else 'its sound versions are'} {', '.join(sound[-8:])}"
        return f"its versions are {', '.join(there[-8:])}"

    def _environments(self) -> Iterator[Problem]:
        names = self.source.environment_names
        for name, environment in self.source.environments.items():
            flaws = check_environment(name, self.source.environments, names, self._knowledge.values())
            yield from _of_environment(environment, flaws)
            if not self._released & {name, environment.also} and self.source.all_releases_named:
                fix = f"add manifests/releases/{name}.yaml, with spec: {{models: {{}}}} to begin with"
                flaw = Flaw(("metadata", "name"), f"{name} has no release", fix, beside=True)
                yield from _of_environment(environment, [flaw])

    @cached_property
    def _released(self) -> frozenset[str]:
        """What releases name, and what they mean where they misspell it."""
        named, known = self.source.releases.keys(), self.source.environment_names
        meant = (closest(name, known) for name in named if name not in known)
        return frozenset({*named, *filter(None, meant)})

    def _chains(self) -> Iterator[Problem]:
        for loop in loops(self.source.environments):
            walk = " → ".join((*loop, loop[0]))
            touches = tuple(("environment", name) for name in loop)
            flaw = Flaw(("spec", "promotesFrom"), f"promotesFrom goes in a loop: {walk}", "take one of them out")
            yield _problem(self.source.environments[loop[0]].place, flaw, touches)

    def _training(self) -> Iterator[Problem]:
        environments = self.source.environments
        training = sorted(name for name, found in environments.items() if found.spec.training is not None)
        touches = tuple(("environment", name) for name in training)
        for name in training if len(training) > 1 else ():
            others = " and ".join(other for other in training if other != name)
            summary = f"{name} trains, and so does {others}: one environment trains"
            flaw = Flaw(("spec", "training"), summary, "take training out of the others")
            yield _problem(environments[name].place, flaw, touches)
        all_read = environments and self.source.environments_read
        if all_read and not any(found.may_train for found in environments.values()):
            yield Problem(Place("environments"), "no environment trains", "add training: {} to the spec of one")

    def _releases(self) -> Iterator[Problem]:
        names = self.source.environment_names
        for name, places in self.source.releases.items():
            if name in names:
                continue
            fix = f"{close_to(name, names)}; or add environments/{name}.yaml"
            for place in places:
                touches = (("environment", name),)
                yield Problem(place, f"there is no environment {name}", fix, "metadata.name", touches=touches)


def _of_version(version: WrittenVersion, flaws: Iterable[Flaw]) -> Iterator[Problem]:
    for flaw in flaws:
        if flaw.stands(version.gaps):
            yield _problem(version.place, flaw, (("version", f"{version.key[0]}@{version.key[1]}"),))


def _of_environment(environment: Declared, flaws: Iterable[Flaw]) -> Iterator[Problem]:
    for flaw in flaws:
        if flaw.stands(environment.gaps):
            yield _problem(environment.place, flaw, (("environment", environment.name),))


def _problem(place: Place, flaw: Flaw, touches: Touches) -> Problem:
    severity = "warning" if flaw.warning else "error"
    return Problem(place, flaw.summary, flaw.fix, dotted(flaw.path), severity, touches)  # type: ignore[arg-type]
