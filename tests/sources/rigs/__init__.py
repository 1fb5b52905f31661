"""Where the contract suite puts tables: one rig for each kind.

A new kind of source is a file here and a line in RIGS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tests.sources.rigs.csv_rig import csv_rig
from tests.sources.rigs.delta_rig import delta_rig
from tests.sources.rigs.odata_rig import odata_rig
from tests.sources.rigs.parquet_rig import parquet_rig
from tests.sources.rigs.postgresql_rig import postgresql_rig
from tests.sources.rigs.sqlite_rig import sqlite_rig
from tests.sources.rigs.table import Rig

#: Kind → a rig in a folder of the test's own.
RIGS: Mapping[str, Callable[[Path], AbstractContextManager[Rig]]] = {
    "csv": csv_rig,
    "parquet": parquet_rig,
    "delta": delta_rig,
    "sql": sqlite_rig,
    "postgresql": postgresql_rig,
    "odata": odata_rig,
}
#: Those that need a server: what is installed for them is a real component.
REAL = frozenset({"postgresql", "odata"})
