"""Data files that are none, and sources that may not be read. Nothing is recorded, and nothing of a row is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.support.bad_input import process, refused, untouched
from tests.support.company import Company
from tests.support.receivables_yaml import invoices

Spoil = Callable[[Path], object]


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def latin(path: Path) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[19] = lines[19].replace(b",C", b",C\xe9")
    path.write_bytes(b"\n".join(lines))


def one_line(path: Path) -> None:
    """100 MB without a line break; the file has a hole, so the disk need not hold them."""
    with path.open("wb") as file:
        file.truncate(100_000_000)


def header_alone(path: Path) -> None:
    path.write_text(path.read_text().split("\n")[0] + "\n")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILT: dict[str, tuple[Spoil, str, str]] = {
    "empty": (lambda path: path.write_bytes(b""), "invoices.csv is empty", "export the rows again"),
    "a folder": (
        folder,
        "invoices.csv is a folder without a file called *.csv",
        "how the files in that folder are called",
    ),
    "gone": (Path.unlink, "invoices.csv is not there", "source.path"),
    "a header alone": (header_alone, "there is not one good invoice", "check the source"),
    "latin-1": (latin, "invoices.csv:20: the bytes are not utf-8", "source.encoding"),
    "utf-16": (lambda path: path.write_text(path.read_text(), "utf-16"), "begins as utf-16", "source.encoding"),
    "one line of 100 MB": (one_line, "invoices.csv:1: the line is longer than 1 MiB", "one record a line"),
    "a pipe": (fifo, "invoices.csv is not a regular file", "export the data"),
}


def test_a_data_file_that_is_none_is_refused_and_nothing_is_recorded(company: Company) -> None:
    path = company.folder / "data/invoices.csv"
    for spoil, what, step in SPOILT.values():
        spoil(path)
        with untouched(company):
            refused(company.run("data", "refresh", "sandbox", code=3), what, step)
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        company.sales(date(2026, 2, 28), count=70)
    company.run("data", "refresh", "sandbox")


@pytest.mark.parametrize("how", ["a folder", "gone", "one line of 100 MB"])
def test_init_from_a_file_that_is_none_leaves_nothing(tmp_path: Path, how: str) -> None:
    file = tmp_path / "invoices.csv"
    file.write_text(invoices(date(2026, 2, 28), 10))
    SPOILT[how][0](file)
    done = process(tmp_path, "init", "shop", "--from", str(file), "--yes")
    assert done.returncode == 3
    assert "next:" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "shop").exists()


SOURCES = {
    "/etc/passwd": "outside the folders that this runner allows",
    "/proc/self/environ": "outside the folders that this runner allows",
    ".git/config": "outside the folders that this runner allows",
    "../../../etc/passwd": "leads out of its folder with '..'",
    "https://example.com/invoices.csv": "a URL is not a data source",
    "file:///etc/passwd": "a URL is not a data source",
    "s3://bucket/invoices.csv": "a URL is not a data source",
}


def test_a_source_that_may_not_be_read_is_refused_on_the_first_refresh(company: Company) -> None:
    data = company.specs["production"]["data"]
    for source, what in SOURCES.items():
        data["invoices"]["source"]["path"] = source
        company.merge(company.rules("production", data=data))
        with untouched(company):
            told = refused(company.run("data", "refresh", "sandbox", code=3), what, "next:")
        assert "root:" not in told.err + told.out


def test_a_link_to_a_file_that_may_not_be_read_is_refused(company: Company) -> None:
    path = company.folder / "data/invoices.csv"
    path.unlink()
    path.symlink_to("/etc/passwd")
    with untouched(company):
        refused(company.run("data", "refresh", "sandbox", code=3), "outside the folders that this runner allows")


def test_a_file_given_to_init_that_is_a_url_is_refused(standing: Company) -> None:
    done = process(standing.folder, "init", "shop", "--from", "https://example.com/x.csv", "--yes")
    assert (done.returncode, "a URL of a file cannot be read" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("day", "what"), [("2999-01-01", "lies in the future"), ("1900-01-01", "not one good invoice")]
)
def test_an_as_of_that_cannot_be_meant_is_refused(standing: Company, day: str, what: str) -> None:
    with untouched(standing):
        refused(standing.run("data", "refresh", "sandbox", "--as-of", day, code=3), what, day)


def test_an_as_of_that_is_no_day_is_not_understood(standing: Company) -> None:
    refused(standing.run("data", "refresh", "sandbox", "--as-of", "2025-02-30", code=64), "2025-02-30")


def test_predictions_for_a_day_to_come_are_refused(standing: Company) -> None:
    told = standing.run("predict", "-e", "production", "--as-of", "2999-01-01", code=3)
    refused(told, "lies in the future", "check the year")


def test_an_environment_that_is_no_copy_is_not_refreshed(standing: Company) -> None:
    with untouched(standing):
        told = standing.run("data", "refresh", "production", code=3)
        refused(told, "production is no copy", "refresh the one that trains, of: sandbox")


def test_a_name_that_no_folder_can_have_is_refused_by_init(tmp_path: Path) -> None:
    done = process(tmp_path, "init", "x" * 300, "--example")
    assert (done.returncode, "File name too long" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
