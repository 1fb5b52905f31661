"""From a job's file to a result's file: reads the job, calls train, judge or check, and turns what they refuse
into a `JobFailure`. A message never holds a value of the data."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reconciler.domain.errors import AuthorMustFix, VerificationFailed
from reconciler.domain.guard import LeakFound
from reconciler.domain.jobs import CheckJob, Job, JobFailure, JudgeJob, Result, TrainJob

_JOB: TypeAdapter[Job] = TypeAdapter(Job)


def progress(label: str, done: int, of: int) -> None:
    """One line on stdout: what is being done, how much of it is."""
    sys.stdout.write(json.dumps({"progress": label, "done": done, "of": of}) + "\n")
    sys.stdout.flush()


def run(job_file: Path, out: Path) -> int:
    """Run the job and write its result. Returns the exit code: 0 once `result.json` is there, 1 otherwise."""
    try:
        result = _result(_JOB.validate_json(job_file.read_bytes()), out)
    except ValidationError as error:
        sys.stderr.write(f"{job_file.name} is not a job: {error.error_count()} faults\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"cannot read {job_file.name}: {error.strerror}\n")
        return 1
    try:
        write(out / "result.json", result.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        sys.stderr.write(f"cannot write result.json: {error.strerror}\n")
        return 1
    return 0


def _result(job: Job, out: Path) -> Result:
    try:
        return _dispatch(job, out)
    except (AuthorMustFix, VerificationFailed) as error:
        found = list(error.findings) if isinstance(error, LeakFound) else []
        return JobFailure(whose="recipe", reason=error.message, next_step=error.next_step, findings=found)
    except MemoryError:
        return JobFailure(whose="machine", reason="out of memory", next_step="raise training.limits.memory")
    except OSError as error:
        return JobFailure(whose="machine", reason=f"a file could not be read or written: {error.strerror}")
    except Exception as error:
        where = _unexpected(error)  # the parent must learn of it as a value
        return JobFailure(whose="machine", reason=where, next_step="report this: it is a fault of the program")


def _unexpected(error: Exception) -> str:
    """Its class and place: an exception's text may quote the data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"


def _dispatch(job: Job, out: Path) -> Result:
    match job:
        case TrainJob():
            from reconciler.training.train import train

            result, files = train(job, progress)
            for name, content in files.items():
                write(out / name, content)
            return result
        case JudgeJob():
            from reconciler.training.judge import judge

            return judge(job, progress)
        case CheckJob():
            from reconciler.training.check import check

            return check(job, progress)


def write(path: Path, content: bytes) -> None:
    """All of the file or none of it: a temporary file beside it, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
