"""The README's walk is run as it stands: what it shows is what the commands print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.console import Shell, rewritten, shape, steps

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


@pytest.mark.real
def test_every_command_of_the_readme_prints_what_the_readme_shows(tmp_path: Path) -> None:
    text = README.read_text()
    shell = Shell(tmp_path, Path(sys.executable).parent)
    printed = {number: shell.run(step.command) for number, step in enumerate(steps(text))}
    if os.environ.get("UPDATE_README"):
        README.write_text(rewritten(text, printed))
        return
    for number, step in enumerate(steps(text)):
        assert shape(printed[number]) == shape(step.printed), f"$ {step.command}\n{printed[number]}"


def test_the_readme_shows_a_walk_from_the_first_manifest_to_the_first_rollback() -> None:
    commands = " ".join(step.command for step in steps(README.read_text()))
    for word in ("init", "plan", "apply", "promote", "predict", "rollback", "history"):
        assert f"reconciler {word}" in commands
