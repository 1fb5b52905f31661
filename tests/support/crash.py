"""Kills a command at each of its points, one after another, and says what an ordinary rerun did not mend.

with Sweeper(folder, library) as sweeper:                 # a worker process, everything imported once
    sweeper.prepare()
    whole = sweeper.undisturbed("first apply")            # whole["points"], whole["log"]
    wrong = sweeper.sweep("first apply", chosen("first apply", whole["log"], every=5))
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

IN_THE_BOX = "while the box works"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Deaths:
    """A life: the points at which it was killed (`N call path`), how many trainings were ever begun, what is wrong."""

    points: tuple[str, ...]
    trained: int
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        return f"killed just before {', then '.join(self.points)}:\n  " + "\n  ".join(self.wrong)


class Sweeper:
    """The worker for one company below `folder`; ends with the context."""

    def __init__(self, folder: Path, library: Path, *, remote: bool = False, real: bool = False) -> None:
        folder.mkdir(parents=True)
        counter = folder / "counter"
        counter.write_bytes(bytes(8) + b"\xff" * 8 + bytes(112))
        names = {"LD_PRELOAD": library, "KILLPOINT_FILE": counter, "KILLPOINT_LOG": folder / "log", "KILLPOINT_DRY": 1}
        git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        own = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
        asked = json.dumps({"folder": str(folder), "remote": remote, "real": real})
        self._errors = (folder / "errors").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_worker", asked],
            cwd=ROOT,
            env={**own, **git, **{name: str(value) for name, value in names.items()}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._folder = folder
        self._whole: dict[str, dict[str, Any]] = {}

    def prepare(self, until: str = "") -> None:
        """Live through the chain of scenes, up to one of them."""
        self._ask("prepare", until)

    def undisturbed(self, scene: str) -> dict[str, Any]:
        """`points`, `log`, `trained` and `wrong` of a run that nobody kills."""
        if scene not in self._whole:
            self._whole[scene] = self._ask("undisturbed", scene)
        return self._whole[scene]

    def kill(self, scene: str, *deaths: int | str) -> Deaths:
        """Kill a run just before a point, and its reruns before more; then run it to its end. A point is told by its
        number or by a text of its line; `IN_THE_BOX` is no point but a moment while the training program runs."""
        self.undisturbed(scene)
        found = self._ask("kill", scene, *deaths)
        return Deaths(tuple(found["points"]), found["trained"], tuple(found["wrong"]))

    def sweep(self, scene: str, points: Iterable[int]) -> list[Deaths]:
        """The kills that left something wrong."""
        return [life for at in points if (life := self.kill(scene, at)).wrong]

    def _ask(self, *request: str | int) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the worker ended: {(self._folder / 'errors').read_text(errors='replace')[-3000:]}"
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._errors.close()


def chosen(scene: str, log: Sequence[str], *, every: int, names: bool = True) -> list[int]:
    """Points of a scene, by its log: a seeded sample of one in `every`, and with `names` each change of a name in a
    store or target. With CRASH_ALL set, or for `every` 1, all of them."""
    numbers = range(1, len(log) + 1)
    if every == 1 or os.environ.get("CRASH_ALL"):
        return list(numbers)
    sample = set(Random(scene).sample(numbers, len(log) // every))  # noqa: S311
    if names:
        sample |= {at for at in numbers if " renameat " in log[at - 1]}
    return sorted(sample)
