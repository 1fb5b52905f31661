"""`Trainer`: a job as a child in the box.

The child gets the job's file, the folders that the job names (read-only), an output folder, and what Python needs;
no network, no home, no credential, no variable of the parent's. The parent believes nothing that comes back.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reconciler.adapters.box import answer, child, probing
from reconciler.adapters.box.child import Bounds
from reconciler.adapters.box.walls import CANDIDATES, PACKAGE, Cell, Walls, command
from reconciler.domain.errors import NeedsPerson, RetryLater
from reconciler.domain.jobs import CheckJob, Job, JobFailure, Result, TrainJob
from reconciler.ports import BoxRules, Progress, Ran
from reconciler.tools.files import passing_folder, remove_tree

#: `-P -s`: neither the working folder nor the user's own packages are searched for modules.
PROGRAM = (sys.executable, "-P", "-s", "-m", "reconciler.training")


@dataclass(frozen=True)
class Caps:
    """Limits that no environment changes: bytes of one output file and of all, and how many processes."""

    file: int = 512 << 20
    disk: int = 1 << 30
    processes: int = 16


class BoxedTrainer:
    """Runs jobs with `program` (its argv, to which JOB.json and OUT/ are added) inside the best walls found here.

    `readable` are further paths that the program needs; `scratch` is where a job's folder is made."""

    def __init__(
        self,
        program: Sequence[str] = PROGRAM,
        *,
        readable: Sequence[Path] = (),
        scratch: Path | None = None,
        candidates: Sequence[Walls] = CANDIDATES,
        caps: Caps = Caps(),
    ) -> None:
        self._program = tuple(program)
        self._readable = tuple(path.resolve() for path in readable)
        self._scratch = scratch
        self._candidates = candidates
        self._caps = caps

    @cached_property
    def found(self) -> probing.Found:
        """The walls that hold on this machine, probed once."""
        return probing.best(self._candidates)

    @contextmanager
    def run(self, job: Job, rules: BoxRules, progress: Progress) -> Iterator[Ran]:
        """Run a job. Failures are values; files live until the context ends. Raises NeedsPerson where isolation is
        required and not to be had, RetryLater where not even its folder can be made."""
        walls = self._walls(rules)
        with self._folder() as base:
            out = base / "out"
            result = self._result(walls, job, rules, base, progress)
            files: Mapping[str, Path] = {}
            if not isinstance(result, JobFailure):
                left = answer.output(out, self._caps.file)
                if isinstance(left, str):
                    result = JobFailure(whose="machine", reason=left)
                else:
                    files = left
            yield Ran(result=result, files=files, isolation=self.found.isolation)

    def lock_digest(self) -> str:
        """sha256 of the sorted ``name==version`` lines of every library that this project needs."""
        from reconciler.adapters.box import libraries  # importlib.metadata is slow to load, and few commands ask

        return libraries.lock_digest()

    # --- inside ----------------------------------------------------------------------------------------

    def _walls(self, rules: BoxRules) -> Walls:
        found = self.found
        if not found.started:
            raise NeedsPerson(f"no child can be started: {found.detail}", next_step="reconciler doctor says more")
        missing = [what for what, shut in (("network", found.network), ("files", found.files)) if not shut]
        if rules.required and missing:
            raise NeedsPerson(
                f"training needs a box and this machine gives none for {' and '.join(missing)}",
                next_step="apt-get install bubblewrap (with user namespaces allowed), or set "
                "training.isolation: best-effort in the training environment's file; the receipt then says so",
            )
        return found.walls

    def _result(self, walls: Walls, job: Job, rules: BoxRules, base: Path, progress: Progress) -> Result:
        bounds = Bounds(
            folders=(base / "out", base / "home"),
            memory=rules.memory,
            disk=self._caps.disk,
            processor=rules.processor.total_seconds(),
            wall=rules.wall.total_seconds(),
            # Bubblewrap itself is two processes.
            processes=self._caps.processes + 2,
        )
        reporter = _Reporter(progress)
        try:
            cell = self._cell(job, rules, base)
            info = os.pipe() if walls.bubblewrap else None
            ended = child.run(
                command(walls, cell, info=info[1] if info else None),
                environment=cell.environment,
                bounds=bounds,
                line=reporter.line,
                beat=reporter.beat,
                info=info,
            )
        except OSError as error:
            return JobFailure(whose="machine", reason=f"training cannot be started: {error.strerror or error}")
        return answer.of_job(ended, job, base / "out", rules)

    def _cell(self, job: Job, rules: BoxRules, base: Path) -> Cell:
        named = Path(job.artifact_folder if isinstance(job, CheckJob) else job.snapshot_folder).resolve()
        if not named.is_dir():
            raise NeedsPerson(f"the folder of the job is not there: {named}", next_step="run reconciler verify")
        key = "artifact_folder" if isinstance(job, CheckJob) else "snapshot_folder"
        folders = {key: named}
        if isinstance(job, TrainJob) and job.earlier_folder is not None:
            folders["earlier_folder"] = Path(job.earlier_folder).resolve()
        job_file, out, home, path = base / "job.json", base / "out", base / "home", base / "path"
        # The package alone, by a link: in a checkout its parent is the user's repository, which is not to be seen.
        (path / PACKAGE.name).symlink_to(PACKAGE)
        job_file.write_text(
            job.model_copy(update={name: str(folder) for name, folder in folders.items()}).model_dump_json()
        )
        return Cell(
            argv=[*self._program, str(job_file), str(out)],
            folder=home,
            read=(job_file, *folders.values(), path, *self._readable),
            write=(out, home),
            environment=_environment(home, path),
            limits=_limits(rules, self._caps),
        )

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with ExitStack() as stack:
            try:
                base = stack.enter_context(passing_folder("box", place=self._scratch)).resolve()
                stack.callback(remove_tree, base)
                for name in ("out", "home", "path"):
                    (base / name).mkdir()
            except OSError as error:
                raise RetryLater(
                    f"no folder for a training can be made in {self._scratch or tempfile.gettempdir()}: "
                    f"{error.strerror}",
                    next_step="make room, or name another place with TMPDIR, then run the same command again",
                ) from None
            yield base


def _environment(home: Path, path: Path) -> dict[str, str]:
    """Everything that the child has of an environment. The training program adds what depends on the processor
    (`training/environment.py`): it sees the same one, and has the last word."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(path),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def _limits(rules: BoxRules, caps: Caps) -> dict[str, int]:
    """Limits of one process, kept by the kernel; `child.Bounds` are those of all of them together.

    RLIMIT_DATA counts what can be written to, so mapped libraries do not eat the memory limit; RLIMIT_AS is a wider
    fence around shared mappings. A second is added to the processor so that the sum is reached first."""
    return {
        "RLIMIT_DATA": rules.memory,
        "RLIMIT_AS": rules.memory + (4 << 30),
        "RLIMIT_CPU": math.ceil(rules.processor.total_seconds()) + 1,
        "RLIMIT_FSIZE": caps.file,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_CORE": 0,
    }


class _Reporter:
    """Hands progress on, and says the newest again while nothing new comes: the parent's leases live on that."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._newest = ("working in the box", 0, 0)

    def line(self, line: bytes) -> None:
        answer.progress_line(line, self._heard)

    def beat(self) -> None:
        self._progress(*self._newest)

    def _heard(self, label: str, done: int, total: int) -> None:
        self._newest = (label, done, total)
        self._progress(label, done, total)
