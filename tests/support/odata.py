"""A real OData service on loopback: one for each test process, its tables put and dropped by the tests."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.components import leave_out

ROOT = Path(__file__).resolve().parents[2]
HOUSE = (ROOT / ".node").resolve()  # by another name Node.js would load each package twice
PASSWORD = "pw-of-the-odata-reader"
USER = "reader"


@dataclass(frozen=True)
class ODataServer:
    """The service's root is `url`."""

    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/data"

    def reset(self) -> None:
        """Forget all tables; the next one that is put starts anew."""
        self._tell({"op": "reset"})

    def put(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]], **given: Any) -> None:
        """Make or replace a table. `keys`: its key columns (else a number that is not asked for), `page`: rows a page,
        `protected`: ask for user and password."""
        cells = [[_cell(cell) for cell in row] for row in rows]
        self._tell({"op": "put", "name": name, "columns": dict(columns), "rows": cells, **given})

    def drop(self, name: str) -> None:
        self._tell({"op": "drop", "name": name})

    def _tell(self, command: Mapping[str, Any]) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer == {"ok": True}, answer


def _cell(cell: Any) -> Any:
    match cell:
        case datetime() | date():
            return cell.isoformat()
        case Decimal():
            return str(cell)
        case _:
            return cell


def node() -> str:
    """The Node.js that `scripts/setup --test` installs."""
    found = sorted((HOUSE / "node_modules").glob("node-linux-*/bin/node"))
    if not found or not (HOUSE / "node_modules/@sap/cds").is_dir():
        leave_out("not installed: @sap/cds (scripts/setup --test)")
    return str(found[0])


@cache
def server() -> ODataServer:
    """The one server of this test process; it ends when its input does, so also when this process is killed."""
    environment = {"PATH": os.environ["PATH"], "ODATA_PASSWORD": PASSWORD}
    argv = [node(), str(ROOT / "tests/sources/odata/server.js")]
    process = subprocess.Popen(
        argv, cwd=HOUSE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(_end, process)
    assert process.stdout
    return ODataServer(process, json.loads(process.stdout.readline())["port"])


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
