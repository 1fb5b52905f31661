"""The block of docs/dynamics-finance-tables.md, read from a fixture in the shape of these tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from reconciler.adapters.sources import Access, Allowed, Sources, secrets_of
from reconciler.domain.inputs import EnvironmentData
from reconciler.tasks.customer_payment.spec import SPEC
from tests.sources.rigs.csv_rig import csv_rig
from tests.sources.rigs.delta_rig import delta_rig
from tests.sources.rigs.table import Cell, Rig, Table
from tests.support.csv_files import nothing, rows_of, source_in

PAGE = Path(__file__).parents[2] / "docs" / "dynamics-finance-tables.md"
NEVER, SALES, FREE_TEXT, PAYMENT, WRITE_OFF = date(1900, 1, 1), 2, 8, 15, 35


def block() -> Mapping[str, Any]:
    """The page's own block, as a person would paste it."""
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    data: Mapping[str, Any] = yaml.safe_load(found[1])["data"]
    return data


def transaction(
    number: int, kind: int, invoice: str | None, day: date, amount: str, due: date = NEVER
) -> tuple[Cell, ...]:
    money = Decimal(amount)
    return (number, "usmf", "K1", kind, invoice, day, due, money, "USD", money, False)


CUST_TRANS = Table(
    {
        "RecId": "whole", "DataAreaId": "text", "AccountNum": "text", "TransType": "whole", "Invoice": "text",
        "TransDate": "date", "DueDate": "date", "AmountCur": "number", "CurrencyCode": "text", "AmountMST": "number",
        "IsDelete": "flag",
    },
    [
        transaction(1, SALES, "CIV-1", date(2024, 1, 5), "100", date(2024, 2, 4)),
        transaction(2, PAYMENT, None, date(2024, 2, 1), "-60"),
        transaction(3, PAYMENT, None, date(2024, 3, 1), "-40"),
        transaction(4, FREE_TEXT, "FTI-1", date(2024, 1, 6), "50", date(2024, 2, 5)),
        transaction(5, SALES, "CIV-2", date(2024, 1, 7), "-50"),
        transaction(6, SALES, "CIV-3", date(2024, 1, 8), "80", date(2024, 2, 7)),
        transaction(7, WRITE_OFF, None, date(2024, 6, 1), "-80"),
        transaction(8, SALES, "CIV-4", date(2024, 1, 9), "30", date(2024, 2, 8)),
        transaction(9, PAYMENT, None, date(2024, 2, 2), "-30"),
        (*transaction(10, SALES, "CIV-5", date(2024, 1, 9), "30", date(2024, 2, 8))[:-1], True),
    ],
)  # fmt: skip


def both(invoice: int, other: int, amount: str, day: date) -> list[tuple[Cell, ...]]:
    """A settlement has a row for each side, recorded the day after."""
    recorded = datetime(day.year, day.month, day.day + 1, 9, tzinfo=UTC)
    money = Decimal(amount)
    return [
        ("usmf", invoice, other, money, day, recorded, False),
        ("usmf", other, invoice, -money, day, recorded, False),
    ]


CUST_SETTLEMENT = Table(
    {
        "DataAreaId": "text", "TransRecId": "whole", "OffsetRecid": "whole", "SettleAmountCur": "number",
        "TransDate": "date", "CreatedDateTime": "moment", "IsDelete": "flag",
    },
    [
        *both(1, 2, "60", date(2024, 2, 1)),
        *both(1, 3, "40", date(2024, 3, 1)),
        *both(4, 5, "50", date(2024, 2, 3)),
        *both(6, 7, "80", date(2024, 6, 1)),
        *both(8, 9, "30", date(2024, 2, 2)),
        *both(8, 9, "-30", date(2024, 2, 9)),
    ],
)  # fmt: skip
CUST_TABLE = Table(
    {"DataAreaId": "text", "AccountNum": "text", "CustGroup": "text", "IsDelete": "flag"}, [("usmf", "K1", "30", False)]
)
TABLES = {"CustTrans": CUST_TRANS, "CustSettlement": CUST_SETTLEMENT, "CustTable": CUST_TABLE}


