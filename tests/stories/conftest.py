"""Each story is told twice: in one local repository, and on a bare remote with runners that clone main at depth 1.

What many stories begin with is made once for a worker and copied. Its paths stand in commits, so every company of a
kind lives in the same folder, one test after the other.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.company import Company

# git must not see the configuration of whoever runs the tests.
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"

Found = Callable[..., Company]
Made = TypeVar("Made")


class Beginnings:
    """Makes beginnings once, and copies of them for every test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, object] = {}

    def __call__(self, name: str, make: Callable[[Path], Made]) -> Made:
        """What `make` makes of an empty folder, as if just made there."""
        place, kept = self._folder / name, self._folder / f"kept-{name}"
        shutil.rmtree(place, ignore_errors=True)
        if name not in self._made:
            place.mkdir()
            self._made[name] = make(place)
            place.rename(kept)
        shutil.copytree(kept, place, symlinks=True, ignore=shutil.ignore_patterns("runner-*"))
        made: Made = copy.deepcopy(self._made[name])  # type: ignore[assignment]
        return made


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory) -> Beginnings:
    return Beginnings(tmp_path_factory.mktemp("companies"))


@pytest.fixture(params=["local", "remote"])
def where(request: pytest.FixtureRequest) -> Any:
    """A repository alone, or one with a remote."""
    return request.param


@pytest.fixture
def found(where: Any, tmp_path: Path) -> Found:
    """Founds a company of its own kind."""

    def make(**how: Any) -> Company:
        return Company.found(tmp_path, where, **how)

    return make


@pytest.fixture
def company(where: Any, beginnings: Beginnings) -> Company:
    """A company with a sandbox and production; nothing is pinned."""
    return beginnings(where, lambda folder: Company.found(folder, where))


@pytest.fixture
def shop(where: Any, beginnings: Beginnings) -> Company:
    """A company that serves 1.0.0 in both environments."""
    return _serving(beginnings, where)


@pytest.fixture
def remote(beginnings: Beginnings) -> Company:
    """A company with a remote; nothing is pinned."""
    return beginnings("remote", lambda folder: Company.found(folder, "remote"))


@pytest.fixture
def local(beginnings: Beginnings) -> Company:
    """A company in one repository; nothing is pinned."""
    return beginnings("local", lambda folder: Company.found(folder, "local"))


@pytest.fixture
def remote_shop(beginnings: Beginnings) -> Company:
    """`shop`, with a remote."""
    return _serving(beginnings, "remote")


@pytest.fixture
def local_shop(beginnings: Beginnings) -> Company:
    """`shop`, in one repository."""
    return _serving(beginnings, "local")


def _serving(beginnings: Beginnings, where: Any) -> Company:
    return beginnings(f"{where}-serving", lambda folder: Company.found(folder, where).in_production("1.0.0"))
