"""OData: what is asked of a real service, and which filters it is trusted with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from reconciler.adapters.sources import Access, Allowed, secrets_of
from reconciler.adapters.sources.asking import Wanted, Work
from reconciler.adapters.sources.columns import columns_of
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import Input
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tools.duck import connect
from tests.support.odata_bench import ALL, MAPPING, ROW, Bench, row
from tests.support.odata_faults import status

pytestmark = pytest.mark.real


# --- what is asked ----------------------------------------------------------------------------------------------


def test_only_the_columns_that_are_wanted_are_asked_for_in_the_order_of_the_key(bench: Bench) -> None:
    bench.read(mapping=MAPPING | {"disputed": "Disputed"})
    asked = next(one for one in bench.proxy.seen if "Invoices" in one.path).query
    assert asked["$select"] == "DataAreaId,Invoice,Account,Dated,Due,Amount,Disputed"
    assert asked["$orderby"] == "DataAreaId,Invoice"
    assert "cross-company" not in asked and "$filter" not in asked


def test_all_companies_are_asked_for_where_the_source_says_so_on_every_page(bench: Bench) -> None:
    assert bench.read(crossCompany=True).column("Invoice") == ALL
    assert all("cross-company=true" in path for path in bench.proxy.rows_asked)
    assert "all companies" in bench.read(crossCompany=True).raw.asked


def test_pages_follow_each_other_and_progress_tells_the_rows_of_all(bench: Bench) -> None:
    found = bench.read()
    assert found.column("Invoice") == ALL
    assert found.column("line") == list(range(1, 11))
    assert bench.told[:4] == [("reading invoices (rows)", done, 10) for done in (3, 6, 9, 10)]


def test_values_arrive_in_the_types_that_the_service_says(bench: Bench) -> None:
    moment = datetime(2024, 2, 1, 22, 30, 0, 120000, tzinfo=UTC)
    bench.put([row(7, Amount=Decimal("0.1"), Closed=moment, Disputed=True, RecId="9007199254740993", Rate=0.1)])
    mapping = MAPPING | {"settled_date": "Closed", "disputed": "Disputed", "currency": "Row"}
    where = [{"field": "RecId", "op": "not-null"}, {"field": "Rate", "op": "not-null"}]
    found = bench.read(mapping=mapping, where=where)
    assert dict(zip(found.rows[0], ["BIGINT", *found.raw.types], strict=True)) == {
        "line": "BIGINT", "DataAreaId": "VARCHAR", "Invoice": "VARCHAR", "Account": "VARCHAR", "Dated": "DATE",
        "Due": "DATE", "Closed": "TIMESTAMP WITH TIME ZONE", "Amount": "DECIMAL(38,18)", "Disputed": "BOOLEAN",
        "RecId": "BIGINT", "Rate": "DOUBLE", "Row": "VARCHAR",
    }  # fmt: skip
    only = found.rows[0]
    assert (only["Amount"], only["RecId"], only["Rate"]) == (Decimal("0.1"), 9007199254740993, 0.1)
    assert only["Closed"] == moment and only["Disputed"] is True and only["Row"] == ROW.format(7)


def test_a_column_that_is_no_single_value_is_refused_by_its_type(bench: Bench) -> None:
    error = bench.refusal(mapping=MAPPING | {"disputed": "Blob"})
    assert error.message == "column 'Blob' of entity set Invoices is of type Edm.Binary, which cannot be read"


def test_an_entity_set_that_is_not_there_is_named_with_the_one_that_is_meant(bench: Bench) -> None:
    error = bench.refusal(entity="Invoice")
    assert isinstance(error, AuthorMustFix)
    assert "the entity set 'Invoice' is not there" in error.message
    assert error.next_step == "did you mean 'Invoices'?"


# --- filters ----------------------------------------------------------------------------------------------------

FILTERS: list[tuple[Any, str, list[int]]] = [
    ({"field": "Account", "op": "eq", "value": "o'Neil & Co+"}, "(Account eq 'o''Neil & Co+')", [4]),
    ({"field": "Account", "op": "eq", "value": "x' or 1 eq 1 or '"}, "(Account eq 'x'' or 1 eq 1 or ''')", []),
    ({"field": "Account", "op": "eq", "value": "Ä%20#?&$select=*"}, "(Account eq 'Ä%20#?&$select=*')", [5]),
    ({"field": "Invoice", "op": "in", "value": ["F-001", "F-002"]},
     "(Invoice eq 'F-001' or Invoice eq 'F-002')", [1, 2]),
    ({"field": "RecId", "op": "not-in", "value": list(range(9))}, "", [9]),
    ({"field": "Amount", "op": "lt", "value": 0.3}, "(Amount lt 0.3)", [0]),
    ({"field": "Amount", "op": "ge", "value": 8}, "(Amount ge 8)", [8, 9]),
    ({"field": "Dated", "op": "gt", "value": date(2024, 1, 5)}, "(Dated gt 2024-01-05)", [6]),
    ({"field": "Closed", "op": "eq", "value": date(2024, 2, 1)},
     "((Closed ge 2024-01-31T00:00:00Z and Closed lt 2024-02-03T00:00:00Z))", [7]),
    ({"field": "Closed", "op": "not-null"}, "Closed ne null", [7]),
    ({"field": "Disputed", "op": "eq", "value": True}, "(Disputed eq true)", [8]),
    ({"field": "Disputed", "op": "is-null"}, "Disputed eq null", [0, 1, 2, 3, 4, 5, 6, 7, 9]),
    ({"field": "Row", "op": "eq", "value": ROW.format(3)}, f"(Row eq {ROW.format(3)})", [3]),
    ({"any": [{"field": "RecId", "op": "eq", "value": 1}, {"field": "RecId", "op": "eq", "value": 2}]},
     "((RecId eq 1) or (RecId eq 2))", [1, 2]),
    ({"all": [{"field": "RecId", "op": "eq", "value": 1}, {"field": "Account", "op": "ne", "value": "K9"}]},
     "((RecId eq 1))", [1]),
]  # fmt: skip
#: What services read differently, or cannot be asked: it is left to us.
KEPT: list[tuple[Any, list[int]]] = [
    ({"field": "Account", "op": "ne", "value": "K1"}, [4, 5]),
    ({"field": "Invoice", "op": "ge", "value": "F-008"}, [8, 9]),
    ({"field": "Account", "op": "is-null"}, []),
    ({"not": {"field": "Disputed", "op": "eq", "value": True}}, [0, 1, 2, 3, 4, 5, 6, 7, 9]),
    ({"field": "RecId", "op": "eq", "value": "3"}, [3]),
    ({"field": "Rate", "op": "eq", "value": 0.5}, list(range(10))),
    ({"any": [{"field": "RecId", "op": "eq", "value": 1}, {"field": "Account", "op": "ne", "value": "K1"}]}, [1, 4, 5]),
]


def special(number: int) -> dict[str, Any]:
    found: dict[int, dict[str, Any]] = {
        4: {"Account": "o'Neil & Co+"},
        5: {"Account": "Ä%20#?&$select=*"},
        6: {"Dated": date(2024, 1, 6)},
        7: {"Closed": datetime(2024, 2, 1, 9, tzinfo=UTC)},
        8: {"Disputed": True},
    }
    return found.get(number, {})


@pytest.fixture
def filled(bench: Bench) -> Bench:
    bench.put([row(number, **special(number)) for number in range(10)], page=100)
    return bench


@pytest.mark.parametrize(("where", "text", "numbers"), FILTERS)
def test_a_filter_is_sent_as_literals_of_the_columns_types(
    filled: Bench, where: Any, text: str, numbers: list[int]
) -> None:
    found = filled.read(where=[where])
    asked = [one for one in filled.proxy.seen if "Invoices" in one.path][-1].query
    assert text in asked["$filter"]
    assert [int(name[2:]) for name in found.column("Invoice")] == numbers
    assert not found.raw.filtered


@pytest.mark.parametrize(("where", "numbers"), KEPT)
def test_what_services_read_differently_is_not_sent(filled: Bench, where: Any, numbers: list[int]) -> None:
    found = filled.read(where=[where])
    assert all("$filter" not in path for path in filled.proxy.rows_asked)
    assert len(found.rows) == 10 and not found.raw.filtered


def test_a_filter_that_the_service_refuses_is_left_out(bench: Bench) -> None:
    bench.proxy.faults = [status(400)]
    found = bench.read(where=[{"field": "RecId", "op": "ge", "value": 5}])
    assert found.column("Invoice") == ALL
    assert ["$filter" in path for path in bench.proxy.rows_asked][:2] == [True, False]
    assert "where" not in found.raw.asked


def test_a_filter_that_makes_an_address_too_long_is_left_out(bench: Bench) -> None:
    many = {"field": "Invoice", "op": "in", "value": [f"F-{number:03}" for number in range(500)]}
    assert bench.read(where=[many, {"field": "RecId", "op": "ge", "value": 5}]).column("Invoice") == ALL[5:]
    assert all(len(one.path) < 2048 for one in bench.proxy.seen)


def test_of_changes_no_filter_is_sent_because_the_newest_may_be_one_that_does_not_pass(bench: Bench) -> None:
    from reconciler.adapters.sources.readers import odata

    given = Input.model_validate(
        {
            "source": bench.source(),
            "mapping": MAPPING,
            "where": [{"field": "RecId", "op": "ge", "value": 5}],
            "changes": {"key": ["Invoice"], "version": "RecId"},
        }
    )
    wanted = Wanted("invoices", given, columns_of(SPEC, "invoices", given))
    access = Access(bench.folder, Allowed((), frozenset({f"127.0.0.1:{bench.proxy.port}"})), secrets_of({}))
    with connect(bench.folder) as database, odata.KIND.open(given.source, access) as reader:
        reader(wanted, Work(bench.folder, database, lambda *_: None))
    assert all("$filter" not in path for path in bench.proxy.rows_asked)
