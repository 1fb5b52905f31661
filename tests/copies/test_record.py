"""What the ledger says of a copy, who is told, and that a partial one shows."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.copies import partial, whole
from reconciler.core.fold import fold
from reconciler.domain.receipts import RECEIPT, Receipt, RefreshReceipt, SweepReceipt
from reconciler.domain.record import Record, Snapshot
from tests.support.company import Company
from tests.support.ledgers import NOW

GOLDEN = Path(__file__).parent / "golden"
D = "sha256:" + "0" * 63


def copy(number: int, *, day: int = 1, **more: Any) -> Snapshot:
    return Snapshot.model_validate(
        {
            "digest": D + str(number), "data_date": f"2026-03-{day:02d}", "taken_at": NOW, "copy_of": "production",
            "rows": {"invoices": 12_400}, "entities": {"usmf": 100, "demf": 12_300}, "masks": {}, **more,
        }
    )  # fmt: skip


def test_a_receipt_of_format_2_is_read_as_it_was_written() -> None:
    receipt = RECEIPT.validate_json((GOLDEN / "refresh-2.json").read_bytes())
    assert isinstance(receipt, RefreshReceipt)
    assert (receipt.snapshot.masks, receipt.snapshot.facts, receipt.snapshot.by) == (None, None, None)
    assert fold(Record(environment="sandbox"), receipt).newest_snapshot == receipt.snapshot


def test_what_a_refresh_writes_is_as_the_golden_file_says() -> None:
    """To accept a new one, run the tests with RECONCILER_GOLDEN=write and read the diff: it is a new format."""
    snapshot = copy(
        1,
        by="ann",
        as_of="2026-03-01",
        asked={"invoices": "csv invoices.csv"},
        newest="2026-02-28",
        columns={"invoices": [{"name": "amount", "type": "number", "known_at": "invoice-date"}]},
        masks={"customer": "hash", "amount": {"round": 10}, "invoice_date": {"coarsen": "month"}},
        mask_key="0123456789ab",
        facts={"settled": 2, "first": "2026-01-01", "last": "2026-02-01", "late": [1, 1], "missing": {"country": 0.5}},
        findings=["demf has 0 rows, the copy before had 12,300"],
    )
    as_golden(RefreshReceipt(environment="sandbox", at=NOW, by="ann", snapshot=snapshot), "refresh-3.json")


def test_what_a_removal_writes_is_as_the_golden_file_says() -> None:
    as_golden(SweepReceipt(environment="sandbox", at=NOW, by="ann", removed=[D + "1"]), "sweep-3.json")


def as_golden(receipt: Receipt, name: str) -> None:
    written = json.dumps(receipt.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"
    file = GOLDEN / name
    if os.environ.get("RECONCILER_GOLDEN") == "write":
        file.write_text(written)
    assert written == file.read_text()
    assert RECEIPT.validate_json(written) == receipt


# --- partial copies --------------------------------------------------------------------------------------------


def test_a_legal_entity_that_is_gone_is_told_with_what_it_had() -> None:
    new = copy(2, rows={"invoices": 100}, entities={"usmf": 100})
    assert list(partial(new, [copy(1)])) == ["demf has 0 rows, the copy before had 12,300"]


def test_fewer_rows_are_told_where_there_is_a_tolerance() -> None:
    new = copy(2, rows={"invoices": 11_000}, entities={"usmf": 100, "demf": 10_900})
    assert list(partial(new, [copy(1)])) == []
    assert list(partial(new, [copy(1)], 0.2)) == []
    assert list(partial(new, [copy(1)], 0.1)) == [
        "invoices has 11,000 rows, the copy before had 12,400",
        "demf has 10,900 rows, the copy before had 12,300",
    ]


def test_a_partial_copy_is_no_measure_for_the_next_one() -> None:
    lost = copy(2, rows={"invoices": 100}, entities={"usmf": 100})
    again = copy(3, day=2, rows={"invoices": 101}, entities={"usmf": 101})
    assert whole([copy(1), lost], "production") == copy(1)
    assert list(partial(again, [copy(1), lost])) == ["demf has 0 rows, the copy before had 12,300"]


def test_an_earlier_date_another_source_and_other_masks_are_no_loss() -> None:
    few = {"rows": {"invoices": 100}, "entities": {"usmf": 100}}
    before = copy(1, day=9)
    assert list(partial(copy(2, day=8, **few), [before])) == []
    assert list(partial(copy(2, day=9, copy_of="staging", **few), [before])) == []
    assert list(partial(copy(2, day=9, masks={"legal_entity": "hash"}, **few), [before])) == []


def test_a_copy_of_which_an_older_receipt_says_little_is_no_loss() -> None:
    assert list(partial(copy(2), [copy(1, entities={})])) == []
    assert list(partial(copy(2, entities={}), [copy(1)])) == []


# --- who is told -----------------------------------------------------------------------------------------------


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company.found(tmp_path, "local")


def test_the_ledger_says_where_a_copy_came_from_and_what_it_is_like_and_no_row(company: Company) -> None:
    snapshot = company.file("snapshots/000000.json", "sandbox")
    assert snapshot["asked"]["invoices"].startswith("csv ")
    assert list(snapshot["entities"].values()) == [snapshot["rows"]["invoices"]]
    assert snapshot["masks"] == {}
    assert {"name": "amount", "type": "number", "known_at": "invoice-date"} in snapshot["columns"]["invoices"]
    assert snapshot["by"]
    assert snapshot["facts"]["first"] <= snapshot["facts"]["last"] <= snapshot["newest"]
    customers = {line.split(",")[2] for line in (company.folder / "data/invoices.csv").read_text().splitlines()[1:]}
    assert not any(f'"{customer}"' in json.dumps(snapshot) for customer in customers)


def test_refresh_show_and_status_tell_a_legal_entity_that_is_gone(company: Company) -> None:
    path = company.folder / "data/invoices.csv"
    whole_text = path.read_text()
    head, *rows = whole_text.splitlines()
    entity = rows[0].split(",")[0]
    path.write_text("\n".join([head, *(row.replace(entity, "demf", 1) for row in rows)]) + "\n")
    said = f"{entity} has 0 rows, the copy before had {len(rows)}"
    assert f"! {said}" in company.run("data", "refresh", "sandbox").out
    shown = company.run("data", "show").out
    assert f"! {said}" in shown and f"legal entities: demf {len(rows)}" in shown
    assert said in company.run("status").out
    assert company.run("status", "-o", "json").json["environments"]["sandbox"]["snapshot"]["findings"] == [said]


def test_a_copy_as_of_a_date_says_so(company: Company) -> None:
    out = company.run("data", "refresh", "sandbox", "--as-of", date(2026, 2, 1).isoformat()).out
    assert ", as of 2026-02-01" in out
    assert "masks: none, accounts and invoice numbers are those of the source" in out
