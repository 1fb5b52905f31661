"""The catalogue of features, for people: what each one is, when it is known, what a customer without history gets.

Reads the tasks' light specs alone; needs no repository.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.problems import short
from reconciler.domain.task import FeatureSpec, TaskSpec


@dataclass(frozen=True)
class Entry:
    """A feature of a task. `declared`: own fields that count as known later unless the mapping declares otherwise."""

    task: TaskSpec
    feature: FeatureSpec
    declared: tuple[str, ...]

    @property
    def known(self) -> str:
        """When it is known, in few words."""
        when = "as-of date" if self.feature.known == "as-of" else "invoice date"
        return f"{when}, if declared" if self.declared else when


def catalogue(tasks: Mapping[str, TaskSpec]) -> list[Entry]:
    """Every feature of every task, in the order of their catalogues."""
    return [_entry(task, feature) for task in tasks.values() for feature in task.features.values()]


def explain(tasks: Mapping[str, TaskSpec], name: str) -> Entry:
    """The feature of that name. Raises AuthorMustFix where there is none, with the spellings that are close."""
    entries = catalogue(tasks)
    found = next((entry for entry in entries if entry.feature.name == name), None)
    if found is None:
        raise AuthorMustFix(f"there is no feature {short(name)}", next_step=_meant(entries, name))
    return found


def _entry(task: TaskSpec, feature: FeatureSpec) -> Entry:
    return Entry(task, feature, tuple(need for need in feature.needs if _late(task, need)))


def _late(task: TaskSpec, need: str) -> bool:
    fields = [task.fields[key] for key in (need, f"customers.{need}") if key in task.fields]
    return any(field.known_at == "later" for field in fields)


def _meant(entries: Sequence[Entry], name: str) -> str:
    names = [entry.feature.name for entry in entries]
    group = [entry.feature.name for entry in entries if entry.feature.group == name]
    if group:
        return f"{name} is a group; its features are {', '.join(group)}"
    word = name[:100].lower().replace("-", "_")
    close = get_close_matches(word, names, 3, 0.6) or [each for each in names if word and word in each][:3]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return "reconciler features lists them all"
