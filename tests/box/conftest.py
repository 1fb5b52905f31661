"""Boxes to test, each as far as this machine has it, and jobs for the stand-in program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.box import CANDIDATES, BoxedTrainer, Caps, Walls
from reconciler.adapters.box.probing import probe
from reconciler.domain.jobs import Job, Result, TrainJob
from reconciler.domain.record import Isolation
from reconciler.ports import BoxRules
from tests.support.components import leave_out

PRISONER = Path(__file__).parents[1] / "support" / "prisoner.py"
BUBBLEWRAP, NAMESPACE, SECCOMP = CANDIDATES[:3]
ROOMY = BoxRules(memory=1 << 30, processor=timedelta(seconds=60), wall=timedelta(seconds=60))


@dataclass
class Answered:
    """What a run gave: the result, the files it left with their bytes, the box, and what progress was told."""

    result: Result
    files: dict[str, bytes]
    isolation: Isolation
    progress: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def found(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.files["found.json"])
        return content


Run = Callable[..., Answered]


def job(snapshot: Path) -> Job:
    digest = "sha256:" + "0" * 64
    return TrainJob(
        model="payment-prediction",
        version="1.0.0",
        recipe={},
        fingerprint=digest,
        snapshot=digest,
        snapshot_folder=str(snapshot),
    )


def trainer(deed: str, folder: Path, *walls: Walls, caps: Caps | None = None) -> BoxedTrainer:
    program = (sys.executable, "-P", "-s", str(PRISONER), deed)
    return BoxedTrainer(
        program, readable=[PRISONER], scratch=folder, candidates=walls or CANDIDATES, caps=caps or Caps()
    )


def alive(scratch: Path) -> list[str]:
    """Command lines of processes that name the scratch folder; zombies have none."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(scratch) in (line := (entry / "cmdline").read_text(errors="replace")):
                found.append(line.replace("\0", " "))
    return found


@pytest.fixture(params=[BUBBLEWRAP, NAMESPACE, SECCOMP], ids=["bubblewrap", "namespace+landlock", "seccomp+landlock"])
def walls(request: pytest.FixtureRequest) -> Walls:
    """Each way to shut a child in that holds here; one that does not is skipped with what the probe saw."""
    made: Walls = request.param
    found = probe(made)
    if not (found.network and found.files):
        leave_out(f"{made.network}+{made.files} does not hold here: {found.detail or 'the probe got out'}")
    return made


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "data.txt").write_text("rows")
    return folder


@pytest.fixture
def run(tmp_path: Path, snapshot: Path) -> Run:
    """Run a deed in the walls given (by default those that are best here), with limits and caps of its own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def run_(deed: str, *walls: Walls, rules: BoxRules = ROOMY, caps: Caps | None = None) -> Answered:
        told: list[tuple[str, int, int]] = []
        boxed = trainer(deed, scratch, *walls, caps=caps)
        with boxed.run(job(snapshot), rules, lambda *each: told.append(each)) as ran:
            files = {name: path.read_bytes() for name, path in ran.files.items()}
            answered = Answered(ran.result, files, ran.isolation, told)
        assert list(scratch.iterdir()) == [], "the job's folder is removed"
        assert alive(scratch) == [], "nothing that the job started is left"
        return answered

    return run_
