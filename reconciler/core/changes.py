"""What changed in a manifest, field by field, and what follows: a new version, or nothing to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.identity import plain_recipe
from reconciler.domain.names import version_key
from reconciler.domain.source import Source, SourceVersion


@dataclass(frozen=True)
class Change:
    """One changed field of a document: its path, and the change as text (`+ country`, `60 → 80`)."""

    path: str
    text: str

    @property
    def counts(self) -> bool:
        """True where the field is part of the recipe: changing it asks for a new version."""
        return self.path.split(".")[0] == "spec"

    def __str__(self) -> str:
        return f"{self.path.removeprefix('spec.').removeprefix('metadata.')}: {self.text}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every field that differs, in the order of its path."""
    return sorted(_compare("", plain_recipe(before), plain_recipe(after)), key=lambda change: change.path)


def _compare(path: str, before: Any, after: Any) -> list[Change]:
    if before == after and type(before) is type(after):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            change
            for key in {*before, *after}
            for change in _compare(f"{path}.{key}" if path else str(key), before.get(key), after.get(key))
        ]
    if isinstance(before, list) and isinstance(after, list):
        added = [f"+ {_text(item)}" for item in after if item not in before]
        removed = [f"- {_text(item)}" for item in before if item not in after]
        return [Change(path, ", ".join([*added, *removed]) or "another order")]
    if before is None:
        return [Change(path, _each("+", after))]
    if after is None:
        return [Change(path, _each("-", before))]
    return [Change(path, f"{_text(before)} → {_text(after)}")]


def _each(mark: str, value: Any) -> str:
    """A value that came or went: the items of a list one by one."""
    return ", ".join(f"{mark} {_text(item)}" for item in (value if isinstance(value, list) and value else [value]))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def version_changes(before: Source | None, after: Source) -> list[str]:
    """Lines on versions that were edited or added since the last applied source, with what follows from each."""
    if before is None:
        return []
    lines: list[str] = []
    for key in sorted(after.versions, key=lambda key: (key[0], version_key(key[1]))):
        now, was = after.versions[key], before.versions.get(key)
        if was is not None and was.blob != now.blob:
            lines += [_edited(now, change) for change in changes(was.document, now.document)]
        elif was is None:
            lines += _added(now, _previous(before, now))
    return lines


def _edited(version: SourceVersion, change: Change) -> str:
    follows = "asks for a new version" if change.counts else "nothing to do"
    return f"{version.name} {version.version}: {change} ({follows})"


def _added(version: SourceVersion, previous: SourceVersion | None) -> list[str]:
    if previous is None:
        return [f"{version.name} {version.version} is new"]
    found = [f"  {change}" for change in changes(previous.written_spec, version.written_spec)]
    return [f"{version.name} {version.version} is new; against {previous.version}:", *(found or ["  the same recipe"])]


def _previous(source: Source, version: SourceVersion) -> SourceVersion | None:
    older = [v for (name, _), v in source.versions.items() if name == version.name]
    older = [v for v in older if version_key(v.version) < version_key(version.version)]
    return max(older, key=lambda v: version_key(v.version), default=None)
