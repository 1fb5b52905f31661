"""Real components in tests: skip by name where one is not installed, fail in CI, where nothing is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def needs(*programs: str) -> None:
    """Skip the test, by name, unless every program is installed; with CI set, fail."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        leave_out(f"not installed: {', '.join(missing)} (apt-get install {' '.join(missing)})")


def leave_out(reason: str) -> None:
    """Skip with a reason; with CI set, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"CI leaves nothing out: {reason}")
    pytest.skip(reason)


@contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs mounted at `folder` (`size=1m`, `nr_inodes=8`); skips unless root can mount."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(argv, capture_output=True).returncode != 0:
        leave_out("mounting a tmpfs needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Change the options of a mounted tmpfs (`ro`, `rw`, `size=8m`)."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
