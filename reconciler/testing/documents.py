"""Manifests for tests, as bytes: JSON, which is YAML too. What is not said takes the format's defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.domain.manifests import API_VERSION
from reconciler.domain.task import EstimatorSpec, FeatureSpec, FieldSpec, ParameterSpec, TaskSpec

TASK = TaskSpec(
    name="guess",
    revision=1,
    fields={"amount": FieldSpec("amount", "invoices", "number", "invoice-date", True)},
    features={"amount": FeatureSpec("amount", "invoice", "number", ("amount",), "the amount")},
    estimators={"coin": EstimatorSpec("coin", {"bias": ParameterSpec("bias", "number", 0, 1)})},
)
"""A task with one field, one feature and one estimator: enough to plan with."""


def version_path(model: str, version: str) -> str:
    """Where a ModelVersion stands."""
    return f"manifests/models/{model}/{version}.yaml"


def release_path(environment: str) -> str:
    """Where a Release stands, unless it is split."""
    return f"manifests/releases/{environment}.yaml"


def environment_path(environment: str) -> str:
    """Where an Environment stands."""
    return f"environments/{environment}.yaml"


def signers_path(environment: str) -> str:
    """Where an environment's allowed signers stand."""
    return f"environments/{environment}.allowed-signers"


def model_version(model: str, version: str, *, bias: float = 0.5, owner: str = "credit", **spec: Any) -> bytes:
    """A ModelVersion of the fake task; `bias` is part of the recipe, `owner` is not."""
    recipe = {
        "task": TASK.name,
        "features": {"include": ["amount"]},
        "estimator": {"kind": "coin", "parameters": {"bias": bias}},
        **spec,
    }
    return document("ModelVersion", {"name": model, "version": version, "owner": owner}, recipe)


def release(environment: str, pins: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A Release; a pin is `{"version": …, "digest": …, "state": …, "hold": …}`."""
    return document("Release", {"name": environment}, {"models": dict(pins)})


def environment(name: str, **spec: Any) -> bytes:
    """An Environment with a folder target of its name."""
    return document("Environment", {"name": name}, {"target": {"kind": "folder", "path": f"targets/{name}"}, **spec})


def signers(*principals: str) -> bytes:
    """Allowed signers: a line for each principal, with a key that is none."""
    return "".join(f"{principal} ssh-ed25519 KEY\n" for principal in principals).encode()


def document(kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> bytes:
    """Any manifest as bytes."""
    written = {"apiVersion": API_VERSION, "kind": kind, "metadata": dict(metadata), "spec": dict(spec)}
    return (json.dumps(written, indent=2) + "\n").encode()


#: Gates that read a judgement, and one that does not.
GATES: Sequence[Mapping[str, Any]] = (
    {"kind": "beats-baselines"},
    {"kind": "threshold", "figure": "log_loss", "atMost": 0.6},
    {"kind": "deployed-below"},
)
