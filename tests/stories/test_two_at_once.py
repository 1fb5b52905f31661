"""Several processes on one repository, and one that is told to stop: one winner, released leases, whole ledgers."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.company import Company
from tests.support.runner import Line, start

FIRST = ["adopt production", "train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge production 1.0.0"]
#: Each of the first pushes of a lease, as many as there are files `wait-…`, stops at the remote until it is let go.
HOOK = """\
#!/bin/sh
while read -r old new ref; do
  case "$ref" in
    refs/reconciler/leases/*)
      for file in FOLDER/wait-*; do
        mv "$file" "FOLDER/stopped.$$" 2>/dev/null || continue
        mkfifo "FOLDER/push.$$" && echo "push.$$" >FOLDER/arrived && read -r line <"FOLDER/push.$$"
        break
      done ;;
  esac
done
exit 0
"""


class Gate:
    """Makes the trainings of runners wait."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._training, self._go = (stack.enter_context(closing(Line(folder / each))) for each in ("training", "go"))

    def begun(self) -> None:
        """Wait until a training has begun."""
        assert self._training.hear() == ["begun"]

    def go(self) -> None:
        """Let it go on; later ones do not wait."""
        (self._folder / "training").unlink()
        self._go.tell("go")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_a_laptop_and_a_runner_meet_at_the_lease(remote: Company, stack: ExitStack) -> None:
    remote.add("1.0.0")
    remote.desk.git("fetch", "-q", "origin")
    gate = Gate(remote.folder, stack)
    laptop = start(remote.folder, remote.desk.path, "apply", "--yes")
    gate.begun()
    refused = remote.run("apply", "--yes", code=4)
    assert f"(process {laptop.pid}) holds the lease of" in refused.err
    assert "--lock-timeout" in refused.err
    gate.go()
    out, err = laptop.communicate(timeout=60)
    assert laptop.returncode == 0, out + err
    assert remote.serves("sandbox") == "1.0.0"
    remote.settled()


def test_a_laptop_and_a_runner_push_the_lease_at_the_same_moment(remote: Company, stack: ExitStack) -> None:
    remote.add("1.0.0")
    stopped = stack.enter_context(closing(Line(remote.folder / "arrived")))
    stop_pushes(remote, 2)
    gate = Gate(remote.folder, stack)
    both = [start(remote.folder, place, "apply", "--yes") for place in (remote.desk.path, remote.runner().path)]
    for name in arrived(stopped, 2):
        (remote.folder / name).write_text("go\n")
    gate.begun()  # the one that has the lease trains, and the other can only give up
    loser = _first_to_end(both)
    assert loser.returncode == 4
    assert "holds the lease of production" in loser.communicate()[1]
    gate.go()
    winner = next(each for each in both if each is not loser)
    out, err = winner.communicate(timeout=60)
    assert winner.returncode == 0, out + err
    assert remote.receipts("sandbox").count("train sandbox 1.0.0") == 1
    remote.settled()


def test_a_job_that_was_overtaken_by_a_newer_one_is_stale(remote_shop: Company, stack: ExitStack) -> None:
    remote_shop.add("1.1.0")
    stopped = stack.enter_context(closing(Line(remote_shop.folder / "arrived")))
    stop_pushes(remote_shop, 1)
    slow = start(remote_shop.folder, remote_shop.runner().path, "apply", "--yes")
    (name,) = arrived(stopped, 1)
    remote_shop.add("1.2.0")
    assert remote_shop.apply() == ["train sandbox 1.2.0", "deploy sandbox 1.2.0", "judge production 1.2.0"]
    (remote_shop.folder / name).write_text("go\n")
    out, err = slow.communicate(timeout=60)
    assert slow.returncode == 4, out + err
    assert "was applied from the newer" in err
    assert remote_shop.serves("sandbox") == "1.2.0"
    remote_shop.settled()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_an_apply_leaves_a_whole_ledger_and_no_lease(
    local: Company, stack: ExitStack, number: signal.Signals
) -> None:
    local.add("1.0.0")
    gate = Gate(local.folder, stack)
    process = start(local.folder, local.desk.path, "apply", "--yes")
    gate.begun()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "stopped on request" in out + err
    assert "Traceback" not in out + err
    assert not any(lease["held"] for lease in local.run("lease", "list", "-o", "json").json["leases"])
    local.run("verify")
    assert local.receipts("sandbox") == ["adopt sandbox", "refresh sandbox"]
    assert local.apply() == FIRST[1:]
    local.settled()


def test_a_killed_holder_is_taken_over_at_once(remote: Company, stack: ExitStack) -> None:
    remote.add("1.0.0")
    gate = Gate(remote.folder, stack)
    process = start(remote.folder, remote.runner().path, "apply", "--yes")
    gate.begun()
    process.kill()
    process.communicate()
    assert remote.apply() == FIRST[1:]
    remote.promote()
    assert remote.apply() == ["deploy production 1.0.0"]
    remote.settled()


def test_the_lease_of_another_host_waits_and_can_be_broken(remote: Company, stack: ExitStack) -> None:
    remote.add("1.0.0")
    gate = Gate(remote.folder, stack)
    process = start(remote.folder, remote.runner().path, "apply", "--yes")
    gate.begun()
    try:
        remote.run("apply", "--yes", code=4)
        remote.run("lease", "break", "sandbox", "--reason", "the runner hangs")
        remote.run("lease", "break", "production", "--reason", "the runner hangs")
        gate.go()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 4, out + err
    assert "is not ours any more" in err
    assert remote.apply() == FIRST[1:]
    assert "lease-break sandbox" in remote.receipts("sandbox")
    remote.settled()


def stop_pushes(company: Company, number: int) -> None:
    """Stop the next pushes of a lease at the remote."""
    assert company.origin is not None
    for each in range(number):
        (company.folder / f"wait-{each}").touch()
    hook = company.origin.path / "hooks/pre-receive"
    hook.write_text(HOOK.replace("FOLDER", str(company.folder)))
    hook.chmod(0o755)


def arrived(line: Line, number: int) -> list[str]:
    """Wait for stopped pushes; the FIFOs that let them go on."""
    waiting: list[str] = []
    while len(waiting) < number:
        waiting += line.hear()
    return waiting


def _first_to_end(both: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """Wait for either of two child processes."""
    found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    assert found is not None
    ended = next(each for each in both if each.pid == found.si_pid)
    ended.wait()
    return ended
