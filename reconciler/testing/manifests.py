"""Manifests of a `FakeGit`, in JSON: `ports.ManifestSource`, `ManifestEditor` and `ManifestFiles`.

As careful as the real reader about what a fault touches; places are whole files, and nothing is read of a file with
faults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from reconciler.domain.errors import AuthorMustFix, VerificationFailed
from reconciler.domain.manifests import Environment, ModelVersion, Pin, Release
from reconciler.domain.problems import Place, Problem, dotted
from reconciler.domain.source import Fragment, Source, SourceEnvironment, SourcePin, SourceVersion
from reconciler.testing.documents import environment_path, signers_path, version_path
from reconciler.testing.git import FakeGit, Files, blob_id

Touches = tuple[tuple[str, str], ...]


class FakeSource:
    """`ports.ManifestSource` over a `FakeGit`. Remembers what each tree says."""

    def __init__(self, git: FakeGit) -> None:
        self._git = git
        self._read: dict[str, Source] = {}

    def read(self, revision: str | None) -> Source:
        """Everything at a commit, or the working tree for None."""
        if revision is None:
            files = self._git.working_tree
            return _Reading(files if files is not None else self._git.files(self._git.main_tip())).source(None)
        commit = self._git.resolve(revision)
        if commit not in self._read:
            self._read[commit] = _Reading(self._git.files(commit)).source(commit)
        return self._read[commit]

    def locate(self, source: Source, problems: Sequence[Problem]) -> tuple[Problem, ...]:  # noqa: ARG002
        """The problems as they are: places are whole files here."""
        return tuple(problems)

    def pins_at(self, commit: str) -> Mapping[tuple[str, str], Pin]:
        """The pins at a commit."""
        return {key: pin.pin for key, pin in self.read(commit).pins.items()}

    def rules_at(self, commit: str, environment: str) -> tuple[str | None, str | None]:
        """The blob ids of the environment's file and of its allowed signers."""
        files = self._git.files(self._git.resolve(commit))
        paths = (environment_path(environment), signers_path(environment))
        file, signers = (blob_id(files[path]) if path in files else None for path in paths)
        return file, signers


class _Reading:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._problems: list[Problem] = []
        self._versions: dict[tuple[str, str], SourceVersion] = {}
        self._pins: dict[tuple[str, str], SourcePin] = {}
        self._releases: dict[str, tuple[Place, ...]] = {}
        self._environments: dict[str, SourceEnvironment] = {}
        self._fragments: list[Fragment] = []

    def source(self, commit: str | None) -> Source:
        for path, content in sorted(self._files.items()):
            parts = path.removesuffix(".yaml").split("/")
            match parts:
                case ["manifests", "models", model, *rest]:
                    self._version(path, content, model, ".".join(rest))
                case ["manifests", "releases", name]:
                    self._release(path, content, name)
                case ["environments", name] if path.endswith(".yaml"):
                    self._environment(path, content, name)
        label = commit or "the working tree"
        problems = tuple(sorted(self._problems))
        found = (self._versions, self._pins, self._environments, self._releases)
        return Source(commit, label, *found, problems, tuple(self._fragments))

    def _version(self, path: str, content: bytes, model: str, version: str) -> None:
        touches = (("version", f"{model}@{version}"),)
        document = self._checked(path, content, ModelVersion, touches)
        if document is None:
            self._fragments.append(Fragment("version", (model, version), Place(path), blob_id(content)))
            return
        named = (document["metadata"]["name"], document["metadata"]["version"])
        if path != version_path(*named):
            self._say(path, f"the file says {named[0]} {named[1]}", touches)
            self._fragments.append(Fragment("version", (model, version), Place(path), blob_id(content), document))
            return
        self._versions[named] = SourceVersion(document, Place(path), blob_id(content))

    def _environment(self, path: str, content: bytes, name: str) -> None:
        touches = (("environment", name),)
        document = self._checked(path, content, Environment, touches)
        if document is None:
            self._fragments.append(Fragment("environment", (name,), Place(path), blob_id(content)))
            return
        signers = self._files.get(signers_path(name))
        self._environments[name] = SourceEnvironment(
            document=document,
            text=content.decode(),
            blob=blob_id(content),
            signers_text=signers.decode() if signers is not None else None,
            signers_blob=blob_id(signers) if signers is not None else None,
            place=Place(path),
        )

    def _release(self, path: str, content: bytes, name: str) -> None:
        document = _loaded(content)
        faults = _faults(document, Release)
        broken: set[str] = set()
        for steps, summary in faults:
            of_pin = steps[:2] == ("spec", "models") and len(steps) > 2
            broken |= {str(steps[2])} if of_pin else {"*"}
            touches: Touches = (("pin", f"{name}/{steps[2]}"),) if of_pin else (("environment", name),)
            self._say(path, summary, touches, dotted(steps))
        if "*" in broken or not isinstance(document, dict):
            self._fragments.append(Fragment("release", (name,), Place(path), blob_id(content)))
            return
        self._releases[name] = (*self._releases.get(name, ()), Place(path))
        for model, pin in document["spec"].get("models", {}).items():
            if model in broken:
                continue
            if (name, model) in self._pins:
                self._say(path, f"{model} is pinned twice in {name}", (("pin", f"{name}/{model}"),))
                continue
            self._pins[(name, model)] = SourcePin(name, model, pin, Place(path))

    def _checked(self, path: str, content: bytes, kind: type[BaseModel], touches: Touches) -> dict[str, Any] | None:
        document = _loaded(content)
        faults = _faults(document, kind)
        for steps, summary in faults:
            self._say(path, summary, touches, dotted(steps))
        return document if isinstance(document, dict) and not faults else None

    def _say(self, path: str, summary: str, touches: Touches, field: str = "") -> None:
        self._problems.append(Problem(Place(path), summary, path=field, touches=touches))