@pytest.mark.parametrize("rig_of", [csv_rig, delta_rig], ids=["csv", "delta"])
def test_the_outcomes_are_right_from_the_block_of_the_page(
    rig_of: Callable[[Path], AbstractContextManager[Rig]], tmp_path: Path
) -> None:
    data = {name: dict(written) for name, written in block().items()}
    with rig_of(tmp_path) as rig:
        for written in data.values():
            table = written["source"]["path"].rpartition("/")[2]
            written["source"] = rig.put(table, TABLES[table])
        if data["settlements"]["source"]["kind"] == "csv":
            moment = {"column": "CreatedDateTime", "dateFormat": "%Y-%m-%dT%H:%M:%S%z"}
            data["settlements"]["mapping"] = {**data["settlements"]["mapping"], "recorded_on": moment}
        source = Sources(Access(rig.root, Allowed((rig.root,), rig.hosts), secrets_of({})), SPEC)
        with source.extract(EnvironmentData.model_validate(data), None, nothing) as extract:
            rows = rows_of(extract, columns="invoice, settled_date, known_date")
            assert rows == [
                ("CIV-1", date(2024, 3, 1), date(2024, 3, 2)),  # by the second of two payments
                ("CIV-4", None, None),  # its payment was taken back
            ]
            assert extract.excluded == {"credited": 1, "negative-amount": 1, "written-off": 1}
            assert not extract.set_aside
            assert extract.entities == {"usmf": 2} and extract.rows["customers"] == 1


# --- payment schedules ------------------------------------------------------------------------------------------

#: 300 in three instalments: the first paid on time, the second late, the third open. And one of 50 without a schedule.
SCHEDULES = """
CREATE TABLE CustTrans AS SELECT * FROM (VALUES
  (1, 'usmf', 'K1', 2, 'CIV-1', DATE '2024-01-05', DATE '2024-02-04', 300.0, 'USD', 300.0),
  (2, 'usmf', 'K1', 15, NULL, DATE '2024-02-01', DATE '1900-01-01', -100.0, 'USD', -100.0),
  (3, 'usmf', 'K1', 15, NULL, DATE '2024-03-20', DATE '1900-01-01', -150.0, 'USD', -150.0),
  (4, 'usmf', 'K1', 2, 'CIV-2', DATE '2024-02-10', DATE '2024-03-10', 50.0, 'USD', 50.0)
) t(RecId, DataAreaId, AccountNum, TransType, Invoice, TransDate, DueDate, AmountCur, CurrencyCode, AmountMST);
CREATE TABLE CustTransOpen AS SELECT * FROM (VALUES (1, DATE '2024-04-04', 100.0)) t(RefRecId, DueDate, AmountCur);
CREATE TABLE CustSettlement AS SELECT *, TransDate AS CreatedDateTime FROM (VALUES
  ('usmf', 1, 2, 100.0, DATE '2024-02-01', DATE '2024-02-04'),
  ('usmf', 2, 1, -100.0, DATE '2024-02-01', DATE '1900-01-01'),
  ('usmf', 1, 3, 100.0, DATE '2024-03-20', DATE '2024-03-05'),
  ('usmf', 3, 1, -100.0, DATE '2024-03-20', DATE '1900-01-01'),
  ('usmf', 4, 3, 50.0, DATE '2024-03-20', DATE '2024-03-10'),
  ('usmf', 3, 4, -50.0, DATE '2024-03-20', DATE '1900-01-01')
) t(DataAreaId, TransRecId, OffsetRecid, SettleAmountCur, TransDate, DueDate);
"""


def views(folder: Path) -> dict[str, Any]:
    """The block of the page, on what its views give for these tables, written as CSV."""
    found = re.search(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    data = {name: dict(written) for name, written in block().items() if name != "customers"}
    with duckdb.connect() as database:
        database.execute(SCHEDULES + found[1])
        for name, view in (("invoices", "Instalments"), ("settlements", "InstalmentSettlements")):
            database.execute(f"COPY {view} TO '{folder / view}.csv' (HEADER)")
            data[name] |= {"source": {"kind": "csv", "path": f"{view}.csv"}}
            del data[name]["where"]
    data["invoices"]["mapping"] = data["invoices"]["mapping"] | {
        "source_id": "Id", "instalment": "Instalment", "amount": "Amount",
    }  # fmt: skip
    data["settlements"]["mapping"] = data["settlements"]["mapping"] | {"source_id": "Id", "offset_id": "OffsetId"}
    return data


def test_each_instalment_of_a_payment_schedule_has_its_due_date_and_its_own_outcome(tmp_path: Path) -> None:
    data = EnvironmentData.model_validate(views(tmp_path))
    with source_in(tmp_path).extract(data, None, nothing) as extract:
        rows = rows_of(extract, columns="invoice, instalment, due_date, settled_date, amount")
    assert rows == [
        ("CIV-1", 1, date(2024, 2, 4), date(2024, 2, 1), 100),
        ("CIV-1", 2, date(2024, 3, 5), date(2024, 3, 20), 100),
        ("CIV-1", 3, date(2024, 4, 4), None, 100),
        ("CIV-2", 1, date(2024, 3, 10), date(2024, 3, 20), 50),
    ]
