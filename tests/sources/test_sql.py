"""What is SQLAlchemy's own: which addresses are allowed, drivers that are missing, servers that are not there."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from reconciler.domain.errors import AuthorMustFix, NeedsPerson, RetryLater
from reconciler.domain.inputs import SqlSource
from tests.sources.rigs.sqlite_rig import sqlite_rig
from tests.sources.rigs.table import FileRig, Rig
from tests.sources.test_contract import CUSTOMERS, INVOICES, MAPPING, read, refusal
from tests.support.registry import free_port


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    folder = tmp_path / "rig"
    folder.mkdir()
    with sqlite_rig(folder) as found:
        yield found


def test_all_tables_of_one_address_are_of_one_moment(rig: Rig) -> None:
    invoices, customers = rig.put("invoices", INVOICES), rig.put("customers", CUSTOMERS)
    changed: list[str] = []

    def change(_label: str, _done: int, _total: int) -> None:
        if not changed:
            changed.append("")
            rig.put("customers", replace(CUSTOMERS, rows=CUSTOMERS.rows[:1]))

    assert read(rig, invoices, customers=customers, progress=change).extract.rows["customers"] == 3


def test_floats_of_a_database_go_by_their_shortest_text(rig: Rig) -> None:
    with closing(sqlite3.connect(rig.root / "erp.db")) as database, database:
        database.execute("CREATE TABLE f (id TEXT, k TEXT, d TEXT, due TEXT, a REAL)")
        rows = [("F-1", "K1", "2024-01-05", "2024-02-04", amount) for amount in (0.1, 1e-7, 2.675)]
        database.executemany("INSERT INTO f VALUES (?, ?, ?, ?, ?)", rows)
        database.execute("UPDATE f SET id = id || rowid")
    mapping = {
        "legal_entity": {"constant": "x"}, "invoice": "id", "customer": "k", "invoice_date": "d", "due_date": "due",
        "amount": {"constant": "1"}, "open_amount": "a",
    }  # fmt: skip
    found = read(rig, {"kind": "sql", "url": "sqlite:///erp.db", "table": "f"}, mapping=mapping)
    assert found.column("open_amount") == [Decimal("0.1"), Decimal("0"), Decimal("2.675")]


def test_the_database_is_opened_to_read_only(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    (rig.root / "erp.db").chmod(0o444)
    assert read(rig, source).extract.rows == {"invoices": 3}


@pytest.mark.parametrize("url", ["sqlite:////etc/passwd", "sqlite:///../rig/erp.db", "sqlite:///:memory:"])
def test_a_file_that_the_runner_does_not_allow_is_refused(rig: Rig, url: str) -> None:
    assert isinstance(refusal(rig, {"kind": "sql", "url": url, "table": "t"}), AuthorMustFix)


@pytest.mark.parametrize("url", ["sqlite://erp.db", "sqlite://"])
def test_an_address_without_a_sqlite_file_is_told_how_to_name_one(rig: Rig, url: str) -> None:
    error = refusal(rig, {"kind": "sql", "url": url, "table": "t"})
    assert "names no SQLite file" in error.message
    assert "write three slashes before the file" in error.next_step


def test_options_of_a_driver_are_not_a_manifests_to_set(rig: Rig) -> None:
    error = refusal(rig, {"kind": "sql", "url": "mysql://u@db.example/x?local_infile=1", "table": "t"})
    assert "may not set local_infile of a driver" in error.message


def test_a_host_has_to_be_allowed_with_the_port_that_the_database_usually_has(rig: Rig) -> None:
    error = refusal(rig, {"kind": "sql", "url": "mssql+pymssql://reader@db.example/AxDB", "table": "t"})
    assert "db.example:1433 may not be asked" in error.message


def test_a_driver_that_is_missing_is_a_persons_to_install(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"127.0.0.1:{listening.getsockname()[1]}"
        source = {"kind": "sql", "url": f"oracle+cx_oracle://u@{place}/x", "table": "t"}
        error = refusal(allowing(rig, place), source)
    assert isinstance(error, NeedsPerson)
    assert "no driver for oracle+cx_oracle" in error.message


def test_sql_server_that_is_not_there_is_tried_later_and_no_password_is_told(rig: Rig) -> None:
    port = free_port()
    source = {
        "kind": "sql", "url": f"mssql+pymssql://reader@127.0.0.1:{port}/AxDB", "table": "dbo.CUSTTRANS",
        "credentials": "erp",
    }  # fmt: skip
    other = allowing(rig, f"127.0.0.1:{port}", RECONCILER_CREDENTIALS_ERP="top-secret")
    error = refusal(other, source)
    assert isinstance(error, RetryLater)
    assert f"nothing answers at 127.0.0.1:{port}" in error.message and "top-secret" not in str(error)


@pytest.mark.proof  # the driver tries for 20 seconds
def test_a_server_that_is_no_sql_server_is_tried_later_and_no_password_is_told(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"127.0.0.1:{listening.getsockname()[1]}"
        hang_up = threading.Thread(target=lambda: [listening.accept()[0].close() for _ in range(2)], daemon=True)
        hang_up.start()
        source = {"kind": "sql", "url": f"mssql+pymssql://reader@{place}/AxDB", "table": "t", "credentials": "erp"}
        error = refusal(allowing(rig, place, RECONCILER_CREDENTIALS_ERP="top-secret"), source)
    assert isinstance(error, RetryLater)
    assert "mssql at 127.0.0.1" in error.message and "top-secret" not in str(error)


@pytest.mark.parametrize(
    "url", ["mssql+pymssql://reader:pw@db/AxDB", "postgresql://u:p@h/d", "x://h/d?password=p", "x://h/d?a=1&Pwd=p"]
)
def test_a_password_in_a_manifest_is_refused_before_anything_is_read(url: str) -> None:
    with pytest.raises(ValidationError, match="holds no password"):
        SqlSource(kind="sql", url=url, table="t")


def test_a_column_that_is_not_in_the_table_is_named(rig: Rig) -> None:
    error = refusal(rig, rig.put("invoices", INVOICES), mapping={**MAPPING, "amount": "Amounts"})
    assert "did you mean 'Amount'?" in error.next_step


def allowing(rig: Rig, *hosts: str, **variables: str) -> Rig:
    class Other(FileRig):
        put = rig.put
        drop = rig.drop

    return Other(rig.root, frozenset(hosts), variables)
