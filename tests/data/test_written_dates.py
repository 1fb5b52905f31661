"""Dates with a month's name, dates that are counted, and groups of figures as India writes them: found, and read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.core.guess_values import column
from reconciler.domain.inputs import EnvironmentData, MappedColumn
from reconciler.domain.problems import Unfit
from tests.sources.rigs import RIGS
from tests.sources.rigs.table import Table
from tests.support.csv_files import PLAIN, data_of, nothing, plain_csv, source_in
from tests.support.looking import looked_at

DAYS = [date(2024, month, day) for month in range(1, 13) for day in (1, 9, 28)]
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()  # noqa: SIM905
SHORT = "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.".split()  # noqa: SIM905


def _unix(day: date, factor: int) -> str:
    return str(int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) * factor)


WRITTEN: dict[str, tuple[Callable[[date], str], str]] = {
    "Jan 5, 2024": (lambda day: f"{day:%b} {day.day}, {day:%Y}", "%b %d, %Y"),
    "January 5, 2024": (lambda day: f"{day:%B} {day.day}, {day:%Y}", "%B %d, %Y"),
    "5 January 2024": (lambda day: f"{day.day} {day:%B %Y}", "%d %B %Y"),
    "05-JAN-24": (lambda day: f"{day:%d-%b-%y}".upper(), "%d-%b-%y"),
    "05.Jan.2024": (lambda day: f"{day:%d.%b.%Y}", "%d.%b.%Y"),
    "2024-Jan-05": (lambda day: f"{day:%Y-%b-%d}", "%Y-%b-%d"),
    "Jan 5, 2024 12:30:00": (lambda day: f"{day:%b} {day.day}, {day:%Y} 12:30:00", "%b %d, %Y %H:%M:%S"),
    "5. Januar 2024": (lambda day: f"{day.day}. {GERMAN[day.month - 1]} {day.year}", "%d. %B %Y"),
    "5. Jan. 2024": (lambda day: f"{day.day}. {SHORT[day.month - 1]} {day.year}", "%d. %b %Y"),
    "05-MRZ-24": (lambda day: f"{day:%d}-{GERMAN[day.month - 1][:3].replace('Mär', 'Mrz')}-{day:%y}", "%d-%b-%y"),
    "45296": (lambda day: str((day - date(1899, 12, 30)).days), "excel"),
    "45296.5": (lambda day: f"{(day - date(1899, 12, 30)).days}.5", "excel"),
    "1704456000": (lambda day: _unix(day, 1), "unix"),
    "1704456000000": (lambda day: _unix(day, 1000), "unix-ms"),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_way_to_write_dates_is_found_and_read(how: str, tmp_path: Path) -> None:
    write, form = WRITTEN[how]
    texts = [write(day) for day in DAYS]
    (reading,) = column("Invoice date", texts).dates
    assert reading.format == form
    assert column("Invoice date", texts).read_dates(reading) == DAYS
    lines = [f'A{n};K;"{text}";2025-01-30;;1' for n, text in enumerate(texts)]
    assert kept(tmp_path, lines, form) == DAYS


def kept(root: Path, lines: list[str], form: str) -> list[date]:
    """The invoice dates that a refresh reads, as the invoices follow each other."""
    import duckdb

    (root / "i.csv").write_text("\n".join([";".join([*PLAIN][1:]), *lines]))
    mapping = {**PLAIN, "invoice_date": {"column": "invoice_date", "dateFormat": form}}
    with source_in(root).extract(data_of("i.csv", mapping), None, nothing) as extract:
        asked = "SELECT invoice_date FROM read_parquet(?) ORDER BY CAST(substr(invoice, 2) AS INTEGER)"
        return [row[0] for row in duckdb.execute(asked, [str(extract.folder / "invoices.parquet")]).fetchall()]


@pytest.mark.parametrize("name", ["Invoice", "Amount", "Customer"])
def test_figures_are_days_only_where_the_column_is_called_so(name: str) -> None:
    assert column(name, [str(45_000 + n) for n in range(50)]).dates == ()
    assert column(name, [str(1_400_000_000 + n) for n in range(50)]).dates == ()


def test_figures_of_no_time_that_people_live_in_are_no_days() -> None:
    assert column("Invoice date", [str(n * 1000) for n in range(50)]).dates == ()


@pytest.mark.parametrize("word", ["open", "Open", "offen", "-", "not paid"])
def test_a_word_for_unpaid_in_a_column_of_dates_is_no_value(word: str) -> None:
    found = column("Paid on", ["2024-01-05", "2024-02-05", word, word, word])
    assert found.nulls == {word}
    assert [each.format for each in found.dates] == ["%Y-%m-%d"]


def test_a_word_for_unpaid_elsewhere_is_a_word() -> None:
    assert column("Status", ["open", "paid", "open"]).nulls == frozenset()


@pytest.mark.parametrize("form", ["dd.mm.yyyy", "excl", "iso"])
def test_what_is_no_date_format_is_refused_with_those_that_are(form: str) -> None:
    with pytest.raises(ValueError) as told:
        MappedColumn.model_validate({"column": "a", "dateFormat": form})
    cause = told.value.errors()[0]["ctx"]["error"]  # type: ignore[attr-defined]
    assert isinstance(cause, Unfit)
    assert "excel, unix, unix-ms" in str(vars(cause))


NUMBERS = {"1,23,456.00": "123456", "12,34,567.5": "1234567.5", "1,00,00,000": "10000000", "-1,23,456.75": "-123456.75"}


def test_groups_as_india_writes_them_are_read() -> None:
    found = column("Amount", list(NUMBERS))
    assert found.number is not None and (found.number.decimal, found.number.undecided) == (".", False)
    assert found.read_numbers(".") == [float(number) for number in NUMBERS.values()]
    assert column("Amount", ["1,2,345.00", "1,23,45.00"]).number is None


def test_a_refresh_reads_groups_as_india_writes_them_and_no_others(tmp_path: Path) -> None:
    import duckdb

    texts = [*list(NUMBERS)[:3], "1,2,345.00", "1,23,45.00"]
    rows = [f'A{n};K;2024-01-05;2024-02-05;;"{text}"' for n, text in enumerate(texts)]
    (tmp_path / "i.csv").write_text("\n".join([";".join([*PLAIN][1:]), *rows]))
    with source_in(tmp_path).extract(data_of("i.csv", PLAIN, max_share=1), None, nothing) as extract:
        asked = "SELECT amount FROM read_parquet(?) ORDER BY invoice"
        found = [row[0] for row in duckdb.execute(asked, [str(extract.folder / "invoices.parquet")]).fetchall()]
        assert found == [Decimal(number) for number in list(NUMBERS.values())[:3]]
        assert [(row.cause, row.line) for row in extract.examples] == [
            ("unparseable amount", 5),
            ("unparseable amount", 6),
        ]


@pytest.mark.parametrize(("kind", "form", "of"), [
    ("parquet", "%Y%m%d", lambda day: int(f"{day:%Y%m%d}")),
    ("sql", "excel", lambda day: (day - date(1899, 12, 30)).days),
    ("delta", "unix-ms", lambda day: int(_unix(day, 1000))),
])  # fmt: skip
def test_numbers_of_a_typed_source_may_be_dates(
    kind: str, form: str, of: Callable[[date], int], tmp_path: Path
) -> None:
    with RIGS[kind](tmp_path) as rig:
        rows = [(f"A{n}", "K", of(day), "2025-01-30", None, Decimal(1)) for n, day in enumerate(DAYS)]
        names = [*PLAIN][1:]
        source = rig.put(
            "t", Table(dict(zip(names, ("text", "text", "whole", "text", "text", "number"), strict=True)), rows)
        )
        mapping = {**PLAIN, "invoice_date": {"column": "invoice_date", "dateFormat": form}}
        data = EnvironmentData.model_validate({"invoices": {"source": source, "mapping": mapping}})
        with source_in(tmp_path).extract(data, None, nothing) as extract:
            assert extract.rows == {"invoices": len(DAYS)}
            assert extract.newest == DAYS[-1]
    if kind != "sql":
        sample = looked_at(tmp_path / source["path"])
        place = sample.header.index("invoice_date")
        (reading,) = column("invoice_date", sample.columns[place], sample.natives[place]).dates
        assert reading.format == form


OFFSETS = [
    "A1,K1,2024-01-05T23:30:00-0500,2024-02-04,,1",
    "A2,K1,2024-01-05T12:00:00+02:00,2024-02-04,,1",
    "A3,K1,2024-01-06T00:30:00+02:00,2024-02-04,,1",
    "A4,K1,2024-01-06T00:30:00Z,2024-02-04,,1",
]


def findings(root: Path, rows: list[str], **more: str) -> dict[str, tuple[int, int, str]]:
    (root / "i.csv").write_text(plain_csv(*rows))
    mapping = {**PLAIN, "invoice_date": {"column": "invoice_date", "dateFormat": "%Y-%m-%dT%H:%M:%S%z"}}
    written = {"source": {"kind": "csv", "path": "i.csv"}, "mapping": mapping, **more}
    data = EnvironmentData.model_validate({"invoices": written})
    with source_in(root).extract(data, None, nothing) as extract:
        return {each.what: (each.rows, each.line, each.next_step) for each in extract.findings}


def test_days_that_the_default_time_zone_moves_are_told(tmp_path: Path) -> None:
    rows, line, step = findings(tmp_path, OFFSETS)["on another day where it was written than in UTC"]
    assert (rows, line) == (2, 2)
    assert step.startswith("set timeZone")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo"])
def test_who_named_a_time_zone_is_not_asked_for_one(zone: str, tmp_path: Path) -> None:
    assert not any("another day" in what for what in findings(tmp_path, OFFSETS, timeZone=zone))


def test_offsets_that_move_no_day_are_not_told(tmp_path: Path) -> None:
    assert findings(tmp_path, OFFSETS[1:2] + OFFSETS[3:]) == {}
