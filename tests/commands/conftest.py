"""Commands that read, over a company that promoted 1.0.0, added 1.1.0 to its sandbox, and was not disturbed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.company import Company

os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Production serves 1.0.0, the sandbox 1.1.0. Tests that take it only read."""
    company = Company.found(tmp_path_factory.mktemp("shop"), "local")
    company.in_production("1.0.0")
    company.add("1.1.0")
    company.apply()
    return company


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company of the test's own, with a first snapshot and nothing pinned."""
    return Company.found(tmp_path, "local")
