"""From entries of files to one `Source`: the union of releases, names against paths, and faults with their reach.

A fault holds only what it touches: a pin, a version, an environment; all where that cannot be told. What is left of
a file with faults goes beside, as a fragment: it is there for validation, never for a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.adapters.manifests.cache import Entry
from reconciler.adapters.manifests.layout import Standing, Touches, stray_fix, version_path
from reconciler.domain.gaps import Gaps
from reconciler.domain.problems import Place, Problem, dotted
from reconciler.domain.source import Fragment, Source, SourceEnvironment, SourcePin, SourceVersion

if TYPE_CHECKING:
    from reconciler.ports import Entry as TreeEntry


class Collector:
    """Takes files in the order of their paths, and gives the Source they add up to."""

    def __init__(self, listing: Mapping[str, TreeEntry]) -> None:
        self._listing = listing
        self._versions: dict[tuple[str, str], SourceVersion] = {}
        self._pins: dict[tuple[str, str], list[SourcePin]] = {}
        self._environments: dict[str, tuple[str, Place, Entry]] = {}
        self._signers: dict[str, str | None] = {}
        self._releases: dict[str, tuple[Place, ...]] = {}
        self._pinned: dict[tuple[str, str], list[tuple[str, list[int]]]] = {}
        self._problems: list[Problem] = []
        self._fragments: dict[str, Fragment] = {}
        self._release_files: dict[str, tuple[Standing, Entry]] = {}

    def take(self, path: str, role: Standing, entry: Entry | None) -> None:
        """One file: `entry` is None where it is not a plain file, or is not read."""
        mode = self._listing[path].mode
        if mode == "120000":
            self._say(Place(path), "is a symlink", "put the file itself here", touches=role.touches)
            self._remains(path, role, {})
        elif mode == "160000":
            self._say(Place(path), "is a submodule", "put the files themselves here")
        elif role.role == "stray":
            warning = Problem(Place(path), "is not read", stray_fix(path), severity="warning")
            self._problems.append(warning)
        elif entry is not None:
            match role.role:
                case "version":
                    self._version(path, role, entry)
                case "release":
                    self._release(path, role, entry)
                case "environment":
                    self._environment(path, role, entry)
                case "signers":
                    self._signers[role.names[0]] = entry["t"]

    def source(self, commit: str | None, label: str) -> Source:
        """Everything taken so far; problems sorted by place."""
        pins = {key: found[0] for key, found in self._pins.items() if len(found) == 1}
        for key, found_at in self._pinned.items():
            if len(found_at) > 1:
                self._twice(*key, [_place(*at) for at in found_at])
        environments = {name: self._whole(name, *parts) for name, parts in self._environments.items()}
        problems = tuple(sorted(set(self._problems)))
        fragments = tuple(
            replace(found, signers_text=self._signers.get(found.names[0])) if found.role == "environment" else found
            for found in self._fragments.values()
        )
        return Source(commit, label, self._versions, pins, environments, self._releases, problems, fragments)

    def _version(self, path: str, role: Standing, entry: Entry) -> None:
        if self._is_sound(path, role, entry, ("name", "version")):
            document = entry["d"]
            key = (document["metadata"]["name"], document["metadata"]["version"])
            self._versions[key] = SourceVersion(document, Place(path), self._listing[path].blob)

    def _environment(self, path: str, role: Standing, entry: Entry) -> None:
        if self._is_sound(path, role, entry, ("name",)):
            self._environments[entry["d"]["metadata"]["name"]] = (path, Place(path), entry)

    def _is_sound(self, path: str, role: Standing, entry: Entry, keys: tuple[str, ...]) -> bool:
        """Whether a file has no fault, and says what its path says; else its faults are told and its rest is kept."""
        metadata = (entry["d"] or {}).get("metadata", {})
        said = tuple([metadata.get(key, name) for key, name in zip(keys, role.names, strict=True)])
        if said == role.names and not entry["f"]:
            return True
        for key, name, path_name in zip(keys, said, role.names, strict=True):
            if name != path_name:
                there = version_path(*said) if role.role == "version" else f"environments/{name}.yaml"
                self._say(
                    _place(path, entry[key[0]]),
                    f"the path says {path_name}, the file {name}",
                    f"move it to {there} or write {path_name}",
                    f"metadata.{key}",
                    role.touches if entry["f"] else (*role.touches, (role.role, "@".join(said))),
                )
        for fault in entry["f"]:
            self._fault(path, fault, role.touches)
        self._remains(path, role, entry)
        return False

    def _whole(self, name: str, path: str, place: Place, entry: Entry) -> SourceEnvironment:
        signers = self._listing.get(f"environments/{name}.allowed-signers")
        if name not in self._signers:
            signers = None
        return SourceEnvironment(
            document=entry["d"],
            text=entry["t"],
            blob=self._listing[path].blob,
            signers_text=self._signers.get(name),
            signers_blob=signers.blob if signers else None,
            place=place,
        )

    def _release(self, path: str, role: Standing, entry: Entry) -> None:
        document, faults = entry["d"], entry["f"]
        name = _release_name(document, faults)
        whole: Touches = (("environment", name),) if name else role.touches
        faulty: set[str] = set()
        sound = document is not None
        for fault in faults:
            steps = fault[4]
            of_pin = len(steps) > 2 and steps[:2] == ["spec", "models"]
            touches = (("pin", f"{name}/{steps[2]}"),) if of_pin and name else whole
            self._fault(path, fault, touches)
            faulty |= {steps[2]} if of_pin else set()
            sound = sound and of_pin
        if faults:
            self._remains(path, role, entry)
        self._pinned_in(path, role, entry)
        if not name:
            return
        self._releases[name] = (*self._releases.get(name, ()), _place(path, entry["n"]))
        models = document.get("spec", {}).get("models", {}) if sound else {}
        for model, pin in models.items():
            if model not in faulty:
                written = SourcePin(name, model, pin, _place(path, entry["m"][model]))
                self._pins.setdefault((name, model), []).append(written)

    def _pinned_in(self, path: str, role: Standing, entry: Entry) -> None:
        """Remember every pin, those at fault too, to find what is pinned twice."""
        name = ((entry["d"] or {}).get("metadata") or {}).get("name")
        if name is None:
            return
        self._release_files[path] = (role, entry)
        for model, at in entry.get("m", {}).items():
            self._pinned.setdefault((name, model), []).append((path, at))

    def _twice(self, environment: str, model: str, places: list[Place]) -> None:
        for again in places[1:]:
            self._say(
                again,
                f"{model} is pinned twice in {environment}: it is pinned at {places[0]} too",
                "keep one of the two",
                f"spec.models.{model}",
                (("pin", f"{environment}/{model}"),),
            )
        for place in places:  # what is pinned twice does not count, yet is checked
            self._remains(place.file, *self._release_files[place.file])

    def _remains(self, path: str, role: Standing, entry: Entry) -> None:
        """Keep what is left of a file with faults."""
        if role.role not in ("version", "environment", "release"):
            return
        gaps = Gaps(frozenset(tuple(gap) for gap in entry.get("g", ())))
        pins = {model: _place(path, at) for model, at in entry.get("m", {}).items()}
        blob = self._listing[path].blob
        self._fragments[path] = Fragment(role.role, role.names, Place(path), blob, entry.get("d"), gaps, pins)

    def _fault(self, path: str, fault: list[Any], touches: Touches) -> None:
        line, column, summary, fix, steps = fault
        self._say(Place(path, line, column), summary, fix, dotted(steps), touches)

    def _say(self, where: Place, summary: str, fix: str, path: str = "", touches: Touches = ()) -> None:
        self._problems.append(Problem(where, summary, fix, path, "error", touches))


def _place(path: str, at: list[int]) -> Place:
    return Place(path, at[0], at[1])


def _release_name(document: Any, faults: list[list[Any]]) -> str:
    """The environment that a release names, empty where its metadata is at fault."""
    if document is None or any(fault[4][:1] in (["metadata"], ["kind"], ["apiVersion"]) for fault in faults):
        return ""
    return str(document.get("metadata", {}).get("name", ""))
