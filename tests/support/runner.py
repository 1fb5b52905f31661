"""A runner in a process of its own: python -m tests.support.runner FOLDER COMMAND…

The command line over a stand-in trainer and a clock that stands, in the present folder. Where FOLDER holds a FIFO
`training`, a training says so there, and waits until it can read a line from the FIFO `go`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reconciler.__main__ import furnish, open_doorstep
from reconciler.adapters.git import Repository
from reconciler.cli.root import make_root, run
from reconciler.cli.session import Session
from reconciler.domain.jobs import Job, TrainJob
from reconciler.ports import BoxRules, Progress, Ran
from reconciler.testing import FakeClock, FakeTrainer
from reconciler.usecases.house import House
from tests.support.repositories import BOB, environment

ROOT = Path(__file__).parents[2]


class WaitingTrainer(FakeTrainer):
    """A stand-in that tells when a training has begun, and goes on when it is told to."""

    folder = Path()

    @contextmanager
    def run(self, job: Job, rules: BoxRules, progress: Progress) -> Iterator[Ran]:
        """As `FakeTrainer`, after the wait."""
        if isinstance(job, TrainJob) and (self.folder / "training").exists():
            (self.folder / "training").write_text("begun\n")
            with (self.folder / "go").open() as told:
                told.readline()
        with super().run(job, rules, progress) as ran:
            yield ran


def start(folder: Path, at: Path, *argv: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a runner in the folder `at`; the caller waits for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.runner", str(folder), *argv],
        cwd=at,
        env=environment(BOB) | {"PYTHONPATH": str(ROOT), "RECONCILER_DATA_ALLOW": str(folder)} | dict(more or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Line:
    """A FIFO of ours, by which a runner and a test tell each other something; neither waits for the other to look."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def tell(self, text: str) -> None:
        """Say a line."""
        os.write(self._end, f"{text}\n".encode())

    def hear(self, seconds: float = 60) -> list[str]:
        """The lines that were said, at least one. Fails where nothing is said for so long."""
        assert select.select([self._end], [], [], seconds)[0], "nobody said anything"
        return os.read(self._end, 4096).decode().splitlines()

    def close(self) -> None:
        """Hang up."""
        os.close(self._end)


def main(folder: str, *argv: str) -> int:
    """Run one command."""
    trainer = WaitingTrainer()
    trainer.folder = Path(folder)

    def build(session: Session) -> House:
        found = Repository.discover(session.directory.absolute())
        return furnish(found, {"RECONCILER_DATA_ALLOW": folder}, trainer=trainer, clock=FakeClock())

    return run(make_root(build, open_doorstep), list(argv))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
