"""What stops a job, and what is said about it: always a failure of the machine, as a value."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.box import Caps, Walls
from reconciler.adapters.box.probing import probe
from reconciler.adapters.box.walls import CANDIDATES
from reconciler.domain.jobs import JobFailure
from tests.box.conftest import BUBBLEWRAP, ROOMY, SECCOMP, Answered, Run, job, trainer
from tests.support.components import leave_out

ROOT = Path(__file__).parents[2]
TIGHT = dataclasses.replace(ROOMY, memory=200 << 20)
SMALL = Caps(file=4 << 20, disk=16 << 20, processes=4)


def reason(answered: Answered) -> str:
    assert isinstance(answered.result, JobFailure), answered.result
    assert answered.result.whose == "machine"
    assert answered.files == {}
    return answered.result.reason


@pytest.mark.parametrize("deed", ["memory", "memory shared among children", "memory, told"])
def test_the_memory_limit_stops_a_job(run: Run, walls: Walls, deed: str) -> None:
    answered = run(deed, walls, rules=TIGHT)
    assert reason(answered) == "memory limit of 200 MiB reached"
    assert isinstance(answered.result, JobFailure)
    assert "training.limits.memory" in answered.result.next_step


def test_the_processor_limit_stops_a_job_that_ignores_its_signal(run: Run, walls: Walls) -> None:
    rules = dataclasses.replace(ROOMY, processor=timedelta(seconds=0.3))
    assert reason(run("spin", walls, rules=rules)) == "processor limit of 0.3 s reached"


def test_the_wall_time_limit_stops_a_job_that_waits(run: Run, walls: Walls) -> None:
    rules = dataclasses.replace(ROOMY, wall=timedelta(seconds=0.3))
    assert reason(run("wait", walls, rules=rules)) == "wall time limit of 0.3 s reached"


def test_a_job_that_forks_without_end_is_stopped(run: Run, walls: Walls) -> None:
    assert "how many processes" in reason(run("fork", walls, caps=SMALL))


def test_a_file_without_end_is_stopped(run: Run, walls: Walls) -> None:
    said = reason(run("big file", walls, caps=SMALL))
    assert "File too large" in said or "SIGXFSZ" in said


def test_files_without_end_are_stopped(run: Run, walls: Walls) -> None:
    assert "may write" in reason(run("many files", walls, caps=SMALL))


def test_a_job_that_is_killed_is_a_failure_of_the_machine(run: Run, walls: Walls) -> None:
    assert "SIGKILL" in reason(run("die", walls))


def test_what_a_crash_said_last_is_shown_escaped_and_short(run: Run) -> None:
    said = reason(run("crash"))
    assert said.startswith("training ended with status 3; it said: xxxxx")
    assert "first line" not in said
    assert len(said) < 250


def test_a_traceback_is_shown_by_its_last_line_only(run: Run) -> None:
    assert reason(run("raise")) == "training ended with status 1; it said: RuntimeError: the reason"


PARENT = """
import sys
from pathlib import Path
from tests.box.conftest import ROOMY, job, trainer
from reconciler.adapters.box.walls import CANDIDATES
boxed = trainer("tell pid and wait", Path(sys.argv[1]), CANDIDATES[int(sys.argv[2])])
with boxed.run(job(Path(sys.argv[1]) / "snapshot"), ROOMY, lambda *_: print("started", flush=True)):
    pass
"""


@pytest.mark.parametrize("walls", [BUBBLEWRAP, SECCOMP], ids=["bubblewrap", "landlock"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_parent_that_is_ended_takes_the_whole_job_with_it(
    tmp_path: Path, snapshot: Path, walls: Walls, number: signal.Signals
) -> None:
    held = probe(walls)
    if not (held.network and held.files):
        leave_out(f"{walls.network}+{walls.files} does not hold here: {held.detail or 'the probe got out'}")
    argv = [sys.executable, "-c", PARENT, str(tmp_path), str(CANDIDATES.index(walls))]
    parent = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    family = [os.pidfd_open(pid) for pid in descendants(parent.pid)]
    assert family
    parent.send_signal(number)
    parent.wait(timeout=20)
    for pidfd in family:
        assert select.select([pidfd], [], [], 20)[0], "a process of the job outlived its parent"
        os.close(pidfd)
    parent.stdout.close()
    left = list(tmp_path.glob("reconciler-box-*/job.json"))
    assert len(left) == (number != signal.SIGINT)
    theirs = tmp_path / "reconciler-box-of-nobody"
    theirs.mkdir()
    with trainer("die", tmp_path, walls).run(job(snapshot), ROOMY, lambda *_: None):
        assert not any(each.exists() for each in left), "what was left is taken away by the next job"
    assert list(tmp_path.glob("reconciler-*")) == [theirs]


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(each for child in children for each in descendants(child))]
