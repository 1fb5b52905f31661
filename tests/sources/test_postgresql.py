"""What is PostgreSQL's own: one moment for all tables, who may read, what an error says, what the server checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.sources.readers.postgresql_where import pushed
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, RetryLater
from reconciler.domain.inputs import Input
from tests.sources.rigs.postgresql_rig import PostgresqlRig, owner, postgresql_rig, server
from tests.sources.rigs.table import Rig, Table
from tests.sources.test_contract import CUSTOMERS, INVOICES, MAPPING, WHERE, read, refusal
from tests.support.postgresql import READER_PASSWORD
from tests.support.registry import free_port

pytestmark = pytest.mark.real


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A database of the test's own."""
    with postgresql_rig(tmp_path) as found:
        yield found


def test_all_tables_are_read_as_they_were_at_one_moment(rig: Rig) -> None:
    invoices, customers = rig.put("invoices", INVOICES), rig.put("customers", CUSTOMERS)
    changed: list[str] = []

    def change(_label: str, _done: int, _total: int) -> None:
        if not changed:  # the invoices are being read, and the customers have not been asked for
            changed.append("")
            rig.put("customers", replace(CUSTOMERS, rows=CUSTOMERS.rows[:1]))

    assert read(rig, invoices, customers=customers, progress=change).extract.rows["customers"] == 3


def test_a_host_that_the_runner_does_not_allow_is_not_asked(rig: Rig) -> None:
    source = {**rig.put("invoices", INVOICES), "port": free_port()}
    error = refusal(rig, source)
    assert isinstance(error, AuthorMustFix)
    assert "may not be asked" in error.message and "reconciler.dataAllow //127.0.0.1:" in error.next_step


