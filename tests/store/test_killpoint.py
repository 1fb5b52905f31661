"""The kill-point library itself: it counts across processes, git's own included, and leaves nobody alive."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import killpoint

GIT = """
git init -q -b main repo && cd repo && echo one > file && git add file &&
git -c core.fsync=all -c user.name=n -c user.email=e commit -q -m one && git rev-parse HEAD
"""


def run(tmp_path: Path, at: int) -> killpoint.Killed:
    folder = tmp_path / f"at-{at}"
    folder.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    return killpoint.run(killpoint.build(tmp_path), ["sh", "-c", GIT], at=at, cwd=folder, env=environment)


def test_fsyncs_links_and_renames_of_git_s_processes_are_counted_together(tmp_path: Path) -> None:
    whole = run(tmp_path, 0)
    assert (whole.returncode, whole.killed) == (0, False)
    assert whole.points == len(whole.log)
    calls = {line.split()[1] for line in whole.log}
    assert {"fsync", "link", "rename"} <= calls
    assert [int(line.split()[0]) for line in whole.log] == list(range(1, whole.points + 1))


def test_the_group_dies_just_before_the_point(tmp_path: Path) -> None:
    whole = run(tmp_path, 0)
    ref = next(number for number, line in enumerate(whole.log, 1) if "rename" in line and "refs/heads" in line)
    cut = run(tmp_path, ref)
    assert cut.killed
    assert cut.points == ref
    assert (tmp_path / f"at-{ref}" / "repo" / ".git" / "refs" / "heads" / "main.lock").exists()
    assert not (tmp_path / f"at-{ref}" / "repo" / ".git" / "refs" / "heads" / "main").exists()


def test_a_grandchild_that_waits_is_dead_when_the_run_returns(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "os.replace('pid', 'pid-2')\n"
    )
    cut = killpoint.run(killpoint.build(tmp_path), [sys.executable, "-c", program], at=1, cwd=tmp_path)
    assert cut.killed
    pid = (tmp_path / "pid").read_text()
    alive = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()
    assert alive[:1] in ("", "Z")
