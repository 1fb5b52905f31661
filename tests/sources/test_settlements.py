"""Settlements through the sources: the same answers from a file and a database, by every way to name an invoice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.adapters.sources import Access, Allowed, Sources, secrets_of
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import EnvironmentData
from reconciler.ports import Extract, Finding
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import load, to_day
from tests.sources.rigs.csv_rig import csv_rig
from tests.sources.rigs.delta_rig import delta_rig
from tests.sources.rigs.postgresql_rig import postgresql_rig
from tests.sources.rigs.table import Rig, Table
from tests.support.csv_files import nothing, rows_of

INVOICES = Table(
    {"Entity": "text", "Invoice": "text", "Account": "text", "Dated": "date", "Due": "date", "Amount": "number"},
    [
        ("usmf", "F-1", "K1", date(2024, 1, 5), date(2024, 2, 4), Decimal("100.00")),
        ("usmf", "F-2", "K1", date(2024, 1, 6), date(2024, 2, 5), Decimal("50.00")),
        ("usmf", "F-3", "K2", date(2024, 1, 7), date(2024, 2, 6), Decimal("80.00")),
        ("demf", "F-1", "K1", date(2024, 1, 8), date(2024, 2, 7), Decimal("10.00")),
        ("demf", "F-4", "K9", date(2024, 1, 9), date(2024, 2, 8), Decimal("-10.00")),
    ],
)
SETTLEMENTS = Table(
    {"Entity": "text", "Invoice": "text", "Sum": "number", "Type": "text", "Paid": "date", "Booked": "moment"},
    [
        ("usmf", "F-1", Decimal("60.00"), "Zahlung", date(2024, 2, 1), datetime(2024, 2, 1, 12, tzinfo=UTC)),
        ("usmf", "F-1", Decimal("38.00"), "Zahlung", date(2024, 3, 1), datetime(2024, 3, 4, 12, tzinfo=UTC)),
        ("usmf", "F-1", Decimal("2.00"), "Skonto", date(2024, 3, 1), datetime(2024, 3, 4, 12, tzinfo=UTC)),
        ("usmf", "F-2", Decimal("25.00"), "Zahlung", date(2024, 2, 9), datetime(2024, 2, 9, 12, tzinfo=UTC)),
        ("usmf", "F-2", Decimal("25.00"), "Zahlung", date(2024, 2, 9), datetime(2024, 2, 9, 12, tzinfo=UTC)),
        ("usmf", "F-3", Decimal("80.00"), "Ausbuchung", date(2024, 6, 1), datetime(2024, 6, 1, 12, tzinfo=UTC)),
        ("usmf", "F-8", Decimal("1.00"), "Zahlung", date(2024, 2, 2), datetime(2024, 2, 2, 12, tzinfo=UTC)),
    ],
)
WORDS = {"Zahlung": "payment", "Skonto": "discount", "Ausbuchung": "write-off", "Storno": "reversal"}
OF_INVOICES: Mapping[str, Any] = {
    "legal_entity": "Entity",
    "invoice": "Invoice",
    "customer": "Account",
    "invoice_date": "Dated",
    "due_date": "Due",
    "amount": "Amount",
}
OF_SETTLEMENTS: Mapping[str, Any] = {
    "legal_entity": "Entity",
    "invoice": "Invoice",
    "amount": "Sum",
    "kind": {"column": "Type", "values": WORDS},
    "paid_on": "Paid",
    "recorded_on": {"column": "Booked", "dateFormat": "%Y-%m-%dT%H:%M:%S%z"},
}
RIGS = {"csv": csv_rig, "delta": delta_rig, "postgresql": postgresql_rig}


@pytest.fixture(params=["csv", "delta", pytest.param("postgresql", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Two kinds of files and a real server."""
    folder = tmp_path / "rig"
    folder.mkdir()
    with RIGS[request.param](folder) as found:
        yield found


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Rig]:
    """CSV files."""
    folder = tmp_path / "plain"
    folder.mkdir()
    with csv_rig(folder) as found:
        yield found


@contextmanager
def reading(
    rig: Rig, as_of: date | None = None, *, invoices: Table = INVOICES, settlements: Table = SETTLEMENTS, **more: Any
) -> Iterator[Extract]:
    """Both tables read; keywords are further keys of the settlements, `of_invoices` of the invoices' mapping and
    `of_settlements` of theirs."""
    mapping, of_settlements = {**OF_INVOICES, **more.pop("of_invoices", {})}, more.pop("of_settlements", {})
    data = {
        "badRows": {"maxShare": 1},
        "invoices": {"source": rig.put("invoices", invoices), "mapping": mapping},
        "settlements": {
            "source": rig.put("settlements", settlements),
            "mapping": {**OF_SETTLEMENTS, **of_settlements},
            **more,
        },
    }
    access = Access(rig.root, Allowed((rig.root,), rig.hosts), secrets_of(rig.variables))
    source = Sources(access, SPEC, today=lambda: date(2030, 1, 1))
    with source.extract(EnvironmentData.model_validate(data), as_of, nothing) as extract:
        yield extract


