"""Recipes, jobs and runs that several tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from reconciler.domain.jobs import TrainJob

SHA = "sha256:" + "a" * 64
ESTIMATORS: dict[str, dict[str, Any]] = {
    "logistic-regression": {},
    "hist-gradient-boosting": {"max_iter": 20},
    "random-forest": {"n_estimators": 20, "max_depth": 5},
}


def recipe(kind: str = "logistic-regression", **more: Any) -> dict[str, Any]:
    """A spec as an author writes it."""
    parameters = more.pop("parameters", ESTIMATORS.get(kind, {}))
    return {
        "task": "customer-payment",
        "outcomes": {"veryLateAfterDays": 15},
        "features": {"include": ["invoice", "terms", "customer-history"]},
        "estimator": {"kind": kind, "parameters": parameters, "seed": 7},
        **more,
    }


def train_job(folder: Path, spec: dict[str, Any] | None = None) -> TrainJob:
    """A train job for a snapshot's folder."""
    return TrainJob(
        model="payment-prediction",
        version="1.0.0",
        recipe=spec or recipe(),
        fingerprint=SHA,
        snapshot=SHA,
        snapshot_folder=str(folder),
    )


def quiet(_label: str, _done: int, _of: int) -> None:
    """Progress that nobody reads."""


def run(job: object, out: Path, *, cwd: Path | None = None, env: dict[str, str] | None = None, umask: int = -1) -> Any:
    """Run the program as a process of its own; returns (exit code, stdout, stderr, result or None)."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "job.json"
    file.write_text(job.model_dump_json() if hasattr(job, "model_dump_json") else json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.training", str(file), str(out)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    result = out / "result.json"
    return done.returncode, done.stdout, done.stderr, json.loads(result.read_text()) if result.exists() else None
