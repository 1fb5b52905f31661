"""Ctrl-C reaches the whole process group; git finishes what it writes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.repositories import Workbench, environment

PROGRAM = """
import signal, sys
from pathlib import Path
from reconciler.adapters.git import GitHistory, GitLedger, Repository
from tests.support.ledgers import deploy, deployed

signal.signal(signal.SIGINT, lambda *_: print("noted", flush=True))
with Repository.discover(Path(sys.argv[1])) as repository:
    GitHistory(repository).fetch()
    ledger = GitLedger(repository)
    state = ledger.read("production")
    print(ledger.append(state, deploy(), deployed(state.record)).tip)
"""


def test_a_receipt_on_its_way_to_the_remote_arrives_in_spite_of_ctrl_c(bench: Workbench) -> None:
    bare = bench.bare(of=bench.repository())
    clone = bench.clone(bare, "clone", depth=1)
    begun, never, once = (bench.folder / name for name in ("begun", "never", "once"))
    for fifo in (begun, never):
        os.mkfifo(fifo)
    once.touch()
    hook = bare.path / "hooks/pre-receive"
    # The first push waits here for ever. The shell that git starts for a remote in a folder lets signals through, so
    # Ctrl-C ends the far side; the near side must notice and bring the receipt there all the same.
    hook.write_text(f"#!/bin/sh\n[ -e {once} ] || exit 0\nrm {once}\necho > {begun}\nread line < {never}\n")
    hook.chmod(0o755)
    pipes = [os.open(fifo, os.O_RDWR) for fifo in (begun, never)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(clone.path)],
        env=environment() | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert select.select([pipes[0]], [], [], 60)[0]
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    for pipe in pipes:
        os.close(pipe)
    assert process.returncode == 0
    assert out.split() == ["noted", bare.refs()["refs/heads/ledger/production"]]