def closed(extract: Extract) -> dict[tuple[str, str], tuple[date | None, date | None]]:
    rows = rows_of(extract, columns="legal_entity, invoice, settled_date, known_date")
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def told(extract: Extract) -> dict[str, tuple[int, int, str]]:
    """What was found → how many rows, the line of one, and what was done."""
    return {f"{each.table}: {each.what}": (each.rows, each.line, each.did) for each in extract.findings}


def test_invoices_are_closed_by_their_settlements_whatever_these_are_read_from(rig: Rig) -> None:
    with reading(rig) as extract:
        assert closed(extract) == {
            ("demf", "F-1"): (None, None),
            ("usmf", "F-1"): (date(2024, 3, 1), date(2024, 3, 4)),
            ("usmf", "F-2"): (date(2024, 2, 9), date(2024, 2, 9)),
        }
        assert extract.excluded == {"negative-amount": 1, "written-off": 1}
        assert extract.rows == {"invoices": 3, "settlements": 5, "episodes": 1}
        assert extract.data_date == date(2024, 3, 4)


def test_the_same_settlements_have_the_same_digest_as_from_csv(rig: Rig, plain: Rig, tmp_path: Path) -> None:
    digests = []
    for each in (rig, plain):
        with reading(each) as extract:
            digests.append(FolderSnapshots(tmp_path / "snapshots").keep(extract).digest)
    assert digests[0] == digests[1]


def test_amounts_that_are_negative_where_they_lower_a_debt_are_turned(rig: Rig) -> None:
    turned = Table(SETTLEMENTS.columns, [(*row[:2], -row[2], *row[3:]) for row in SETTLEMENTS.rows])
    columns = "invoice, amount, paid_on"
    with reading(rig) as extract:
        expected = rows_of(extract, table="settlements", columns=columns)
    with reading(rig, settlements=turned, of_settlements={"amount": {"column": "Sum", "negate": True}}) as extract:
        assert rows_of(extract, table="settlements", columns=columns) == expected


def test_a_copy_in_which_no_settlement_is_of_any_invoice_is_refused_with_both_names(rig: Rig) -> None:
    strange = Table(SETTLEMENTS.columns, [(row[0], f"0{row[1]}", *row[2:]) for row in SETTLEMENTS.rows])
    with pytest.raises(AuthorMustFix) as refused, reading(rig, settlements=strange):
        pass
    said = refused.value
    assert "settlements" in said.message.partition(":")[0] and "invoices" in said.message.rpartition("of an invoice")[2]
    assert "not one of 7 settlements" in said.message and "leading zeros" in said.next_step


def test_a_day_before_any_settlement_was_known_refuses_none(plain: Rig) -> None:
    with reading(plain, date(2024, 1, 31)) as extract:
        assert extract.rows["settlements"] == 0 and extract.matched == (0, 0)


def test_taken_back_to_a_date_later_settlements_are_not_there(plain: Rig) -> None:
    with reading(plain, date(2024, 3, 3)) as extract:
        assert closed(extract)["usmf", "F-1"] == (None, None), "the rest was paid, and recorded on the 4th"
        assert closed(extract)["usmf", "F-3"] == (None, None), "written off later: open, and in the copy"
        assert extract.rows["settlements"] == 3
    with reading(plain, date(2024, 3, 4)) as extract:
        assert closed(extract)["usmf", "F-1"] == (date(2024, 3, 1), date(2024, 3, 4))


def test_a_copy_holds_the_settlements_by_month_and_training_knows_when_they_were_known(
    plain: Rig, tmp_path: Path
) -> None:  # fmt: skip
    store = FolderSnapshots(tmp_path / "snapshots")
    with reading(plain) as extract:
        manifest = store.keep(extract)
    assert [part.name for part in manifest.tables["settlements"].parts] == ["2024-02", "2024-03"]
    assert {column.known_at for column in manifest.tables["settlements"].columns} == {"later"}
    assert store.newest(manifest.digest) == date(2024, 3, 4)
    tables = load(store.folder(manifest.digest))
    row = list(tables.texts("invoice")).index("F-1", 1)
    assert tables.days("settled_date")[row] == to_day(date(2024, 3, 1))
    assert tables.days("known_date")[row] == to_day(date(2024, 3, 4))


