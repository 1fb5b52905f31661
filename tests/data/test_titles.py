"""Files with a title above their header, a total below their rows, or Windows's own letters."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import CsvSource
from tests.support.csv_files import GERMAN, PLAIN, Style, data_of, made_invoices, nothing, plain_csv, render, source_in
from tests.support.looking import looked_at
from tests.support.typing_in import typed

TRUTH = made_invoices(700, days=700)
ROWS = ("A1,K1,2024-01-05,2024-02-04,2024-02-01,10.50", "A2,K1,2024-01-06,2024-02-05,,20", "A3,K1,x,2024-02-05,,30")
GERMANS = Style(headers=GERMAN, delimiter=";", decimal=",", date_format="%d.%m.%Y", newline="\r\n")
TITLES = {
    "a report's title": ("Big Rock Landscaping\nA/R Aging Detail\n\n", 4, Style()),
    "a title that a spreadsheet wrote": ("Big Rock,,,,,,,,,\n,,,,,,,,,\n", 3, Style()),
    "a title with line breaks in it": ('"Big\nRock"\n', 3, Style()),
    "more cells than the table has": ("EXTF,700,21,OPOS,12,,,,,,,,,,EUR\n", 2, Style()),
    "DATEV's first line": ('"EXTF";700;21;"Buchungsstapel";13;20240130;;"RE"\r\n', 2, GERMANS),
    "Excel's separator": ("sep=;\r\n", 2, GERMANS),
    "a title with its own marks": ("Offene Posten, Stand, heute, Firma, Ort\r\n", 2, GERMANS),
}


@pytest.mark.parametrize("above", TITLES)
def test_the_header_below_a_title_is_found_and_said(tmp_path: Path, above: str) -> None:
    title, line, style = TITLES[above]
    (tmp_path / "i.csv").write_bytes(title.encode() + render(TRUTH, style))
    sample = looked_at(tmp_path / "i.csv")
    assert sample.header == tuple(style.headers.values())
    assert sample.rows == len(TRUTH)
    assert f"header on line {line} (the first line of 10 names" in sample.written
    assert isinstance(sample.source, CsvSource)
    assert (sample.source.header_line, sample.delimiter) == (line, style.delimiter)


def test_a_header_on_the_first_line_is_not_written_down(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_bytes(render(TRUTH, Style()))
    sample = looked_at(tmp_path / "i.csv")
    assert "header" not in sample.written
    assert "header_line" not in sample.source.model_dump(exclude_defaults=True)


def test_rows_below_a_line_that_is_no_header_are_not_taken_for_one(tmp_path: Path) -> None:
    _, *rows = render(TRUTH, Style()).decode().splitlines()
    (tmp_path / "i.csv").write_text("\n".join(["Big Rock", *rows]))
    with pytest.raises(AuthorMustFix, match="line 1 has 1 cell, and most others have 10 cells") as told:
        looked_at(tmp_path / "i.csv")
    assert "line 2 is the first with 10 cells" in told.value.next_step


@pytest.mark.usefixtures("no_identity")
def test_a_repository_is_begun_over_a_report_with_title_and_total(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    total = ",".join(["TOTAL", "", "", "", "", "1234.50", "", "", "", ""])
    text = f"Big Rock\nA/R Detail\n\n{render(TRUTH, Style()).decode()}\n{total}\nAccrual basis, today\n"
    (tmp_path / "i.csv").write_text(text)
    assert typed("init", "mine", "--from", str(tmp_path / "i.csv"), "--yes") == 0, capsys.readouterr().err
    assert "headerLine: 4" in Path("mine/environments/production.yaml").read_text()
    assert typed("-C", "mine", "validate") == 0
    assert typed("-C", "mine", "fmt", "--check") == 0
    capsys.readouterr()
    assert typed("-C", "mine", "data", "refresh", "sandbox") == 0
    told = capsys.readouterr().out
    assert re.search(rf"wrong number of columns +1 +line {len(TRUTH) + 7} +set aside", told)
    assert re.search(rf"missing \(customer\) +1 +line {len(TRUTH) + 6} +set aside", told)


@pytest.mark.parametrize(
    "above", ["Title\n\n", "\n\n", '"Title\nof two"\n', 'An "odd one\n"and another\n', "sep=,\nx\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_lines_of_findings_are_those_of_the_file(tmp_path: Path, above: str, encoding: str) -> None:
    """Also where the title fools the quick way, and where there is none."""
    (tmp_path / "i.csv").write_bytes((above + plain_csv(*ROWS)).encode(encoding))
    data = data_of("i.csv", PLAIN, encoding=encoding, headerLine=3, max_share=1)
    with source_in(tmp_path).extract(data, None, nothing) as extract:
        assert extract.rows == {"invoices": 2}
        assert [(row.cause, row.line) for row in extract.examples] == [("impossible date", 6)]


def test_a_file_below_a_title_is_read_at_once(tmp_path: Path) -> None:
    labels = set()
    (tmp_path / "i.csv").write_text("Title\n\n" + plain_csv(*ROWS[:2]))
    with source_in(tmp_path).extract(
        data_of("i.csv", PLAIN, headerLine=3), None, lambda label, *_: labels.add(label)
    ) as extract:
        assert extract.rows == {"invoices": 2}
    assert labels and not any("record by record" in label for label in labels)


def test_every_file_of_a_folder_has_its_header_on_the_same_line(tmp_path: Path) -> None:
    folder = tmp_path / "years"
    folder.mkdir()
    (folder / "1.csv").write_text("One\n" + plain_csv(*ROWS))
    (folder / "2.csv").write_text("Two\n" + plain_csv("B1,K1,2024-01-05,2024-02-04,x,10.50"))
    assert looked_at(folder).rows == 4
    with source_in(tmp_path).extract(data_of("years", PLAIN, headerLine=2, max_share=1), None, nothing) as extract:
        assert [(Path(row.file).name, row.line) for row in extract.examples] == [("1.csv", 5), ("2.csv", 3)]
    (folder / "2.csv").write_text("Two\nand more\n" + plain_csv(*ROWS))
    with pytest.raises(AuthorMustFix, match="not written in one way"):
        looked_at(folder)


@pytest.mark.parametrize(
    ("line", "message", "step"),
    [
        (1, "i.csv has no column", "`source.headerLine` says which line does"),
        (2, "i.csv:2: the line is blank, and should be the header", "set `source.headerLine`"),
        (4, "i.csv:4 has no column", "`source.headerLine` says which line does"),
        (9, "i.csv has 6 lines, and its header should be on line 9", "set `source.headerLine`"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, line: int, message: str, step: str) -> None:
    (tmp_path / "i.csv").write_text("Title\n\n" + plain_csv(*ROWS))
    with (
        pytest.raises(AuthorMustFix, match=re.escape(message)) as told,
        source_in(tmp_path).extract(data_of("i.csv", PLAIN, headerLine=line), None, nothing),
    ):
        pass
    assert step in told.value.next_step


def test_the_separator_that_excel_names_is_used(tmp_path: Path) -> None:
    """Also one that nobody would guess."""
    (tmp_path / "i.csv").write_text("sep=^\n" + plain_csv(*ROWS[:2]).replace(",", "^").replace("10.50", '"10,50"'))
    assert looked_at(tmp_path / "i.csv").delimiter == "^"
    mapping = {**PLAIN, "amount": {"column": "amount", "decimal": ","}}
    with source_in(tmp_path).extract(data_of("i.csv", mapping, headerLine=2), None, nothing) as extract:
        assert extract.rows == {"invoices": 2}


MONEY = plain_csv("A1,K1,2024-01-05,2024-02-04,,€ 10.50", "A2,“Müller – Söhne”,2024-01-05,2024-02-04,,€20")


def test_letters_of_windows_are_read_as_they_are(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "i.csv").write_bytes(MONEY.encode("cp1252"))
    mapping = {**PLAIN, "amount": {"column": "amount", "currencyMark": "€"}}
    with source_in(tmp_path).extract(data_of("i.csv", mapping, encoding="windows-1252"), None, nothing) as extract:
        table = str(extract.folder / "invoices.parquet")
        rows = duckdb.execute("SELECT customer, amount FROM read_parquet(?) ORDER BY amount", [table]).fetchall()
    assert rows == [("K1", Decimal("10.50")), ("“Müller – Söhne”", Decimal(20))]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (MONEY.encode("cp1252"), "windows-1252"),
        (MONEY.encode(), "utf-8"),
        (MONEY.replace("€", "").translate({8220: None, 8221: None, 8211: "-"}).encode("latin-1"), "latin-1"),
        (MONEY.encode("cp1252") + b"\x81", "latin-1"),
    ],
)
def test_the_encoding_is_told_by_the_bytes_that_only_it_has(tmp_path: Path, content: bytes, encoding: str) -> None:
    (tmp_path / "i.csv").write_bytes(content)
    assert f", {encoding}" in looked_at(tmp_path / "i.csv").written


def test_files_of_which_only_some_have_letters_of_windows_are_written_in_one_way(tmp_path: Path) -> None:
    for number, text in enumerate((plain_csv(*ROWS), MONEY, plain_csv(ROWS[0].replace("K1", "Jürgen")))):
        (tmp_path / f"{number}.csv").write_bytes(text.encode("cp1252"))
    assert looked_at(tmp_path).written == "commas, windows-1252, 3 files"


def test_a_byte_that_windows_has_no_letter_for_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_bytes(MONEY.encode("cp1252") + b"A3,\x81")
    with (
        pytest.raises(AuthorMustFix, match=r"i\.csv:4: the bytes are not windows-1252"),
        source_in(tmp_path).extract(data_of("i.csv", PLAIN, encoding="windows-1252"), None, nothing),
    ):
        pass
