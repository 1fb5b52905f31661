"""`init --from` takes any source: what other systems call, write and keep comes back as the invoices that it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.guess_values import column
from reconciler.domain.errors import AuthorMustFix
from tests.sources.rigs import REAL, RIGS
from tests.sources.rigs.table import Rig, Table, Type
from tests.support.csv_files import GERMAN, Style, render
from tests.support.looking import looked_at
from tests.support.receivables_elsewhere import EXPORTS, TRUTH, Export, what_to_type
from tests.support.typing_in import typed

pytestmark = pytest.mark.usefixtures("no_identity")

KINDS = [pytest.param(kind, marks=[pytest.mark.real] if kind in REAL else []) for kind in RIGS]
SYSTEMS = [
    pytest.param(name, marks=[pytest.mark.real] if export.kind in REAL else []) for name, export in EXPORTS.items()
]


@pytest.fixture
def put(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Puts an export into a source of its kind, and gives the words to type."""
    open_rigs: list[Any] = []

    def words(export: Export) -> list[str]:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        opened = RIGS[export.kind](folder)
        rig: Rig = opened.__enter__()
        open_rigs.append(opened)
        for name, value in rig.variables.items():
            monkeypatch.setenv(name, value)
        return what_to_type(rig.put("receivables", export.table(TRUTH)), folder)

    yield words
    for opened in open_rigs:
        opened.__exit__(None, None, None)


def kept_rows(folder: Path, columns: str) -> Sequence[tuple[Any, ...]]:
    """Rows of the one snapshot."""
    import duckdb

    with duckdb.connect(":memory:") as database:
        files = str(next((folder / ".reconciler/snapshots").glob("*/invoices")) / "*.parquet")
        rows = f"SELECT {columns} FROM read_parquet(?) ORDER BY invoice"  # noqa: S608
        return database.execute(rows, [files]).fetchall()


FIELDS = ("invoice", "customer", "invoice_date", "due_date", "settled_date", "amount", "currency", "legal_entity")


def true_rows(export: Export) -> list[tuple[Any, ...]]:
    """What an export's invoices are; Odoo's customers are numbers."""
    prefix = "K-" if "partner_id" in export.columns else ""
    rows = [[getattr(row, name) for name in FIELDS[:-1]] for row in TRUTH]
    return sorted((row[0], row[1].removeprefix(prefix), *row[2:], export.company) for row in rows)


