"""What git's complaints mean: whose move is it? Pure text in, an error of `domain.errors` out.

git runs with LC_ALL=C, so its messages are stable English. Addresses are shown without user name and password.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.domain.errors import NeedsPerson, PlanAgain, ReconcilerError, RetryLater

_SECRET = re.compile(r"(\w[\w+.-]*://)[^/@\s]*@")
_MACHINE = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "Too many open files",
    "Cannot allocate memory",
    "unable to create temporary file",
    "unpacker error",
)
_REMOTE = (
    "Could not read from remote repository",
    "unable to access",
    "Could not resolve",
    "does not appear to be a git repository",
    "Authentication failed",
    "could not read Username",
    "the remote end hung up",
    "early EOF",
    "Connection",
)
_MOVED = re.compile(
    r"but expected|reference already exists|reference is missing|unable to resolve reference|stale info|fetch first"
    r"|non-fast-forward|failed to update ref|incorrect old value|cannot lock ref"
)
LOCKED = re.compile(r"Unable to create '([^'\n]+\.lock)': File exists")
BROKEN_OFF = re.compile(r"remote end hung up|early EOF|unexpected disconnect|Broken pipe|Connection reset")
_OCCUPIED = re.compile(r"'(refs/[^']+)' exists; cannot create '(refs/[^']+)'")
_REJECTED = re.compile(r"^!\t(?:[^\t]*):(refs/[^\t]+)\t\[[^\]]*\] \((.*)\)$", re.MULTILINE)
_PLUMBING = re.compile(r"^(remote: )?(fatal|error): ")


def without_secrets(text: str) -> str:
    """Take user names and passwords out of every address in `text`."""
    return _SECRET.sub(r"\1", text)


def first_line(text: str) -> str:
    """The first line that says something, without git's prefix and without secrets."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if _PLUMBING.match(line)] or lines or ["no message"]
    return without_secrets(_PLUMBING.sub("", telling[0]))


def classify(arguments: Sequence[str], code: int, text: str) -> ReconcilerError:
    """The error for a git process that failed with `text` on standard error (and a push's report)."""
    line = first_line(text)
    for found in (_repository(text, line), _machine(text, line), _race(text), _remote(text, line)):
        if found is not None:
            return found
    if code < 0:
        return RetryLater(f"git {arguments[0]} was ended by signal {-code}", next_step="run the command again")
    if code == 129:
        return NeedsPerson(f"this git is too old for: git {arguments[0]}", next_step="install git 2.36 or newer")
    return NeedsPerson(f"git {arguments[0]} failed: {line}", next_step="git fsck checks the repository")


def timed_out(arguments: Sequence[str], seconds: float) -> RetryLater:
    """The error for a git process that was ended because it took too long."""
    return RetryLater(f"git {arguments[0]} did not end within {seconds:.0f} s", next_step="check the network")


def _repository(text: str, line: str) -> ReconcilerError | None:
    if "dubious ownership" in text:
        advice = next((row.strip() for row in text.splitlines() if "safe.directory" in row), "")
        return NeedsPerson(line, next_step=advice or "git config --global --add safe.directory FOLDER")
    if "not a git repository" in text:
        return NeedsPerson("this is not a git repository", next_step="git init, or reconciler init DIR")
    if "bad config" in text or "GIT_CONFIG_" in text:
        return NeedsPerson(
            f"git's configuration cannot be read: {line}", next_step="mend the file, line or variable that is named"
        )
    if "Expected git repo version" in text or "unknown repository extension" in text:
        return NeedsPerson(f"this git cannot read the repository: {line}", next_step="install a newer git")
    if "must be run in a work tree" in text:
        return NeedsPerson("this is a bare repository, without files", next_step="git clone it and work in the clone")
    if "not allowed" in text and "transport" in text:
        return NeedsPerson(line, next_step="give the remote an https, ssh or file address: git remote set-url")
    return None


def _machine(text: str, line: str) -> ReconcilerError | None:
    for sign in _MACHINE:
        if sign in text:
            told = next((row for row in text.splitlines() if sign in row), line)
            return RetryLater(
                f"git could not write: {first_line(told)}",
                next_step="make room, or make the folder writable; run again",
            )
    return None


def _race(text: str) -> ReconcilerError | None:
    occupied = _OCCUPIED.search(text)
    if occupied:
        short = occupied[1].removeprefix("refs/heads/")
        return NeedsPerson(
            f"{occupied[1]} stands where {occupied[2]} must be", next_step=f"git branch -m {short} {short}-other"
        )
    locked = LOCKED.search(text)
    if locked:
        return PlanAgain(f"another git process holds {locked[1]}", next_step="wait for it to end, then plan again")
    rejected = _REJECTED.search(text)
    if rejected and not _MOVED.search(rejected[2]):
        return NeedsPerson(
            f"the remote refused {rejected[1]}: {without_secrets(rejected[2])}",
            next_step="let whoever runs the remote permit pushes to this ref",
        )
    if _MOVED.search(text):
        return PlanAgain("somebody else was faster: the ref has moved meanwhile", next_step="plan again")
    return None


def _remote(text: str, line: str) -> ReconcilerError | None:
    missing = re.search(r"couldn't find remote ref (\S+)", text)
    if missing:
        name = missing[1].removeprefix("refs/heads/")
        return NeedsPerson(
            f"the remote has no branch {name}",
            next_step=f"git push it there, or git config reconciler.main NAME ({name})",
        )
    if any(sign in text for sign in _REMOTE):
        return RetryLater(
            f"the remote cannot be reached: {line}", next_step="check the network and the address; run again"
        )
    return None
