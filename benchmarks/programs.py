"""The command lines that are compared."""

from __future__ import annotations

import compileall
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import reconciler
from benchmarks.ratio import Program

YARDSTICKS = Path(__file__).parent / "yardsticks"


def ours(folder: Path, *arguments: str, before: Callable[[], None] = lambda: None) -> Program:
    """Our program as it is installed beside this interpreter, compiled as an installation compiles it."""
    _compile()
    return Program([str(Path(sys.executable).with_name("reconciler")), *arguments], folder, before)


def yardstick(name: str, folder: Path, *arguments: str) -> Program:
    """A yardstick in Python, by the same interpreter."""
    return Program([sys.executable, str(YARDSTICKS / f"{name}.py"), *arguments], folder)


@cache
def _compile() -> None:
    for folder in reconciler.__path__:
        compileall.compile_dir(folder, quiet=1)