def test_equal_settlements_both_count_and_are_told(plain: Rig) -> None:
    with reading(plain) as extract:
        assert told(extract)["settlements: the same as a row before it, and counted again"] == (1, 6, "kept")


def test_what_is_odd_is_told_with_a_line_and_what_was_done(plain: Rig) -> None:
    with reading(plain) as extract:
        assert told(extract) == {
            "invoices: written off": (1, 4, "left out"),
            "invoices: a negative amount: a credit note": (1, 6, "left out"),
            "settlements: write-offs": (1, 7, "kept"),
            "settlements: the same as a row before it, and counted again": (1, 6, "kept"),
            "settlements: of an invoice that is not there": (1, 8, "left out"),
            "invoices: paid in parts": (2, 2, "kept"),
        }
        assert all(isinstance(each, Finding) and "F-" not in repr(each) for each in extract.findings)


def _with(*rows: Sequence[Any]) -> Table:
    return Table(SETTLEMENTS.columns, [tuple(row) for row in rows])


NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)


def test_a_settlement_that_cannot_be_one_is_set_aside(plain: Rig) -> None:
    rows = _with(
        ("usmf", "F-1", Decimal(1), "Gutschein", date(2024, 2, 1), NOON),
        ("usmf", None, Decimal(1), "Zahlung", date(2024, 2, 1), NOON),
        ("usmf", "F-1", Decimal(1), "Zahlung", None, NOON),
        ("usmf", "F-1", Decimal(1), "Zahlung", date(2031, 2, 1), NOON),
    )
    with reading(plain, settlements=rows) as extract:
        assert extract.set_aside == {
            "settlements: not a kind of settlement (kind)": 1,
            "settlements: missing (invoice)": 1,
            "settlements: missing (paid_on)": 1,
            "settlements: in the future (paid_on)": 1,
        }
        assert told(extract)["settlements: not a kind of settlement"] == (1, 2, "set aside")


def test_reversals_and_what_is_paid_too_early_or_too_much_is_told(plain: Rig) -> None:
    rows = _with(
        ("usmf", "F-1", Decimal(100), "Zahlung", date(2024, 1, 1), NOON),
        ("usmf", "F-2", Decimal(50), "Zahlung", date(2024, 2, 1), NOON),
        ("usmf", "F-2", Decimal(50), "Storno", date(2024, 2, 9), NOON),
        ("usmf", "F-2", Decimal(50), "Zahlung", date(2024, 2, 19), NOON),
        ("usmf", "F-3", Decimal(90), "Zahlung", date(2024, 2, 1), NOON),
        ("usmf", "F-3", Decimal(-5), "Zahlung", date(2024, 2, 2), NOON),
    )
    with reading(plain, settlements=rows) as extract:
        found = told(extract)
    assert found["invoices: settled before the invoice date: neither trained on nor judged"] == (1, 2, "kept")
    assert found["invoices: settled, and opened again by a reversal"] == (1, 3, "kept")
    assert found["invoices: settled for more than its amount"] == (1, 4, "kept")
    assert found["settlements: reversals"] == (1, 4, "kept")
    assert found["settlements: a negative amount, counted as taken back"] == (1, 7, "kept")


def test_a_time_zone_that_moves_days_is_told(plain: Rig) -> None:
    late = datetime(2024, 2, 1, 23, 30, tzinfo=UTC)
    rows = _with(("usmf", "F-1", Decimal(100), "Zahlung", date(2024, 2, 1), late))
    with reading(plain, settlements=rows, timeZone="Europe/Oslo") as extract:
        assert told(extract)["settlements: on another day in Europe/Oslo than in UTC"] == (1, 2, "kept")
    with reading(plain, settlements=rows) as extract:
        assert not any("another day" in what for what in told(extract))


def test_settlements_and_a_settled_date_are_two_truths_and_refused(plain: Rig) -> None:
    with pytest.raises(AuthorMustFix, match="the settlements say when invoices were settled"):  # noqa: SIM117
        with reading(plain, of_invoices={"settled_date": "Due"}):
            pass


def test_settlements_of_invoices_with_instalments_say_of_which_they_are(plain: Rig) -> None:
    with pytest.raises(AuthorMustFix, match="do not say of which one they are"):  # noqa: SIM117
        with reading(plain, of_invoices={"instalment": {"constant": "1"}}):
            pass
