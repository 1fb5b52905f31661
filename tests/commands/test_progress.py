"""Long work shows how far it is: a bar with rows and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.inputs import EnvironmentData
from reconciler.tools import duck
from tests.sources.rigs import RIGS
from tests.sources.rigs.table import Table
from tests.support.csv_files import PLAIN, nothing, source_in

ROWS = 110_000
RECONCILER = str(Path(sys.executable).with_name("reconciler"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with many invoices as a CSV file."""
    folder = tmp_path_factory.mktemp("many")
    with duckdb.connect(":memory:") as database:
        database.execute(
            "COPY (SELECT 'R' || i AS invoice, 'K' || i % 500 AS customer, d AS invoice_date, d + 30 AS due_date, "  # noqa: S608
            "CASE WHEN i % 9 > 0 THEN d + (20 + i % 60)::INTEGER END AS settled_date, i % 900 + 0.5 AS amount "
            f"FROM (SELECT i, DATE '2023-01-01' + (i % 700)::INTEGER AS d FROM range({ROWS}) r(i))) "
            f"TO '{folder / 'invoices.csv'}' (HEADER)"
        )
    return folder


def test_a_refresh_of_many_rows_tells_each_of_its_steps_with_rows_and_how_many_there_are(many: Path) -> None:
    written = {"source": {"kind": "csv", "path": "invoices.csv"}, "mapping": dict(PLAIN)}
    data = EnvironmentData.model_validate({"invoices": written})
    told: list[tuple[str, int, int]] = []

    def tell(label: str, done: int, total: int) -> None:
        told.append((label, done, total))

    with source_in(many).extract(data, None, tell) as extract:
        FolderSnapshots(many / "snapshots").keep(extract, tell)
    labels = list(dict.fromkeys(label for label, _, _ in told))
    assert labels == [
        "reading invoices (kB)",
        "typing invoices (rows)",
        "checking (rows)",
        "sorting invoices (rows)",
        "writing invoices (rows)",
    ]
    assert all(0 <= done <= total for _, done, total in told)
    assert told[-1] == ("writing invoices (rows)", ROWS, ROWS)


def test_looking_at_many_rows_tells_how_far_it_is_with_them(many: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    store = FolderSnapshots(tmp_path / "snapshots", lambda *each: told.append(each))
    written = {"source": {"kind": "csv", "path": "invoices.csv"}, "mapping": dict(PLAIN)}
    digests = []
    for as_of in (date(2025, 1, 1), date(2025, 1, 2)):
        data = EnvironmentData.model_validate({"invoices": written})
        with source_in(many).extract(data, as_of, nothing) as extract:
            digests.append(store.keep(extract).digest)

    def steps(ask: Callable[[], object]) -> dict[str, tuple[int, int]]:
        """Label → what was told last."""
        told.clear()
        ask()
        assert all(0 <= done <= total for _, done, total in told)
        return {label: (done, total) for label, done, total in told}

    verified = steps(lambda: store.folder(digests[0]))
    assert list(verified) == ["sorting invoices (rows)", "verifying invoices (rows)"]
    assert verified["verifying invoices (rows)"] == (ROWS, ROWS)
    assert list(steps(lambda: store.profile(digests[0])))[2:] == ["profiling invoices (rows)"]
    assert list(steps(lambda: store.compare(*digests))) == ["comparing (rows)"]


@pytest.mark.parametrize("kind", ["parquet", "delta", "sql"])
def test_sources_of_other_kinds_tell_how_much_there_is_to_read(kind: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with RIGS[kind](tmp_path) as rig:
        source = rig.put("t", Table({name: "text" for name in PLAIN if name != "legal_entity"}, [
            ("R1", "K1", "2024-01-01", "2024-02-01", "2024-02-02", "1.5"),
        ]))  # fmt: skip
        data = EnvironmentData.model_validate({"invoices": {"source": source, "mapping": dict(PLAIN)}})
        with source_in(tmp_path).extract(data, None, lambda *each: told.append(each)):
            pass
    read = [each for each in told if each[0].startswith("reading")]
    assert read and all(done == total > 0 or kind == "parquet" for _, done, total in read[-1:])


def test_what_duckdb_does_at_once_is_told_while_it_does_it(tmp_path: Path) -> None:
    """Bounded by the statement; the thread that tells is gone with it, also where nobody listens any more."""
    told: list[int] = []
    before = threading.active_count()

    def listen(_label: str, done: int, _total: int) -> None:
        told.append(done)
        if len(told) > 2:
            raise BrokenPipeError

    with duck.connect(tmp_path) as database:
        with duck.told(database, listen, "working (rows)", 1_000_000):
            database.execute("SELECT max(md5(i::VARCHAR)) FROM range(9000000) r(i)").fetchall()
        with duck.told(database, listen, "working (rows)", 10):
            database.execute("SELECT 1").fetchall()
    assert len(told) >= 2
    assert all(0 <= done <= 1_000_000 for done in told)
    assert threading.active_count() == before


def begin(many: Path, folder: Path) -> None:
    argv = [RECONCILER, "init", "mine", "--from", str(many / "invoices.csv"), "--yes", "-q"]
    variables = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(argv, cwd=folder, env=variables, check=True, capture_output=True)


def test_on_a_terminal_there_is_a_bar_and_elsewhere_a_line_a_step_and_with_quiet_nothing(
    many: Path, tmp_path: Path
) -> None:
    begin(many, tmp_path)
    argv = [RECONCILER, "-C", str(tmp_path / "mine"), "data", "refresh", "sandbox"]
    plain = subprocess.run(argv, capture_output=True, text=True, check=True).stderr
    lines = re.findall(r"^  (\w+ invoices \(rows\)) ([\d,]+)/([\d,]+)$", plain, re.MULTILINE)
    assert {label for label, _, _ in lines} >= {"typing invoices (rows)", "writing invoices (rows)"}
    assert len(lines) == len({label for label, _, _ in lines})
    assert "\x1b" not in plain
    assert subprocess.run([*argv, "-q"], capture_output=True, text=True, check=True).stderr == ""
    for asked in (("data", "show"), ("verify",), ("data", "show", "--compare", "before")):
        looked = subprocess.run([*argv[:3], *asked], capture_output=True, text=True).stderr
        assert "  verifying invoices (rows) " in looked, (asked, looked)
    assert "profiling invoices (rows)" in on_a_terminal([*argv[:3], "data", "show"])
    shown = on_a_terminal(argv)
    assert re.search(r"typing invoices \(rows\).*━.*\d+/110000.*\d:\d\d:\d\d|-:--:--", shown)


def on_a_terminal(argv: list[str]) -> str:
    """What a command writes to stderr where that is a terminal."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160"}
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=theirs, env=variables)
    os.close(theirs)
    shown = b""
    while block := _read(ours):
        shown += block
    os.close(ours)
    assert process.wait(timeout=120) == 0
    return shown.decode(errors="replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""
