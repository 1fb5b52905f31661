"""The commands that there are, and those that this release does not have: a list that changes only on purpose."""

from __future__ import annotations

import importlib

import click
import pytest

from reconciler.__main__ import furnish, open_doorstep
from reconciler.cli.root import COMMANDS, make_root, run

THERE = {
    "init", "validate", "fmt", "features", "schema", "plan", "apply", "status", "diff", "history", "show", "promote",
    "rollback", "retrain", "lease", "judge", "verify", "drift", "data", "predict", "doctor", "completion",
}  # fmt: skip
BELOW = {"data": {"refresh", "show", "gc"}, "lease": {"list", "break"}}
ABSENT = ("hold", "evaluate", "suggest", "report", "serve", "trace", "audit", "bundle", "experiment", "pr")


def test_the_commands_are_these() -> None:
    assert set(COMMANDS) == THERE
    for name, (module, _) in COMMANDS.items():
        command = importlib.import_module(f"reconciler.cli.{module}").command
        below = set(command.commands) if isinstance(command, click.Group) else set()
        assert below == BELOW.get(name, set()), name


@pytest.mark.parametrize("name", ABSENT)
def test_a_command_that_is_not_there_is_told_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(make_root(furnish, open_doorstep), [name]) == 64
    assert f"There is no command '{name}'." in capsys.readouterr().err
