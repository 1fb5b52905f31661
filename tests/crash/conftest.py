"""One company for each way to be killed; its life is lived once in each process that runs tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import killpoint
from tests.support.crash import Sweeper


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return killpoint.build(tmp_path_factory.mktemp("killpoint"))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Sweeper]:
    """In one repository, with a trainer without a box."""
    with Sweeper(tmp_path_factory.mktemp("local") / "sweeper", library) as sweeper:
        sweeper.prepare()
        yield sweeper


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Sweeper]:
    """With a bare remote and runners that clone main at depth 1; every other rerun is in another clone."""
    with Sweeper(tmp_path_factory.mktemp("remote") / "sweeper", library, remote=True) as sweeper:
        sweeper.prepare("promotion to a store of its own")
        yield sweeper


@pytest.fixture(scope="session")
def boxed(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Sweeper]:
    """In one repository, trained in the box."""
    with Sweeper(tmp_path_factory.mktemp("boxed") / "sweeper", library, real=True) as sweeper:
        sweeper.prepare("first apply")
        yield sweeper
