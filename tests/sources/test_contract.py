"""What every kind of source promises: the same table gives the same rows, and the same faults the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.adapters.sources import Access, Allowed, Sources, secrets_of
from reconciler.domain.errors import AuthorMustFix, ReconcilerError
from reconciler.domain.inputs import EnvironmentData, Input
from reconciler.domain.written import in_words
from reconciler.ports import Extract, Progress
from reconciler.tasks.customer_payment.spec import SPEC
from tests.sources.rigs import REAL, RIGS
from tests.sources.rigs.csv_rig import csv_rig
from tests.sources.rigs.table import Cell, Rig, Table
from tests.support.csv_files import nothing, rows_of

FEBRUARY, MARCH = datetime(2024, 2, 1, 9, tzinfo=UTC), datetime(2024, 3, 1, 9, tzinfo=UTC)
INVOICES = Table(
    {
        "DataAreaId": "text",
        "Invoice": "text",
        "Account": "text",
        "Dated": "date",
        "Due": "date",
        "Closed": "moment",
        "Amount": "number",
        "Disputed": "flag",
        "RecId": "whole",
    },
    [
        ("usmf", "F-1", "K1", date(2024, 1, 5), date(2024, 2, 4), FEBRUARY, Decimal("10.50"), False, 1),
        ("usmf", "F-2", "K2", date(2024, 1, 6), date(2024, 2, 5), None, Decimal("0.1"), True, 2),
        ("demf", "F-1", "K1", date(2024, 1, 7), date(2024, 2, 6), MARCH, Decimal("0.3"), None, 3),
    ],
)  # fmt: skip
CUSTOMERS = Table(
    {"DataAreaId": "text", "Account": "text", "Country": "text"},
    [("usmf", "K1", "NO"), ("usmf", "K2", None), ("demf", "K1", "DE")],
)
MAPPING: Mapping[str, Any] = {
    "legal_entity": "DataAreaId",
    "invoice": "Invoice",
    "customer": "Account",
    "invoice_date": "Dated",
    "due_date": "Due",
    "settled_date": {"column": "Closed", "dateFormat": "%Y-%m-%dT%H:%M:%S%z"},
    "amount": "Amount",
    "disputed": "Disputed",
}
#: With the amounts where negative ones are nothing odd.
OPEN: Mapping[str, Any] = {**MAPPING, "amount": {"constant": "1"}, "open_amount": "Amount"}
CUSTOMER_MAPPING: Mapping[str, Any] = {"legal_entity": "DataAreaId", "customer": "Account", "country": "Country"}


@pytest.fixture(
    params=[pytest.param(kind, marks=[pytest.mark.real] if kind in REAL else []) for kind in RIGS],
)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A rig of each kind, empty."""
    folder = tmp_path / "rig"
    folder.mkdir()
    with RIGS[request.param](folder) as found:
        yield found


class Read:
    """What came of reading: rows by table, in the order of their keys, and the extract."""

    def __init__(self, extract: Extract) -> None:
        self.extract = extract
        self.invoices = rows_of(extract)
        self.rows = [
            dict(zip([c.name for c in extract.columns["invoices"]], row, strict=True)) for row in self.invoices
        ]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


def read(rig: Rig, source: Mapping[str, Any], *, progress: Progress = nothing, **changed: Any) -> Read:
    """Read invoices from a source; keywords are keys of the input, and `customers` another source."""
    data: dict[str, Any] = {
        "invoices": {"source": source, "mapping": changed.pop("mapping", MAPPING)},
        "badRows": {"maxShare": changed.pop("max_share", 0)},
    }
    if (customers := changed.pop("customers", None)) is not None:
        data["customers"] = {"source": customers, "mapping": CUSTOMER_MAPPING}
    data["invoices"] |= changed
    with sources(rig).extract(EnvironmentData.model_validate(data), None, progress) as extract:
        return Read(extract)


def sources(rig: Rig) -> Sources:
    access = Access(rig.root, Allowed((rig.root,), rig.hosts), secrets_of(rig.variables))
    return Sources(access, SPEC, today=lambda: date(2030, 1, 1))


def refusal(rig: Rig, source: Mapping[str, Any], **changed: Any) -> ReconcilerError:
    with pytest.raises(ReconcilerError) as caught:
        read(rig, source, **changed)
    return caught.value


def with_rows(*rows: Mapping[str, Cell]) -> Table:
    """The first invoice again and again, with these cells."""
    names = list(INVOICES.columns)
    first = dict(zip(names, INVOICES.rows[0], strict=True))
    found = [{**first, "Invoice": f"F-{i}", **row} for i, row in enumerate(rows)]
    return replace(INVOICES, rows=[tuple(row[name] for name in names) for row in found])


def test_every_type_arrives_as_it_was(rig: Rig) -> None:
    found = read(rig, rig.put("invoices", INVOICES)).rows
    assert found[1] == {
        "legal_entity": "usmf", "invoice": "F-1", "instalment": 1, "customer": "K1", "invoice_date": date(2024, 1, 5),
        "due_date": date(2024, 2, 4), "settled_date": date(2024, 2, 1), "amount": Decimal("10.5000"), "disputed": False,
    }  # fmt: skip