def _loaded(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _faults(document: object, kind: type[BaseModel]) -> list[tuple[tuple[str | int, ...], str]]:
    try:
        kind.model_validate(document)
    except ValidationError as error:
        return [(found["loc"], found["msg"]) for found in error.errors()]
    return []


class FakeFiles:
    """`ports.ManifestFiles` over a mapping of paths to bytes."""

    def __init__(self) -> None:
        self.content: dict[Path, bytes] = {}

    def find(self, paths: Sequence[Path]) -> Sequence[Path]:
        """The files among the paths, and every `.yaml` below them."""
        found: set[Path] = set()
        for path in paths:
            below = {file for file in self.content if path in file.parents and file.suffix == ".yaml"}
            if path not in self.content and not below:
                raise AuthorMustFix(f"{path} is not there", next_step="name a file or a folder")
            found |= below or {path}
        return sorted(found)

    def read(self, path: Path) -> bytes:
        """The bytes of a file."""
        if path not in self.content:
            raise AuthorMustFix(f"{path} is not there", next_step="name a file")
        return self.content[path]

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file."""
        self.content[path] = content


class FakeEditor:
    """`ports.ManifestEditor` over JSON: what is edited is written again as a whole."""

    def set_pin(self, content: bytes, model: str, pin: Pin, file: str) -> bytes:
        """The release with this one pin set."""
        document, problems = self.parse(file, content)
        if problems or not isinstance(document, dict):
            raise AuthorMustFix(f"{file} cannot be edited", next_step="mend it first")
        written = pin.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        document.setdefault("spec", {}).setdefault("models", {})[model] = written
        return self.tidy(file, json.dumps(document).encode())

    def set_version(self, content: bytes, version: str, file: str) -> bytes:
        """The manifest with `metadata.version` set."""
        document, problems = self.parse(file, content)
        if problems or not isinstance(document, dict):
            raise AuthorMustFix(f"{file} cannot be edited", next_step="mend it first")
        document["metadata"]["version"] = version
        return self.tidy(file, json.dumps(document).encode())

    def environment(self, file: str, content: bytes) -> Environment:
        """The Environment in these bytes. Raises VerificationFailed if it is none."""
        try:
            return Environment.model_validate_json(content)
        except ValidationError as error:
            raise VerificationFailed(f"{file} is not an Environment", next_step="reconciler verify") from error

    def parse(self, file: str, content: bytes) -> tuple[object, tuple[Problem, ...]]:
        """The document, and a problem where it is not JSON."""
        document = _loaded(content)
        return document, (() if document is not None else (Problem(Place(file), "is not JSON"),))

    def place_of(self, file: str, content: bytes, path: Sequence[str]) -> Place:  # noqa: ARG002
        """The file: places are whole files here."""
        return Place(file)

    def tidy(self, file: str, content: bytes) -> bytes:
        """The file with two spaces of indentation."""
        document, problems = self.parse(file, content)
        if problems:
            raise AuthorMustFix(f"{file} is not JSON", next_step="mend it first")
        return (json.dumps(document, indent=2) + "\n").encode()
