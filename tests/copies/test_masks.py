"""What is masked before a copy is written, and that masked keys still join tables and copies."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.adapters.sources import Masked
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.jobs import TrainJob
from reconciler.ports import Extract
from reconciler.tasks.customer_payment.spec import SPEC
from tests.support.csv_files import nothing, rows_of, source_in
from tests.support.manifests import PRODUCTION, SANDBOX, edited, lines_of
from tests.support.worlds import DATA as SHOP_DATA
from tests.support.worlds import Shop

KEY = "a key of production that is long enough"
INVOICES = """entity,invoice,customer,dated,due,paid,amount,open,country,delivery
usmf,F-1,K1,2024-01-05,2024-02-04,2024-02-01,14.99,0,NO,paper
usmf,F-2,K2,2024-01-16,2024-02-15,,8.00,-15.00,DE,
demf,F-1,K1,2024-05-17,2024-06-16,2024-07-20,15.00,0,NO,paper
"""
CUSTOMERS = "entity,account,country\nusmf,K1,NO\nusmf,K2,DE\ndemf,K1,NO\n"
DATA: Mapping[str, Any] = {
    "invoices": {
        "source": {"kind": "csv", "path": "i.csv"},
        "mapping": {
            **{name: name for name in ("invoice", "customer", "amount", "country", "delivery")},
            "legal_entity": "entity",
            "invoice_date": "dated",
            "due_date": "due",
            "settled_date": "paid",
            "open_amount": "open",
        },
    },
    "customers": {
        "source": {"kind": "csv", "path": "c.csv"},
        "mapping": {"legal_entity": "entity", "customer": "account", "country": "country"},
    },
}
Reading = Callable[..., Any]


def no_key(name: str) -> str:
    raise NeedsPerson(f"the credentials {name} are not set")


@contextmanager
def extracted(
    folder: Path,
    masks: Mapping[str, Any],
    *,
    key: str | None = KEY,
    invoices: str = INVOICES,
    tables: Mapping[str, Any] = DATA,
) -> Iterator[Extract]:
    """The tables, read and masked; `key` is the runner's, and named where there is one."""
    (folder / "i.csv").write_text(invoices)
    (folder / "c.csv").write_text(CUSTOMERS)
    data = {**tables, "masks": masks, **({"maskKey": "mask"} if key else {}), "badRows": {"maxShare": 1}}
    source = Masked(source_in(folder), SPEC, (lambda _name: key) if key else no_key)
    with source.extract(EnvironmentData.model_validate(data), None, nothing) as extract:
        yield extract


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    def read(table: str = "invoices", /, *, masks: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
        with extracted(tmp_path, masks, **more) as extract:
            names = [column.name for column in extract.columns[table]]
            return [dict(zip(names, row, strict=True)) for row in rows_of(extract, table)]

    return read


def column(rows: list[dict[str, Any]], name: str) -> set[Any]:
    return {row[name] for row in rows}


def test_without_masks_everything_is_as_it_was(read: Reading) -> None:
    assert column(read(masks={}, key=None), "customer") == {"K1", "K2"}
    assert column(read(masks={"customer": "keep"}, key=None), "customer") == {"K1", "K2"}


def test_a_hash_is_hmac_sha256_of_the_fields_name_and_the_value(read: Reading) -> None:
    wanted = {hmac.new(KEY.encode(), b"customer\0" + k, hashlib.sha256).hexdigest()[:32] for k in (b"K1", b"K2")}
    assert column(read(masks={"customer": "hash"}), "customer") == wanted


@pytest.mark.parametrize(
    ("masks", "amounts"),
    [
        ({"amount": {"round": 10}}, ["10.0000", "10.0000"]),
        ({"amount": {"round": 10}, "settlements.amount": "keep"}, ["9.9900", "5.0000"]),
        ({"settlements.amount": {"round": 2}}, ["10.0000", "6.0000"]),
    ],
)
def test_payments_do_not_tell_an_amount_that_is_masked(
    tmp_path: Path, read: Reading, masks: Mapping[str, Any], amounts: list[str]
) -> None:
    (tmp_path / "s.csv").write_text("entity,invoice,amount,paid\nusmf,F-1,9.99,2024-01-30\nusmf,F-1,5,2024-02-01\n")
    mapping = {"legal_entity": "entity", "invoice": "invoice", "amount": "amount", "paid_on": "paid"}
    settlements = {"source": {"kind": "csv", "path": "s.csv"}, "mapping": mapping}
    named = {name: column for name, column in DATA["invoices"]["mapping"].items() if name != "settled_date"}
    tables = {**DATA, "invoices": {**DATA["invoices"], "mapping": named}, "settlements": settlements}
    rows = sorted(read("settlements", masks=masks, tables=tables), key=lambda row: row["paid_on"])
    assert [str(row["amount"]) for row in rows] == amounts
    settled = {row["settled_date"] for row in read(masks=masks, tables=tables)}
    assert settled == {None, date(2024, 2, 1)}, "what closes an invoice is its real amount"


def test_what_was_once_believed_of_an_invoice_is_masked_as_that_is(tmp_path: Path, read: Reading) -> None:
    rows = [
        "usmf,F-1,9999,2024-01-20,payment",
        "usmf,F-1,9999,2024-02-01,reversal",
        "usmf,F-2,9999,2024-02-01,write-off",
    ]
    (tmp_path / "s.csv").write_text("\n".join(["entity,invoice,amount,paid,kind", *rows]) + "\n")
    mapping = {"legal_entity": "entity", "invoice": "invoice", "amount": "amount", "paid_on": "paid", "kind": "kind"}
    settlements = {"source": {"kind": "csv", "path": "s.csv"}, "mapping": mapping}
    named = {name: column for name, column in DATA["invoices"]["mapping"].items() if name != "settled_date"}
    tables = {**DATA, "invoices": {**DATA["invoices"], "mapping": named}, "settlements": settlements}
    plain = read("episodes", masks={}, tables=tables)
    assert {row["invoice"] for row in plain} == {"F-1", "F-2"}
    masked = read("episodes", masks={"invoice": "hash", "customer": "hash", "amount": {"round": 1000}}, tables=tables)
    assert len(masked) == len(plain)
    for name in ("invoice", "customer"):
        assert all(len(row[name]) == 32 for row in masked), name
    assert all(row["amount"] % 1000 == 0 for row in masked)


def test_a_long_key_is_as_good(read: Reading) -> None:
    long = "k" * 100
    wanted = hmac.new(long.encode(), b"invoice\0F-1", hashlib.sha256).hexdigest()[:32]
    assert wanted in column(read(masks={"invoice": "hash"}, key=long), "invoice")


@pytest.mark.parametrize("mask", ["hash", "pseudonym"])
def test_masked_keys_join_tables_and_copies(read: Reading, mask: str) -> None:
    masks = {"customer": mask, "legal_entity": mask, "invoice": mask}
    invoices, customers = read(masks=masks), read("customers", masks=masks)
    of = {(row["legal_entity"], row["customer"]): row["country"] for row in customers}
    assert [of[row["legal_entity"], row["customer"]] for row in invoices] == [row["country"] for row in invoices]
    assert len({(row["legal_entity"], row["invoice"]) for row in invoices}) == 3
    assert read(masks=masks) == invoices


def test_another_key_gives_other_names(read: Reading) -> None:
    other = "another key of production, also long"
    masks = {"customer": "pseudonym"}
    assert not column(read(masks=masks), "customer") & column(read(masks=masks, key=other), "customer")


def test_a_pseudonym_is_four_words_that_can_be_read_aloud(read: Reading) -> None:
    word = "[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]"
    for name in column(read(masks={"customer": "pseudonym"}), "customer"):
        assert re.fullmatch(f"{word}-{word}-{word}-{word}", name)


def test_what_is_missing_stays_missing(read: Reading) -> None:
    for mask in ("hash", "pseudonym"):
        assert None in column(read(masks={"delivery": mask}), "delivery")


def test_what_is_dropped_is_not_there_at_all(read: Reading) -> None:
    rows = read(masks={"country": "drop", "delivery": "drop"}, key=None)
    assert not {"country", "delivery"} & rows[0].keys()
    assert "country" in read("customers", masks={"country": "drop"})[0]
    assert "country" not in read("customers", masks={"customers.country": "drop"})[0]


def test_amounts_are_rounded_exactly_and_halves_go_away_from_zero(read: Reading) -> None:
    rows = read(masks={"amount": {"round": 10}, "open_amount": {"round": 10}}, key=None)
    of = {row["invoice_date"]: (row["amount"], row["open_amount"]) for row in rows}
    assert of[date(2024, 1, 5)] == (Decimal(10), Decimal(0))
    assert of[date(2024, 1, 16)] == (Decimal(10), Decimal(-20))
    assert of[date(2024, 5, 17)] == (Decimal(20), Decimal(0))
    cents = column(read(masks={"amount": {"round": 0.05}}, key=None), "amount")
    assert cents == {Decimal(15), Decimal(8)}


@pytest.mark.parametrize(
    ("period", "first"),
    [
        ("week", date(2024, 5, 13)),
        ("month", date(2024, 5, 1)),
        ("quarter", date(2024, 4, 1)),
        ("year", date(2024, 1, 1)),
    ],
)
def test_a_coarser_date_is_the_first_day_of_its_period(read: Reading, period: str, first: date) -> None:
    assert first in column(read(masks={"invoice_date": {"coarsen": period}}, key=None), "invoice_date")


@pytest.mark.parametrize(
    ("masks", "what"),
    [
        ({"due_date": {"coarsen": "month"}}, "due_date cannot be masked by coarsen month"),
        ({"settled_date": "drop"}, "settled_date cannot be masked by drop"),
        ({"customer": "drop"}, "customer cannot be masked by drop"),
        ({"amount": "hash"}, "amount cannot be masked by hash"),
        ({"amount": "drop"}, "amount cannot be masked by drop"),
        ({"instalment": "hash"}, "instalment cannot be masked by hash"),
        ({"nmae": "drop"}, "there is no field nmae"),
    ],
)
def test_a_mask_that_a_field_cannot_have_is_refused_by_name(read: Reading, masks: Any, what: str) -> None:
    with pytest.raises(AuthorMustFix, match=re.escape(what)) as caught:
        read(masks=masks)
    assert caught.value.next_step


def test_a_hash_asks_for_a_key_that_is_there_and_long(read: Reading) -> None:
    with pytest.raises(AuthorMustFix, match="hash needs a key"):
        read(masks={"customer": "hash"}, key=None)
    with pytest.raises(NeedsPerson, match="too short"):
        read(masks={"customer": "hash"}, key="short")


def test_the_digest_of_a_snapshot_is_of_the_masked_rows(tmp_path: Path) -> None:
    digests = []
    for masks in ({}, {"customer": "hash"}, {"customer": "hash"}, {"customer": "pseudonym"}):
        with extracted(tmp_path, masks) as extract:
            digests.append(FolderSnapshots(tmp_path / "store").keep(extract).digest)
    assert digests[1] == digests[2]
    assert len(set(digests)) == 3


def test_nothing_that_is_masked_and_no_key_is_in_the_store_or_told(tmp_path: Path) -> None:
    masks = {"customer": "hash", "invoice": "pseudonym", "legal_entity": "hash", "country": "drop",
             "customers.country": "hash", "delivery": "drop"}  # fmt: skip
    with extracted(tmp_path, masks) as extract:
        FolderSnapshots(tmp_path / "store").keep(extract)
        told = repr(extract)
    database = duckdb.connect()
    for path in (tmp_path / "store").rglob("*.parquet"):
        told += repr(database.read_parquet(str(path)).fetchall())
    told += "".join(p.read_bytes().decode("latin-1") for p in (tmp_path / "store").rglob("*") if p.is_file())
    for planted in ("K1", "F-1", "usmf", "demf", "paper", KEY):
        assert planted not in told
    assert extract.key_check is not None and len(extract.key_check) == 12


def test_entities_are_counted_under_the_names_that_the_copy_has(tmp_path: Path) -> None:
    with extracted(tmp_path, {"legal_entity": "pseudonym"}) as extract:
        assert sorted(extract.entities.values()) == [1, 2]
        assert not {"usmf", "demf"} & extract.entities.keys()


def test_facts_are_of_the_rows_after_masking(tmp_path: Path) -> None:
    with extracted(tmp_path, {"delivery": "drop"}) as extract:
        facts = extract.facts
    assert facts is not None
    assert facts.settled == 2
    assert (facts.late[0], sum(facts.late), len(facts.late)) == (1, 2, 35)
    assert "delivery" not in facts.missing
    assert (facts.first, facts.last) == ("2024-01-05", "2024-05-17")


# --- in the environment's file ---------------------------------------------------------------------------------


def test_validate_tells_every_mask_that_will_not_do_with_its_line() -> None:
    masks = "    masks: {disputed: hash, amount: drop, colour: drop, country: hash}\n"
    lines = lines_of(edited(production=PRODUCTION.replace("  target:", f"{masks}  target:")))
    assert len(lines) == 4
    for line, said in zip(
        lines,
        (
            "disputed cannot be masked by hash (spec.data.masks.disputed), one of: keep, drop",
            "hash needs a key",
            "amount cannot be masked by drop (spec.data.masks.amount), one of: keep, round",
            "there is no field colour of payments",
        ),
        strict=True,
    ):
        assert line.startswith("environments/production.yaml:15:") and said in line


def test_masks_are_the_data_owners_and_not_the_copys() -> None:
    sandbox = SANDBOX.replace("data: {copyOf: production}", "data: {copyOf: production, masks: {country: drop}}")
    assert "masks are set where the data is" in "".join(lines_of(edited(sandbox=sandbox)))


def test_the_leak_guard_compares_only_copies_that_are_masked_alike() -> None:
    shop = Shop(refreshed=False)
    for day, masks in ((1, {}), (2, {"amount": {"round": 10}}), (3, {"amount": {"round": 10}})):
        if masks != shop.specs["production"]["data"].get("masks", {}):
            shop.change("production", data={**SHOP_DATA, "masks": masks})
            shop.apply()
        shop.refresh(day=date(2026, 3, day))
        shop.add(f"1.{day}.0")
        shop.pin("sandbox", f"1.{day}.0")
        shop.apply()
    jobs = [job for job in shop.trainer.jobs if isinstance(job, TrainJob)]
    digests = [snapshot.digest for snapshot in shop.record("sandbox").snapshots]
    assert [job.earlier_folder for job in jobs] == [None, None, f"/snapshots/{digests[1]}"]
