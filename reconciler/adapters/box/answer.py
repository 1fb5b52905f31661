"""What a job left behind: its result and its files, read as the work of a stranger.

The box keeps a training from reaching out; this keeps what it wrote from reaching in. Symlinks, devices, pipes, hard
links, odd names and files over a limit are refused; text that is shown is escaped and short.
"""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from reconciler.adapters.box.child import Ended
from reconciler.domain import oci
from reconciler.domain.guard import GuardFinding
from reconciler.domain.jobs import CheckResult, Job, JobFailure, JudgeResult, Result, TrainResult
from reconciler.ports import BoxRules, Progress
from reconciler.tools import files

RESULT_FILE = "result.json"
RESULT_LIMIT = 8 << 20
_SHOWN = 160
_MOST_FINDINGS = 50
_KINDS = {"train": TrainResult, "judge": JudgeResult, "check": CheckResult}
_RESULT: TypeAdapter[Result] = TypeAdapter(Result, config=ConfigDict(defer_build=True))
_OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError", "bad_alloc", "out of memory", "Cannot allocate memory")


def of_job(ended: Ended, job: Job, out: Path, rules: BoxRules) -> Result:
    """The job's own result, or the machine failure that stands in its place."""
    if failure := _stopped(ended, rules):
        return failure
    try:
        result = _RESULT.validate_json(files.read_regular(str(out / RESULT_FILE), limit=RESULT_LIMIT))
    except FileNotFoundError:
        return _machine(f"training ended without a result; it said: {last_line(ended.stderr)}")
    except ValidationError as error:
        return _machine(f"training left a {RESULT_FILE} with {error.error_count()} faults")
    except (ValueError, RecursionError, OSError, files.Unfit) as error:
        return _machine(f"training left a {RESULT_FILE} that cannot be read: {shown(str(error))}")
    if isinstance(result, JobFailure):
        return _plain(result, rules)
    if not isinstance(result, _KINDS[job.kind]):
        return _machine(f"training answered a {job.kind} job with the result of a {result.kind}")
    return result


def output(out: Path, limit: int) -> Mapping[str, Path] | str:
    """Name → path of every file that the job left, or why one of them is refused. `result.json` is not among them."""
    found: dict[str, Path] = {}
    for entry in os.scandir(out):
        if entry.name == RESULT_FILE or entry.name.startswith("."):
            continue
        about = entry.stat(follow_symlinks=False)
        if not oci.is_file_name(entry.name):
            return f"training left a file with the name {shown(entry.name)}"
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            return f"training left {entry.name}, which is not a regular file of its own"
        if about.st_size > limit:
            return f"training left {entry.name} of {about.st_size >> 20} MiB, more than {limit >> 20} MiB"
        found[entry.name] = out / entry.name
    return dict(sorted(found.items()))


def progress_line(line: bytes, progress: Progress) -> None:
    """Hand on a line that is progress; forget any other."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(told, dict):
        return
    label, done, of = told.get("progress"), told.get("done"), told.get("of")
    if isinstance(label, str) and type(done) is int and type(of) is int and 0 <= done <= 1 << 40 and 0 <= of <= 1 << 40:
        progress(shown(label), done, of)


def last_line(stderr: bytes) -> str:
    """The last line that says something, escaped and short."""
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return shown(lines[-1].strip()) if lines else "nothing"


def shown(text: str) -> str:
    """Text of a stranger for a person: no control characters, no more than a line."""
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:_SHOWN])
    return plain + ("…" if len(text) > _SHOWN else "")


def _stopped(ended: Ended, rules: BoxRules) -> JobFailure | None:
    """The failure of a job that was stopped or gave up; None where it ended as it should."""
    if ended.reached:
        return _limit(ended.reached, rules)
    # Bubblewrap reports a signal as 128 and its number, as a shell does.
    number = -ended.status if ended.status < 0 else ended.status - 128
    if number == signal.SIGXCPU:
        return _limit("processor", rules)
    if 0 < number < 65:
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        more = ", as the system does when it runs out of memory" if number == signal.SIGKILL else ""
        return _machine(f"training was ended by {name}{more}")
    if ended.status != 0:
        said = last_line(ended.stderr)
        if any(word in said for word in _OUT_OF_MEMORY):
            return _limit("memory", rules)
        return _machine(f"training ended with status {ended.status}; it said: {said}")
    return None


def _limit(reached: str, rules: BoxRules) -> JobFailure:
    what, key = {
        "memory": (f"memory limit of {rules.memory >> 20} MiB", "training.limits.memory"),
        "processor": (f"processor limit of {rules.processor.total_seconds():g} s", "training.limits.processor"),
        "wall": (f"wall time limit of {rules.wall.total_seconds():g} s", "training.limits.wall"),
        "disk": ("limit of what a training may write", ""),
        "processes": ("limit of how many processes a training may start", ""),
    }[reached]
    step = f"raise {key} in the training environment's file, or train on less" if key else ""
    return JobFailure(whose="machine", reason=f"{what} reached", next_step=step)


def _plain(failure: JobFailure, rules: BoxRules) -> JobFailure:
    """The program's own failure with its text made safe; one out of memory says which limit that was."""
    if failure.whose == "machine" and any(word in failure.reason for word in _OUT_OF_MEMORY):
        return _limit("memory", rules)
    return failure.model_copy(
        update={
            "reason": _lines(failure.reason, 4),
            "next_step": _lines(failure.next_step, 2),
            "findings": [_finding(finding) for finding in failure.findings[:_MOST_FINDINGS]],
        }
    )


def _lines(text: str, most: int) -> str:
    """`shown` for text of several lines' length."""
    parts = [text[at : at + _SHOWN] for at in range(0, min(len(text), most * _SHOWN), _SHOWN)]
    return "".join(shown(part) for part in parts)


def _finding(finding: GuardFinding) -> GuardFinding:
    texts = {name: _lines(getattr(finding, name), 2) for name in ("subject", "what", "next_step")}
    figures = {shown(name): figure for name, figure in list(finding.figures.items())[:_MOST_FINDINGS]}
    return finding.model_copy(update={**texts, "figures": figures})


def _machine(reason: str) -> JobFailure:
    return JobFailure(whose="machine", reason=reason, next_step="run it again; if it persists, look at the machine")