def test_what_is_missing_is_missing_for_every_type(rig: Rig) -> None:
    found = read(rig, rig.put("invoices", INVOICES))
    assert found.column("settled_date") == [date(2024, 3, 1), date(2024, 2, 1), None]
    assert found.column("disputed") == [None, False, True]


def test_texts_that_mean_no_value_are_no_value_for_dates_too(rig: Rig) -> None:
    table = with_rows(
        {"Closed": datetime(1900, 1, 1, tzinfo=UTC)}, {"Closed": datetime(2024, 2, 2, tzinfo=UTC)}, {"Account": "n/a"}
    )
    nulls = ["1900-01-01", "1900-01-01T00:00:00+0000", "n/a"]
    found = read(rig, rig.put("invoices", table), nullValues=nulls, max_share=1)
    assert found.column("settled_date") == [None, date(2024, 2, 2)]
    assert found.extract.set_aside == {"invoices: missing (customer)": 1}


def test_a_moment_falls_on_its_day_in_the_time_zone_that_is_named(rig: Rig) -> None:
    late = datetime(2024, 2, 1, 23, 30, tzinfo=UTC)
    early = datetime(2024, 2, 2, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    source = rig.put("invoices", with_rows({"Closed": late}, {"Closed": early}))
    assert read(rig, source).column("settled_date") == [date(2024, 2, 1), date(2024, 2, 1)]
    assert read(rig, source, timeZone="Europe/Oslo").column("settled_date") == [date(2024, 2, 2), date(2024, 2, 1)]
    assert read(rig, source, timeZone="America/New_York").column("settled_date") == [date(2024, 2, 1)] * 2


def test_texts_of_every_script_and_mark_arrive_unchanged(rig: Rig) -> None:
    texts = ["Müller & Söhne", "漢字 株式会社", "a'b\"c;d,e", "--x", "🧾 receipt", "tab\there", "%_\\n"]
    found = read(rig, rig.put("invoices", with_rows(*({"Account": text} for text in texts))))
    assert found.column("customer") == texts


#: A rig whose kind cannot have such names at all has `odd_names` of its own.
ODD_NAMES = {"Account": "Kundennr. größer", "Amount": "a'mount; drop", "DataAreaId": "select"}


def test_names_of_columns_may_hold_any_letter_and_are_never_code(rig: Rig) -> None:
    names: Mapping[str, str] = getattr(rig, "odd_names", ODD_NAMES)
    table = Table({names.get(k, k): v for k, v in INVOICES.columns.items()}, INVOICES.rows)
    mapping = {k: names.get(v, v) if isinstance(v, str) else v for k, v in MAPPING.items()}
    found = read(rig, rig.put("invoices", table), mapping=mapping)
    assert found.column("amount") == [Decimal("0.3"), Decimal("10.5"), Decimal("0.1")]


def test_spaces_around_a_text_do_not_count(rig: Rig) -> None:
    assert read(rig, rig.put("invoices", with_rows({"Account": "  K1 "}))).column("customer") == ["K1"]


def test_decimals_never_become_floats(rig: Rig) -> None:
    exact = [
        Decimal("0.1"),
        Decimal("12345678901234.5678"),
        Decimal("-99999999999999.9999"),
        Decimal("9007199254740.993"),
    ]
    found = read(rig, rig.put("invoices", with_rows(*({"Amount": amount} for amount in exact))), mapping=OPEN)
    assert found.column("open_amount") == exact


def test_the_fifth_decimal_is_rounded_away_from_zero(rig: Rig) -> None:
    amounts = [Decimal("1.00005"), Decimal("-1.00005"), Decimal("1.000049")]
    found = read(rig, rig.put("invoices", with_rows(*({"Amount": amount} for amount in amounts))), mapping=OPEN)
    assert found.column("open_amount") == [Decimal("1.0001"), Decimal("-1.0001"), Decimal("1.0000")]


def test_an_amount_that_no_invoice_has_is_a_bad_row(rig: Rig) -> None:
    table = with_rows({"Amount": Decimal("123456789012345.5")}, {})
    found = read(rig, rig.put("invoices", table), max_share=1)
    assert found.extract.set_aside == {"invoices: unparseable amount (amount)": 1}


def test_rows_that_share_a_key_are_all_set_aside(rig: Rig) -> None:
    table = with_rows({"Invoice": "F-9"}, {"Invoice": "F-9"}, {})
    found = read(rig, rig.put("invoices", table), max_share=1)
    assert found.extract.set_aside == {"invoices: doubled key (invoice)": 2}
    assert found.column("invoice") == ["F-2"]


def test_an_empty_table_has_not_one_good_invoice(rig: Rig) -> None:
    assert "there is not one good invoice" in refusal(rig, rig.put("invoices", replace(INVOICES, rows=[]))).message


def test_a_column_that_vanished_is_named_with_the_one_that_is_meant(rig: Rig) -> None:
    table = Table({{"Amount": "Amounts"}.get(k, k): v for k, v in INVOICES.columns.items()}, INVOICES.rows)
    error = refusal(rig, rig.put("invoices", table))
    assert isinstance(error, AuthorMustFix)
    assert "has no column 'Amount'" in error.message
    assert "did you mean 'Amounts'?" in error.next_step


def test_a_table_that_vanished_is_refused_by_name(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    rig.drop("invoices")
    error = refusal(rig, source)
    assert isinstance(error, AuthorMustFix)
    assert "invoices" in error.message and "is not there" in error.message


F2 = {"field": "Invoice", "op": "eq", "value": "F-2"}
WHERE: list[tuple[Any, list[str]]] = [
    ({"field": "DataAreaId", "op": "eq", "value": "usmf"}, ["F-1", "F-2"]),
    ({"field": "DataAreaId", "op": "in", "value": ["demf", "nomf"]}, ["F-1"]),
    ({"field": "DataAreaId", "op": "not-in", "value": ["demf"]}, ["F-1", "F-2"]),
    ({"field": "RecId", "op": "ge", "value": 2}, ["F-1", "F-2"]),
    ({"field": "Amount", "op": "lt", "value": 0.3}, ["F-2"]),
    ({"field": "Dated", "op": "gt", "value": date(2024, 1, 5)}, ["F-1", "F-2"]),
    ({"field": "Disputed", "op": "eq", "value": True}, ["F-2"]),
    ({"field": "Disputed", "op": "is-null"}, ["F-1"]),
    ({"not": {"field": "Disputed", "op": "eq", "value": True}}, ["F-1", "F-1"]),
    ({"any": [F2, {"field": "RecId", "op": "eq", "value": 3}]}, ["F-1", "F-2"]),
]  # fmt: skip


@pytest.mark.parametrize(("where", "invoices"), WHERE)
def test_where_chooses_the_same_rows_of_every_source(rig: Rig, where: Any, invoices: list[str]) -> None:
    found = read(rig, rig.put("invoices", INVOICES), where=[where])
    assert sorted(found.column("invoice")) == invoices
    written = {"source": {"kind": "csv", "path": "x"}, "mapping": {}, "where": [where]}
    assert found.extract.asked["invoices"].endswith(f" where {in_words(Input.model_validate(written).where)}")


def test_a_value_of_where_is_only_ever_a_value(rig: Rig) -> None:
    nasty = "x' OR '1'='1"
    source = rig.put("invoices", with_rows({"Account": nasty}, {"Account": "K2"}))
    where = {"field": "Account", "op": "eq", "value": nasty}
    assert read(rig, source, where=[where]).column("customer") == [nasty]


def test_of_a_list_of_changes_the_newest_of_each_key_counts_and_what_is_deleted_is_gone(rig: Rig) -> None:
    table = with_rows(
        {"Invoice": "F-1", "Amount": Decimal(1), "RecId": 1},
        {"Invoice": "F-2", "RecId": 2},
        {"Invoice": "F-1", "Amount": Decimal(2), "RecId": 10},
        {"Invoice": "F-2", "Disputed": True, "RecId": 3},
    )
    changes = {"key": ["DataAreaId", "Invoice"], "version": "RecId", "deleted": "Disputed"}
    found = read(rig, rig.put("invoices", table), changes=changes)
    assert [(row["invoice"], row["amount"]) for row in found.rows] == [("F-1", Decimal(2))]


def test_two_tables_are_read_and_rows_are_told_for_each_legal_entity(rig: Rig) -> None:
    found = read(rig, rig.put("invoices", INVOICES), customers=rig.put("customers", CUSTOMERS)).extract
    assert found.rows == {"invoices": 3, "customers": 3}
    assert found.entities == {"demf": 1, "usmf": 2}
    assert set(found.asked) == {"invoices", "customers"}


def test_a_table_that_changes_while_it_is_read_is_read_whole_as_it_was_before_or_after(rig: Rig) -> None:
    before = with_rows(*({"Amount": Decimal(1)} for _ in range(2000)))
    after = with_rows(*({"Amount": Decimal(2)} for _ in range(2000)))
    source = rig.put("invoices", before)
    changed: list[str] = []

    def change(label: str, _done: int, _total: int) -> None:
        if not changed:
            changed.append(label)
            rig.put("invoices", after)

    amounts = read(rig, source, progress=change).column("amount")
    assert len(amounts) == 2000
    assert set(amounts) in ({Decimal(1)}, {Decimal(2)})


def test_what_was_asked_is_told_without_any_credential(rig: Rig) -> None:
    found = read(rig, rig.put("invoices", INVOICES)).extract
    assert "invoices" in found.asked["invoices"]
    for secret in rig.variables.values():
        assert secret not in repr(found)


def test_the_same_rows_have_the_same_digest_as_from_csv(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    digests = []
    with csv_rig(folder) as plain:
        for each in (rig, plain):
            source = each.put("invoices", INVOICES)
            data = EnvironmentData.model_validate({"invoices": {"source": source, "mapping": MAPPING}})
            with sources(each).extract(data, None, nothing) as extract:
                digests.append(FolderSnapshots(tmp_path / "snapshots").keep(extract).digest)
    assert digests[0] == digests[1]
