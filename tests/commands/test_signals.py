"""SIGTERM and SIGINT: a message, nothing left in the temporary folder, the lease given back; and what SIGKILL left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from reconciler.cli.signals import Signals, ending_cleanly
from reconciler.tools.files import passing_folder
from tests.support.company import Company
from tests.support.imports import ROOT

ROWS = 150_000


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company with so many invoices that a refresh takes seconds and tells how far it is."""
    company = Company.found(tmp_path_factory.mktemp("busy"), "local")
    lines = ["legal_entity,invoice,customer,invoice_date,due_date,settled_date,amount"]
    for number in range(ROWS):
        made = date(2025, 1, 1) + timedelta(days=number % 300)
        paid = made + timedelta(days=20 + number % 23) if number % 300 < 250 else ""
        lines.append(f"1,N{number},C{number % 97},{made},{made + timedelta(days=30)},{paid},{number % 991 + 1}")
    company.books("\n".join(lines) + "\n")
    return company


def started(folder: Path, temporary: Path, *argv: str, first: Path | None = None) -> subprocess.Popen[str]:
    """The command line as a process; modules in `first` are found before all others."""
    path = os.pathsep.join(str(each) for each in (first, ROOT) if each)
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *argv],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary), "RECONCILER_DATA_ALLOW": str(folder.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def refreshing(busy: Company, temporary: Path) -> subprocess.Popen[str]:
    """A refresh that has begun to read invoices into its temporary folder."""
    process = started(busy.desk.path, temporary, "data", "refresh", "sandbox")
    assert process.stderr is not None
    for line in process.stderr:
        if "rows" in line and list(temporary.glob("reconciler-data-*/*")):
            return process
    raise AssertionError(f"the refresh ended with {process.wait(timeout=60)} before it could be stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_refresh_that_is_told_to_stop_leaves_no_copy_and_no_lease(
    busy: Company, tmp_path: Path, number: signal.Signals
) -> None:
    process = refreshing(busy, tmp_path)
    process.send_signal(number)
    process.send_signal(number)  # whoever cancels a job says so more than once
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and "interrupted: nothing is half done" in told
    assert "Traceback" not in told and "should not happen" not in told
    assert not list(tmp_path.iterdir())
    leases = busy.run("lease", "list", "-o", "json").json["leases"]
    assert leases and not any(lease["held"] for lease in leases)


def test_an_interrupt_that_a_library_made_an_error_of_its_own_is_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), ending_cleanly():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None
    with pytest.raises(RuntimeError), ending_cleanly():
        raise RuntimeError("anything else")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_terminal_that_is_closed_ends_nothing_that_was_told_to_outlive_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending_cleanly(), Signals().installed() as signals:
            signal.raise_signal(signal.SIGHUP)
            assert not signals.requested()
            signal.raise_signal(signal.SIGTERM)
            assert signals.requested()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_refresh_takes_away_what_a_killed_one_left(busy: Company, company: Company, tmp_path: Path) -> None:
    process = refreshing(busy, tmp_path)
    process.kill()
    process.communicate(timeout=60)
    assert list(tmp_path.glob("reconciler-data-*/*"))
    assert started(company.desk.path, tmp_path, "data", "refresh", "sandbox").wait(timeout=60) == 0
    assert not list(tmp_path.glob("reconciler-*"))


def test_only_a_folder_that_was_locked_and_is_not_any_more_is_taken_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere/.locked").mkdir(parents=True)
    (tmp_path / "reconciler-data-never").mkdir()
    (tmp_path / "reconciler-data-dead/.locked").mkdir(parents=True)
    (tmp_path / "reconciler-data-link").symlink_to(tmp_path / "elsewhere")
    with passing_folder("data") as alive:
        (alive / "rows").touch()
        with passing_folder("scratch"):
            names = {path.name for path in tmp_path.iterdir()}
            assert (alive / "rows").exists() and "reconciler-data-dead" not in names
            assert {"elsewhere", "reconciler-data-never", "reconciler-data-link"} < names
    assert (tmp_path / "elsewhere/.locked").exists() and not alive.exists()


def test_init_that_is_told_to_stop_leaves_nothing_beside_its_folder(busy: Company, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    source = busy.folder / "data/invoices.csv"
    process = started(tmp_path, temporary, "init", "shop", "--from", str(source), "--yes")
    assert process.stderr is not None
    for _ in process.stderr:
        if list(tmp_path.glob(".shop.tmp-*")):
            break
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and "interrupted: nothing is half done" in told
    assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]


def test_init_takes_away_what_a_killed_one_of_the_same_name_left_and_nothing_else(
    busy: Company, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    theirs = tmp_path / ".shop.tmp-of-somebody/new"
    other = tmp_path / ".shops.tmp-1"
    for folder in (temporary, theirs, other):
        folder.mkdir(parents=True)
    argv = ["init", "shop", "--from", str(busy.folder / "data/invoices.csv"), "--yes"]
    process = started(tmp_path, temporary, *argv)
    assert process.stderr is not None
    for _ in process.stderr:
        if left := [path.parent for path in tmp_path.glob(".shop.tmp-*/.locked")]:
            break
    process.kill()
    process.communicate(timeout=60)
    assert left[0].is_dir() and not (tmp_path / "shop").exists()
    assert started(tmp_path, temporary, *argv).wait(timeout=60) == 0
    assert (tmp_path / "shop/.git").is_dir()
    assert not left[0].exists() and theirs.is_dir() and other.is_dir()
    assert not list(temporary.glob("reconciler-*"))


def test_a_ctrl_c_while_modules_are_imported_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    process = started(tmp_path, tmp_path, "status", first=tmp_path)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (1, "interrupted: nothing was begun\n")
