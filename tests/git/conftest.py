"""Fixtures of the git adapters: a workbench, and the houses that the contracts run against."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.adapters.git import Repository
from tests.support.repositories import Workbench


@pytest.fixture(autouse=True)
def only_what_a_test_configures(monkeypatch: pytest.MonkeyPatch) -> None:
    """git does not see the configuration of whoever runs the tests."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


class Opener:
    """Opens repositories as the adapters see them, and closes them when the test ends."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, path: Path) -> Repository:
        return self._stack.enter_context(Repository.discover(path))


@pytest.fixture
def opened() -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(stack)
