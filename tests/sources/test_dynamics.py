"""The block of docs/dynamics-finance-tables.md, read from a fixture in the shape of these tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.adapters.sources import Access, Allowed, Sources, secrets_of
from reconciler.domain.inputs import EnvironmentData
from reconciler.tasks.customer_payment.spec import SPEC
from tests.sources.rigs.csv_rig import csv_rig
from tests.sources.rigs.delta_rig import delta_rig
from tests.sources.rigs.table import Cell, Rig, Table
from tests.support.csv_files import nothing, rows_of

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
