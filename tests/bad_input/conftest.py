"""A company in one repository, or with a remote; git sees nothing of whoever runs the tests."""

from __future__ import annotations

import copy
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.company import Company
from tests.support.repositories import Repo

os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """One repository whose sandbox has a snapshot; nothing is pinned."""
    return Company.found(tmp_path, "local")


@pytest.fixture
def remote(tmp_path: Path) -> Company:
    """The same with a remote, where every writing command runs in a clone of depth 1."""
    return Company.found(tmp_path, "remote")


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """What `serving` is a copy of; nobody else touches it."""
    return Company.found(tmp_path_factory.mktemp("pattern"), "local").in_production("1.0.0", "1.1.0")


@pytest.fixture
def serving(pattern: Company, tmp_path: Path) -> Company:
    """1.0.0 and then 1.1.0 were promoted; both serve 1.1.0. The data file is the pattern's: only read it."""
    shutil.copytree(pattern.folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    desk = Repo(tmp_path / "desk", copy.copy(pattern.desk.ticks))
    clock, trainer = copy.copy(pattern.clock), copy.deepcopy(pattern.trainer)
    return replace(
        pattern, folder=tmp_path, desk=desk, clock=clock, trainer=trainer, specs=copy.deepcopy(pattern.specs)
    )


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company that serves 1.0.0, for tests that only read."""
    return Company.found(tmp_path_factory.mktemp("standing"), "local").in_production("1.0.0")
