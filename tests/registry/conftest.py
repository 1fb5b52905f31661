"""Fixtures of a real registry: one for each test process, a repository for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.components import needs
from tests.support.registry import registry
from tests.support.registry_bench import Bench
from tests.support.registry_proxy import proxy

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """``127.0.0.1:PORT`` of a docker-registry, and the folder that it keeps its own in."""
    needs("docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    with registry(folder) as host:
        yield host, folder


@pytest.fixture
def bench(tmp_path: Path, running: tuple[str, Path]) -> Iterator[Bench]:
    host, data = running
    with proxy(int(host.rpartition(":")[2])) as before:
        yield Bench(tmp_path, data, before, f"team-{next(_NUMBERS)}/snapshots")
