"""Each story is told twice: in one local repository, and on a bare remote with runners that clone main at depth 1."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.company import Company

# git must not see the configuration of whoever runs the tests.
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"

Found = Callable[..., Company]


@pytest.fixture(params=["local", "remote"])
def found(request: pytest.FixtureRequest, tmp_path: Path) -> Found:
    """Founds a company, local or with a remote."""

    def make(**how: Any) -> Company:
        return Company.found(tmp_path, request.param, **how)

    return make


@pytest.fixture
def company(found: Found) -> Company:
    """A company with a sandbox and production; nothing is pinned."""
    return found()


@pytest.fixture
def remote(tmp_path: Path) -> Company:
    """A company with a remote alone."""
    return Company.found(tmp_path, "remote")


@pytest.fixture
def local(tmp_path: Path) -> Company:
    """A company in one repository."""
    return Company.found(tmp_path, "local")