@pytest.mark.parametrize("system", SYSTEMS)
def test_receivables_of_another_system_come_back_as_the_invoices_that_they_are(
    system: str, put: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    export = EXPORTS[system]
    assert typed("init", "mine", *put(export), "--yes") == 0, capsys.readouterr().err
    told = capsys.readouterr()
    assert "In doubt" not in told.err
    assert kept_rows(Path("mine"), ", ".join(FIELDS)) == true_rows(export)
    assert typed("-C", "mine", "validate") == 0
    assert typed("-C", "mine", "fmt", "--check") == 0
    capsys.readouterr()
    assert typed("-C", "mine", "plan", "-o", "json") == 0
    assert {"train", "deploy"} <= {each["action"] for each in json.loads(capsys.readouterr().out)["actions"]}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_source_of_any_kind_is_begun_with_is_valid_and_holds_no_password(
    kind: str, put: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = replace(EXPORTS["Dynamics 365 Finance's tables in Delta"], kind=kind)
    assert typed("init", "mine", *put(export), "--yes") == 0, capsys.readouterr().err
    assert len(kept_rows(Path("mine"), "invoice")) == len(TRUTH)
    assert typed("-C", "mine", "validate") == 0
    assert typed("-C", "mine", "fmt", "--check") == 0
    written = (tmp_path / "mine/environments/production.yaml").read_text()
    assert f"kind: {kind}" in written
    for name, value in os.environ.items():
        assert not name.startswith("RECONCILER_CREDENTIALS_") or value not in written


def test_a_look_is_at_an_even_sample_where_there_are_many_rows(tmp_path: Path) -> None:
    """What is known late lies at a table's end: the first rows would tell another story."""
    for kind in ("csv", "parquet", "delta", "sql"):
        folder = tmp_path / kind
        folder.mkdir()
        with RIGS[kind](folder) as rig:
            source = rig.put("numbers", Table({"n": "whole", "m": "text"}, [(n, "x") for n in range(10_000)]))
        words = what_to_type(source, folder)
        sample = looked_at(words[1], 1000, table=words[3] if len(words) > 3 else None)
        numbers = [int(text) for text in sample.columns[0]]
        assert (sample.rows, sample.header) == (10_000, ("n", "m")), kind
        assert 500 <= len(numbers) <= 1000, kind
        assert min(numbers) < 100 and max(numbers) > 9_900, kind  # a Delta table has no order


@pytest.mark.real
def test_a_large_table_of_postgresql_is_thinned_where_it_is(tmp_path: Path) -> None:
    with RIGS["postgresql"](tmp_path) as rig:
        source = rig.put("numbers", Table({"n": "whole", "m": "text"}, [(n, "x") for n in range(10_000)]))
        words = what_to_type(source, tmp_path)
        sample = looked_at(words[1], 1000, table=words[3], credentials="erp", variables=rig.variables)
    assert sample.rows == 10_000
    assert [int(text) for text in sample.columns[0]] == list(range(0, 10_000, 10))


@pytest.mark.real
def test_of_odata_the_first_rows_are_looked_at_and_all_are_counted(tmp_path: Path) -> None:
    with RIGS["odata"](tmp_path) as rig:
        source = rig.put("numbers", Table({"n": "whole", "m": "text"}, [(n, "x") for n in range(3_000)]))
        words = what_to_type(source, tmp_path)
        sample = looked_at(words[1], 500, table=words[3], credentials="erp", variables=rig.variables)
    assert sample.rows == 3_000
    assert 500 <= len(sample.columns[0]) < 3_000


def test_types_of_the_source_settle_how_values_are_written(tmp_path: Path) -> None:
    """1.234 of a number with three decimals is no thousand, whatever its neighbours are."""
    with RIGS["parquet"](tmp_path) as rig:
        columns: dict[str, Type] = {"Betrag": "number", "Datum": "date", "Text": "text", "Ja": "flag"}
        rows = [(Decimal("1.234"), date(2024, 1, 2), "1.234,50", True), (Decimal(7), None, "2,5", None)]
        rig.put("t", Table(columns, rows))
    sample = looked_at(tmp_path / "t.parquet")
    assert sample.natives == ("number", "date", None, "flag")
    assert sample.columns == (("1.234", "7"), ("2024-01-02", ""), ("1.234,50", "2,5"), ("true", ""))
    number = column("Betrag", sample.columns[0], "number").number
    assert number is not None and (number.decimal, number.undecided) == (".", False)


def test_moments_say_that_their_day_depends_on_the_time_zone(tmp_path: Path) -> None:
    with RIGS["parquet"](tmp_path) as rig:
        rows = [(datetime(2024, 1, 2, 23, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC))]
        rig.put("t", Table({"Closed": "moment", "Dated": "moment"}, rows))
    (doubt,) = looked_at(tmp_path / "t.parquet").doubts
    assert doubt.startswith("Closed holds moments") and "timeZone" in doubt


def test_a_folder_and_a_pattern_of_csv_files_are_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "months"
    folder.mkdir()
    style = Style(headers=GERMAN, delimiter=";", decimal=",", date_format="%d.%m.%Y", encoding="latin-1")
    (folder / "2024-01.csv").write_bytes(render(TRUTH[:300], style))
    (folder / "2024-02.csv").write_bytes(render(TRUTH[300:], replace(style, order=tuple(reversed(range(10))))))
    for what in ("months", "months/2024-*.csv"):
        target = f"begun-{len(what)}"
        assert typed("init", target, "--from", what, "--yes", "-q") == 0
        assert [row[0] for row in kept_rows(tmp_path / target, "invoice")] == sorted(i.invoice for i in TRUTH)
    (folder / "2024-03.csv").write_bytes(render(TRUTH[:5], Style()))
    with pytest.raises(AuthorMustFix, match="not written in one way"):
        looked_at(folder)


def test_a_path_that_leads_up_is_written_as_the_place_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "i.csv").write_bytes(render(TRUTH, Style()))
    assert typed("-C", "here", "init", "mine", "--from", "../i.csv", "--yes", "-q") == 0
    assert str(tmp_path / "i.csv") in (tmp_path / "here/mine/environments/production.yaml").read_text()


REFUSED = {
    "postgresql://reader:hunter2@db.example/erp": "holds a password or key",
    "mssql+pymssql://reader:hunter2@db.example/erp": "holds a password or key",
    "https://reader:hunter2@erp.example/data": "holds a password or key",
    "https://erp.example/data?token=hunter2": "holds a password or key",
    "postgresql://reader:p/hunter2@db.example/erp": "no such port",
    "postgresql://reader:1/hunter2@db.example/erp": "holds a password or key",
    "postgresql://db.example/erp": "names its host, its user and the database",
    "postgresql://reader@db.example/": "names its host, its user and the database",
    "postgresql://reader@db.example/erp?options=-csearch_path=x": "and nothing else",
    "postgresql://reader@db.example/erp?sslmode=prefer": "and nothing else",
    "https://erp.example/data?$filter=1": "its root, with nothing after it",
    "https://reader@erp.example/data": "needs a user (or client) and its credentials",
    "mssql+pymssql:///erp": "names no host",
    "sqlite:///nowhere.db": "no SQLite file nowhere.db",
    "sqlite://erp.db": "write three slashes before the file: --from sqlite:///FILE",
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_address_that_cannot_be_is_refused_and_no_password_is_shown(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("init", "mine", "--from", what, "--table", "t", "--yes") == 3
    told = capsys.readouterr()
    assert REFUSED[what] in told.err
    assert "hunter2" not in told.out + told.err
    assert not Path("mine").exists()


def test_what_goes_with_an_address_does_not_go_with_a_path_and_an_address_needs_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "i.csv").write_bytes(render(TRUTH, Style()))
    assert typed("init", "mine", "--from", "i.csv", "--table", "t") == 3
    assert typed("init", "mine", "--from", "postgresql://reader@db.example/erp") == 3
    assert "--table TABLE" in capsys.readouterr().err
    assert typed("init", "mine", "--example", "--table", "t") == 64


def test_what_lies_at_a_path_is_told_apart_by_what_is_in_it(tmp_path: Path) -> None:
    with RIGS["sql"](tmp_path) as rig:
        rig.put("t", Table({"n": "whole"}, [(1,)]))
    with pytest.raises(AuthorMustFix, match="is a SQLite database"):
        looked_at(tmp_path / "erp.db")
    with pytest.raises(AuthorMustFix, match=r"neither \*.csv nor \*.parquet"):
        looked_at(tmp_path)
    (tmp_path / "a.csv").write_text("n\n1\n")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(AuthorMustFix, match=r"holds \*.csv and \*.parquet"):
        looked_at(tmp_path)
    with pytest.raises(AuthorMustFix, match="is not Parquet"):
        looked_at(tmp_path / "a.parquet")


def test_an_empty_table_says_so(tmp_path: Path) -> None:
    with RIGS["parquet"](tmp_path) as rig:
        rig.put("t", Table({"n": "whole"}, []))
    with pytest.raises(AuthorMustFix, match="has no rows"):
        looked_at(tmp_path / "t.parquet")
