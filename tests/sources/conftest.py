"""Fixtures of sources: the service that tests of OData read, and a folder of Delta tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.rigs.delta_rig import delta_rig
from tests.sources.rigs.table import Rig
from tests.support.odata import server
from tests.support.odata_bench import Bench, row
from tests.support.odata_faults import Proxy, proxy


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    running = server()
    running.reset()
    with proxy(running.port) as before:
        found = Bench(running, before, tmp_path)
        found.put([row(number) for number in range(10)])
        yield found


@pytest.fixture
def stranger(bench: Bench) -> Iterator[Proxy]:
    """Another host, which would give rows if it were asked."""
    with proxy(bench.running.port) as found:
        yield found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A folder of Delta tables, for the test files that do not say another source."""
    folder = tmp_path / "rig"
    folder.mkdir()
    with delta_rig(folder) as found:
        yield found
