"""The `console` blocks of a document as a session: run them, compare what they print, or write it down anew.

A block holds lines `$ command` (continued while the quotes are open or the line ends in a backslash) and what the
command prints on stdout. Digests, commits and times differ from run to run, last digits of figures from machine to
machine: they are compared by shape.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SHAPES = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<commit>"),
    (re.compile(r"\b[0-9a-f]{7,10}\b(?=[ )]|$)"), "<commit>"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?"), "<time>"),
    (re.compile(r"\b\d+ days? old"), "<age> old"),
    (re.compile(r"network: [\w+-]+, files: [\w+-]+"), "<box>"),
    (re.compile(r"\b0\.\d{4,}\b|\b\d\.\de-\d\d\b"), "<number>"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True)
class Step:
    """One command and what the document says it prints."""

    command: str
    printed: str


def steps(text: str) -> list[Step]:
    """Every command of every console block, in order."""
    return [step for block in _BLOCK.findall(text) for step in _steps(block)]


def _steps(block: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        end = 1
        while end < len(lines) and (lines[end - 1].rstrip().endswith("\\") or "".join(lines[:end]).count("'") % 2):
            end += 1
        yield Step("".join(lines[:end]).rstrip("\n"), "".join(lines[end:]))


def shape(printed: str) -> str:
    """The text with what differs from run to run replaced."""
    for pattern, word in _SHAPES:
        printed = pattern.sub(word, printed)
    return "\n".join(line.rstrip() for line in printed.strip().splitlines())


class Shell:
    """Runs commands one after another in a folder; `cd` is followed. Only stdout is kept."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.folder = folder
        self._environment = {
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
        }
        git = {"user.name": "Ada", "user.email": "ada@example.com", "advice.detachedHead": "false"}
        for name, value in git.items():
            subprocess.run(["git", "config", "--global", name, value], env=self._environment, check=True)

    def run(self, command: str) -> str:
        """What it printed on stdout. Raises AssertionError where it cannot be started."""
        kept = f'{command}\nstatus=$?; pwd >"$HOME/.cwd"; exit $status'
        done = subprocess.run(
            ["bash", "-c", kept],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.folder = Path((Path(self._environment["HOME"]) / ".cwd").read_text().strip())
        return done.stdout


def rewritten(text: str, printed: dict[int, str]) -> str:
    """The document with what each step (by its number) printed in place of what stood there."""
    number = -1

    def block(match: re.Match[str]) -> str:
        nonlocal number
        lines = []
        for step in _steps(match[1]):
            number += 1
            lines.append(f"$ {step.command}\n{printed.get(number, step.printed)}")
        return "```console\n" + "".join(lines) + "```"

    return _BLOCK.sub(block, text)
