"""The program that lives through scenes and dies in them, once for each point. Started by `crash.Sweeper`.

Everything is imported once. Each run is a child forked from here, a process group of its own; the kill-point
library, loaded into this process, counts in the group that the shared file names and in no other. This process is
the reaper of everything below it, so that a run is over only when the last git process of it is gone.

Requests come as lines of JSON on stdin, answers go as lines of JSON to stdout.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support import crash_look as look
from tests.support.crash import IN_THE_BOX
from tests.support.crash_house import Company, TickingClock
from tests.support.crash_scenes import REPLACING, SCENES, chain, command

#: When a run that is killed starts, and how much later the next one: before the lease of the first has expired.
KILLED_AT = datetime(2026, 4, 1, tzinfo=UTC)
BETWEEN = timedelta(minutes=5)
_PATIENCE = 120
_SUBREAPER = 36


class Worker:
    """Sweeps the scenes of one company below `folder`."""

    def __init__(self, folder: Path, *, remote: bool, real: bool) -> None:
        self.company = Company(folder / "live", remote=remote, real=real)
        self.folder = folder
        self.counter = Path(os.environ["KILLPOINT_FILE"])
        self.log = Path(os.environ["KILLPOINT_LOG"])
        self.expected: dict[str, Any] = {}
        self.before: dict[str, dict[str, Any]] = {}

    # --- requests --------------------------------------------------------------------------------------

    def prepare(self, until: str) -> dict[str, Any]:
        """Live through the chain once, and keep a copy of the world at each scene up to `until`."""
        lived = self._child(lambda: self._live(until))
        if "error" not in lived and not self.company.real:
            self._warm()
        return lived

    def undisturbed(self, scene: str) -> dict[str, Any]:
        """Run a scene to its end: its points, and the state that every other run of it must reach."""
        self._set(scene)
        seen = self._child(lambda: self._run(scene, KILLED_AT), at=-1)
        points, log = self._points(), self.log.read_text(errors="replace").splitlines()
        if "error" in seen:
            return seen
        self.expected[scene] = self._child(lambda: self._after(scene))
        trained = len(self.company.trained())
        return {"points": points, "log": log, "trained": trained, **self.expected[scene]}

    def kill(self, scene: str, *deaths: int | str) -> dict[str, Any]:
        """Kill a scene's run, and as many reruns as there are more deaths; then run it to its end and say what is
        wrong. A death is a point by its number, a text that the point's line has, or `IN_THE_BOX`: a job in the box."""
        self._set(scene)
        wrong: list[str] = []
        points: list[str] = []
        if scene not in self.before:
            self.before[scene] = self._in_use(scene)
        for number, death in enumerate(deaths):
            start = KILLED_AT + number * BETWEEN
            wrong += self._twice(lambda start=start, death=death: self._killed(scene, start, death, points))
            self._age_locks()
            wrong += self._still(scene, self.before[scene])
        self.company.runner_name = "clone" if len(points[-1]) % 2 else "another-clone"
        again: dict[str, Any] = {}
        wrong += self._twice(lambda: again.update(self._child(lambda: self._again(scene, len(deaths)))) or [])
        wrong += [*again.get("wrong", []), *([again["error"]] if "error" in again else [])]
        if "state" in again:
            wrong += look.difference(self.expected[scene]["state"], again["state"])
        self.company.runner_name = "clone"
        return {"points": points, "trained": len(self.company.trained()), "wrong": wrong}

    def _in_use(self, scene: str) -> dict[str, Any]:
        """The snapshot in use, where the scene is one that puts another in its place."""
        if scene not in REPLACING:
            return {}

        def look_now() -> dict[str, Any]:
            with self.company.house(hashed=True) as house:
                return {"digest": look.in_use(house)}

        return self._child(look_now)

    def _still(self, scene: str, before: dict[str, Any]) -> list[str]:
        """After a kill: the old snapshot is the one in use unless the ledger has moved; then the new one is."""
        log = self.log.read_text(errors="replace").splitlines()[:-1]
        now = self._in_use(scene)
        moved = any(" rename " in line and line.endswith("refs/heads/ledger/sandbox") for line in log)
        if "error" in now or "error" in before:
            return [str(now.get("error", before.get("error")))]
        return [] if (now != before) == (moved and bool(before)) else [f"in use was {before}, then {now}"]

    def _killed(self, scene: str, start: datetime, death: int | str, points: list[str]) -> list[str]:
        killed = self._child(lambda: self._run(scene, start), at=death)
        points.append((self.log.read_text(errors="replace").splitlines() or ["nowhere"])[-1])
        return [] if killed.get("signal") == signal.SIGKILL else [f"it was not killed: {killed}"]

    def _twice(self, run: Callable[[], list[str]]) -> list[str]:
        """What a run says, and what it trained although it was stored."""
        stored, tried = self.company.stored(), len(self.company.trained())
        wrong = run()
        return wrong + [f"trained again: {mark}" for mark in self.company.trained()[tried:] if mark in stored]

    # --- runs, in children -----------------------------------------------------------------------------

    def _live(self, until: str) -> dict[str, Any]:
        for scene in chain(self.company):
            for repository in {self.company.truth.path, self.company.runner}:
                subprocess.run(["git", "-C", repository, "repack", "-adq"], check=True)  # fewer files to copy
            _copy(self.company.live, self._stage(scene))
            if scene == until:
                break
        return {}

    def _run(self, scene: str, at: datetime) -> dict[str, Any]:
        self.company.clock = TickingClock(at)
        done = command(self.company, scene)()
        failed = [each.reason for each in getattr(done, "done", ()) if each.outcome == "failed"]
        return {"wrong": [f"failed: {reason}" for reason in failed]}

    def _again(self, scene: str, deaths: int) -> dict[str, Any]:
        if self.company.remote and not self.company.runner.exists():
            self.company.clone()
        ran = self._run(scene, KILLED_AT + deaths * BETWEEN)
        return {**(after := self._after(scene)), "wrong": ran["wrong"] + after["wrong"]}

    def _after(self, scene: str) -> dict[str, Any]:
        """The state after a run; that a further one writes nothing, `verify` finds nothing, nothing is in the way."""
        applied = SCENES[scene] == "apply"
        with self.company.house(hashed=not applied, boxed=False) as house:
            state = look.state(house, self.company)
            wrong = look.findings(house)
            wrong += look.idle(house, self.company) if applied else []
            wrong += look.in_the_way(house, self.company)
        return {"state": state, "wrong": wrong}

    # --- inside ----------------------------------------------------------------------------------------

    def _stage(self, scene: str) -> Path:
        return self.folder / "stages" / scene.replace(" ", "-")

    def _set(self, scene: str) -> None:
        """Put the world of a scene in its place."""
        shutil.rmtree(self.company.live, ignore_errors=True)
        _copy(self._stage(scene), self.company.live)

    def _age_locks(self) -> None:
        """The next run comes some seconds later: a lock file half a second old is watched before it is removed."""
        for path in self.company.live.rglob("*.lock"):
            old = time.time() - 5
            os.utime(path, (old, old))

    def _warm(self) -> None:
        """Run once here, so that no child imports a module or builds a schema; nothing of it reads with DuckDB, whose
        threads a fork would lose."""
        self._set("first apply")
        self._run("first apply", KILLED_AT)
        self._after("first apply")
        gc.collect()
        gc.freeze()

    def _points(self) -> int:
        return int(struct.unpack("<q", self.counter.read_bytes()[:8])[0])

    def _child(self, work: Callable[[], dict[str, Any]], *, at: int | str = 0) -> dict[str, Any]:
        """Do work in a forked child and wait until all that it started is gone. `at`: -1 counts, 0 does neither."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        self.log.write_bytes(b"")
        pid = os.fork()
        if pid == 0:
            self._be_child(work, answer, at)
        if at == IN_THE_BOX:
            self._await_box(pid)
            os.killpg(pid, signal.SIGKILL)
        status = self._reap(pid)
        if os.WIFSIGNALED(status):
            return {"signal": os.WTERMSIG(status), "error": f"ended by signal {os.WTERMSIG(status)}"}
        found: dict[str, Any] = json.loads(answer.read_bytes())
        return found

    def _be_child(self, work: Callable[[], dict[str, Any]], answer: Path, at: int | str) -> None:
        code = 1
        try:
            os.setsid()
            with self.counter.open("r+b") as file:
                number, text = (max(at, 0), "") if isinstance(at, int) else (0, at if at != IN_THE_BOX else "")
                file.write(struct.pack("<qqq104s", 0, os.getpid() if at else -1, number, text.encode()))
            signal.alarm(_PATIENCE)
            tempfile.tempdir = str(self.company.live)
            try:
                found = work()
            except Exception as error:
                found = {"error": f"{error!r}: {getattr(error, 'next_step', '')}\n{traceback.format_exc()}"}
            answer.write_text(json.dumps(found))
            code = 0
        finally:
            os._exit(code)

    def _await_box(self, pid: int) -> None:
        """Until the training program runs for this company, or the child has ended."""
        mark = str(self.company.live).encode()
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            for process in Path("/proc").iterdir():  # a glob looks at each again, and fails at one that has ended
                with suppress(OSError):
                    words = (process / "cmdline").read_bytes().split(b"\0")
                    if b"reconciler.training" in words and b"python" in words[0] and mark in b" ".join(words):
                        return

    def _reap(self, pid: int) -> int:
        _, status = os.waitpid(pid, 0)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.wait()
        return status


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", source, place], check=True)


def main() -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    asked = json.loads(sys.argv[1])
    worker = Worker(Path(asked["folder"]), remote=asked["remote"], real=asked["real"])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answers.write(json.dumps(getattr(worker, name)(*arguments)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
