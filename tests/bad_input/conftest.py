"""A company in one repository, or with a remote; git sees nothing of whoever runs the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.company import Company

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


@pytest.fixture
def serving(company: Company) -> Company:
    """1.0.0 and then 1.1.0 were promoted; both environments serve 1.1.0."""
    return company.in_production("1.0.0", "1.1.0")


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company that serves 1.0.0, for tests that only read."""
    return Company.found(tmp_path_factory.mktemp("standing"), "local").in_production("1.0.0")