def test_a_wrong_password_is_a_persons_to_mend_and_shows_neither_password(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    error = refusal(with_password(rig, "another"), source)
    assert isinstance(error, NeedsPerson)
    assert "refuses reader" in error.message
    assert "another" not in str(error) and READER_PASSWORD not in str(error)


def test_credentials_that_are_not_set_are_named_with_their_variable(rig: Rig) -> None:
    error = refusal(rig, {**rig.put("invoices", INVOICES), "credentials": "other-erp"})
    assert isinstance(error, NeedsPerson)
    assert "RECONCILER_CREDENTIALS_OTHER_ERP" in error.next_step


def test_credentials_may_lie_in_a_file(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(READER_PASSWORD + "\n")
    source = rig.put("invoices", INVOICES)
    other = with_variables(rig, {"RECONCILER_CREDENTIALS_ERP_FILE": str(tmp_path / "secret")})
    assert read(other, source).extract.rows == {"invoices": 3}


def test_a_certificate_that_nobody_trusts_is_refused_unless_only_encryption_is_asked(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    assert "no certificate that this machine trusts" in refusal(rig, {**source, "tls": "verify-full"}).message
    assert read(rig, {**source, "tls": "require"}).extract.rows == {"invoices": 3}


def test_a_password_does_not_travel_in_the_open(rig: Rig) -> None:
    source = {**rig.put("invoices", INVOICES), "tls": "off", "host": "db.example"}
    error = refusal(with_hosts(rig, f"db.example:{source['port']}"), source)
    assert "would send the password" in error.message


def test_a_table_that_the_user_may_not_read_comes_with_the_grant_to_type(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute("REVOKE SELECT ON invoices FROM reader")
    error = refusal(rig, source)
    assert isinstance(error, NeedsPerson)
    assert "GRANT SELECT ON public.invoices TO reader" in error.next_step


def test_a_view_is_read_as_a_table(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute("CREATE VIEW posted AS SELECT * FROM invoices WHERE \"DataAreaId\" = 'usmf'")
        connection.execute("GRANT SELECT ON posted TO reader")
    assert read(rig, {**source, "table": "public.posted"}).extract.rows == {"invoices": 2}


def test_a_view_that_writes_cannot(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute("CREATE TABLE seen (n int)")
        connection.execute(
            "CREATE FUNCTION spy() RETURNS boolean LANGUAGE sql SECURITY DEFINER VOLATILE "
            "AS 'INSERT INTO seen VALUES (1) RETURNING true'"
        )
        connection.execute("CREATE VIEW trap AS SELECT * FROM invoices WHERE spy()")
        connection.execute("GRANT SELECT ON trap TO reader")
    error = refusal(rig, {**source, "table": "public.trap"})
    assert isinstance(error, RetryLater)
    assert "SQLSTATE 25006" in error.message  # read_only_sql_transaction
    with owner(server(), source["database"]) as connection:
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (0,)


def test_an_error_half_way_shows_no_value_of_the_data(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute(
            "CREATE VIEW cracked AS SELECT i.*, (i.\"Account\" || '-secret')::int AS broken FROM invoices i"
        )
        connection.execute("GRANT SELECT ON cracked TO reader")
    mapping = {**MAPPING, "open_amount": "broken"}
    error = refusal(rig, {**source, "table": "public.cracked"}, mapping=mapping)
    assert "SQLSTATE 22P02" in error.message and "secret" not in str(error) and "K1" not in str(error)


def test_a_server_that_is_down_is_tried_again_later(rig: Rig) -> None:
    port = free_port()
    source = {**rig.put("invoices", INVOICES), "port": port}
    error = refusal(with_hosts(rig, f"127.0.0.1:{port}"), source)
    assert isinstance(error, RetryLater)
    assert "no connection" in error.message


def test_numbers_that_are_none_are_bad_rows(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute('ALTER TABLE invoices ALTER "Amount" TYPE numeric')
        connection.execute('UPDATE invoices SET "Amount" = \'NaN\' WHERE "RecId" = 1')
        connection.execute('UPDATE invoices SET "Dated" = \'infinity\' WHERE "RecId" = 2')
    found = read(rig, source, max_share=1)
    assert found.extract.set_aside == {
        "invoices: impossible date (invoice_date)": 1,
        "invoices: unparseable amount (amount)": 1,
    }


@pytest.mark.parametrize(("where", "_rows"), WHERE)
def test_what_the_server_can_check_is_left_to_it(where: Any, _rows: list[str]) -> None:
    types = dict.fromkeys(("DataAreaId", "Invoice"), "text") | {"RecId": "int8", "Amount": "numeric"}
    types |= {"Dated": "date", "Disputed": "bool"}
    assert pushed(filters(where), types) is not None


def test_what_the_server_would_read_in_another_way_is_not() -> None:
    assert pushed(filters({"field": "Invoice", "op": "ge", "value": 3}), {"Invoice": "text"}) is None
    assert (
        pushed(filters({"field": "Closed", "op": "gt", "value": date(2024, 1, 1)}), {"Closed": "timestamptz"}) is None
    )


def test_marks_of_percent_in_names_and_values_are_only_letters(rig: Rig) -> None:
    table = Table({**INVOICES.columns, "100%s": "text"}, [(*row, "50%") for row in INVOICES.rows])
    where = {"field": "100%s", "op": "eq", "value": "50%"}
    assert read(rig, rig.put("invoices", table), where=[where]).extract.rows == {"invoices": 3}


def test_large_numbers_keep_every_figure(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute('UPDATE invoices SET "Amount" = %s WHERE "RecId" = 1', [Decimal("12345678901234.5678")])
    assert Decimal("12345678901234.5678") in read(rig, source).column("amount")


@pytest.mark.parametrize("odd", ["A\r\n1", "A\n1", "A\r1"], ids=["CRLF", "LF", "CR"])
def test_a_line_break_inside_a_text_is_a_space(rig: Rig, odd: str) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute('UPDATE invoices SET "Invoice" = %s WHERE "RecId" = 1', [odd])
    assert odd.translate({10: " ", 13: " "}) in read(rig, source).column("invoice")


def test_a_text_that_is_longer_than_any_line_stops_nothing_and_each_row_keeps_its_number(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    with owner(server(), source["database"]) as connection:
        connection.execute('UPDATE invoices SET "Account" = repeat(\'x\', 3000000) WHERE "RecId" = 2')
        connection.execute("CLUSTER invoices USING " + _index(connection))
    found = read(rig, source, max_share=1).extract
    assert [(bad.cause, bad.line) for bad in found.examples] == [("longer than 200 characters", 2)]


def _index(connection: Any) -> str:
    """Makes the rows lie in the order of their number."""
    connection.execute('CREATE INDEX by_number ON invoices ("RecId")')
    return "by_number"


def filters(where: Any) -> Any:
    written = {"source": {"kind": "csv", "path": "x"}, "mapping": {}, "where": [where]}
    return Input.model_validate(written).where


def with_password(rig: Rig, password: str) -> Rig:
    return with_variables(rig, {"RECONCILER_CREDENTIALS_ERP": password})


def with_variables(rig: Rig, variables: dict[str, str]) -> Rig:
    class Other(PostgresqlRig):
        @property
        def variables(self) -> dict[str, str]:
            return variables

    assert isinstance(rig, PostgresqlRig)
    return Other(rig.root, rig.database, rig.port)


def with_hosts(rig: Rig, *hosts: str) -> Rig:
    class Other(PostgresqlRig):
        @property
        def hosts(self) -> frozenset[str]:
            return frozenset(hosts)

    assert isinstance(rig, PostgresqlRig)
    return Other(rig.root, rig.database, rig.port)
