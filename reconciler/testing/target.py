"""A target in memory, with its marker and its generation, and the ways in which it can be tampered with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.domain import oci
from reconciler.domain.errors import NeedsPerson, PlanAgain, RetryLater, VerificationFailed
from reconciler.domain.names import NAME_PATTERN
from reconciler.domain.observed import Observed, TargetState
from reconciler.testing.stores import sha256


@dataclass(frozen=True)
class _Served:
    deployment: Observed
    files: Mapping[str, bytes]


class FakeTarget:
    """`ports.Target`. `full` makes writing fail as a full disk does, so many times; `unreadable` says why it is."""

    def __init__(self) -> None:
        self.served: dict[str, _Served] = {}
        self.marked = False
        self.generation = 0
        self.full = 0
        self.unreadable = ""
        self.deployed = 0

    def observe(self, *, hash_bytes: bool = False) -> TargetState:  # noqa: ARG002  hashing costs nothing here
        """What is there."""
        if self.unreadable:
            return TargetState("unknown", self.unreadable)
        if not self.marked:
            return TargetState("empty")
        found = {model: self._observed(model, served) for model, served in self.served.items()}
        return TargetState("known", models=found, generation=self.generation)

    def deploy(self, model: str, deployment: Observed, files: Mapping[str, bytes]) -> None:
        """Set the model. Refuses other bytes than the digest's, and an older generation."""
        _checked_name(model)
        _refuse_other_bytes(deployment.digest or "", files)
        self._enter(deployment.generation, mark=True)
        self.served[model] = _Served(deployment, dict(files))
        self.deployed += 1

    def withdraw(self, model: str, generation: int) -> None:
        """Take the model out; idempotent."""
        _checked_name(model)
        if self.marked or self.unreadable:
            self._enter(generation, mark=False)
            self.served.pop(model, None)

    def files(self, model: str) -> tuple[Observed, Mapping[str, bytes]]:
        """What is served, hashed."""
        _checked_name(model)
        if model not in self.served:
            raise NeedsPerson(f"the target serves no {model}", next_step="reconciler status")
        served = self.served[model]
        _refuse_other_bytes(served.deployment.digest or "", served.files)
        return served.deployment, served.files

    # --- what goes wrong ------------------------------------------------------------------------------

    def flip(self, model: str) -> None:
        """Change a byte of what is served."""
        served = self.served[model]
        content = served.files[oci.MODEL_FILE]
        altered = {**served.files, oci.MODEL_FILE: bytes([content[0] ^ 1]) + content[1:]}
        self.served[model] = replace(served, files=altered)

    def remove(self, model: str) -> None:
        """Somebody took the model out behind the ledger's back."""
        del self.served[model]

    def unmark(self) -> None:
        """The folder is empty: not mounted, or another."""
        self.served.clear()
        self.marked = False
        self.generation = 0

    # --- inside ----------------------------------------------------------------------------------------

    def _enter(self, generation: int, *, mark: bool) -> None:
        if self.unreadable:
            raise NeedsPerson(f"the target is unknown: {self.unreadable}", next_step="look at it")
        if generation < self.generation:
            raise PlanAgain(
                f"the target was written by lease generation {self.generation}, this is {generation}",
                next_step="plan again",
            )
        if self.full:
            self.full -= 1
            raise RetryLater("the disk of the target is full", next_step="make room, then apply again")
        self.marked = self.marked or mark
        self.generation = generation

    def _observed(self, model: str, served: _Served) -> Observed:
        try:
            self.files(model)
        except VerificationFailed as error:
            return replace(served.deployment, intact=False, detail=error.message)
        return served.deployment


def _checked_name(model: str) -> None:
    if not re.fullmatch(NAME_PATTERN.strip("^$"), model):
        raise NeedsPerson(f"{model!r} is not a name")


def _refuse_other_bytes(digest: str, files: Mapping[str, bytes]) -> None:
    manifest = files.get(oci.MANIFEST_FILE, b"")
    if sha256(manifest) != digest:
        raise VerificationFailed(f"{oci.MANIFEST_FILE} is not {digest}")
    layers = oci.read_manifest(manifest).layers
    if set(files) != {oci.MANIFEST_FILE, *(layer.name for layer in layers)}:
        raise VerificationFailed("the files are not those of the manifest")
    for layer in layers:
        if sha256(files[layer.name]) != layer.digest:
            raise VerificationFailed(f"{layer.name} is not {layer.digest}")
