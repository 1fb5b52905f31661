"""OData: what is asked of a real service, and what is borne of it: busy, cut, misleading, without end."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from reconciler.adapters.sources import Access, Allowed, secrets_of
from reconciler.adapters.sources.asking import Raw, Wanted, Work
from reconciler.adapters.sources.columns import columns_of
from reconciler.adapters.sources.readers.odata import open_odata
from reconciler.adapters.sources.readers.odata_patience import Limits
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, ReconcilerError, RetryLater
from reconciler.domain.inputs import Input
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tools.duck import connect
from tests.support.odata import PASSWORD, USER, ODataServer, server
from tests.support.odata_faults import Fault, Proxy, edited, instead, link_to, proxy, status

pytestmark = pytest.mark.real

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "S3cret&of=the+client"
COLUMNS = {
    "DataAreaId": "text", "Invoice": "text", "Account": "text", "Dated": "date", "Due": "date", "Amount": "number",
    "Closed": "moment", "Disputed": "flag", "RecId": "whole", "Rate": "double", "Row": "uuid", "Blob": "binary",
}  # fmt: skip
MAPPING = {
    "legal_entity": "DataAreaId", "invoice": "Invoice", "customer": "Account", "invoice_date": "Dated",
    "due_date": "Due", "amount": "Amount",
}  # fmt: skip
ROW = "11111111-1111-4111-8111-{:012}"


def row(number: int, **changed: Any) -> tuple[Any, ...]:
    cells = {
        "DataAreaId": "usmf", "Invoice": f"F-{number:03}", "Account": "K1", "Dated": date(2024, 1, 5),
        "Due": date(2024, 2, 4), "Amount": Decimal(number), "Closed": None, "Disputed": None, "RecId": number,
        "Rate": 0.5, "Row": ROW.format(number), "Blob": None,
    }  # fmt: skip
    return tuple((cells | changed).values())


@dataclass
class Clock:
    """`Timer` that nobody waits for."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Bench:
    """A service of ten rows, three a page, behind a proxy, and a reader of it."""

    running: ODataServer
    proxy: Proxy
    folder: Path
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    variables: Mapping[str, str] = field(default_factory=lambda: {"RECONCILER_CREDENTIALS_ERP": SECRET})
    told: list[tuple[str, int, int]] = field(default_factory=list)
    hosts: frozenset[str] = frozenset()

    def put(self, rows: Sequence[Sequence[Any]], **given: Any) -> None:
        self.running.put("Invoices", COLUMNS, rows, **{"keys": ["DataAreaId", "Invoice"], "page": 3, **given})

    def source(self, **changed: Any) -> dict[str, Any]:
        return {"kind": "odata", "url": self.proxy.url, "entity": "Invoices", **changed}

    def read(self, *, where: Sequence[Any] = (), mapping: Mapping[str, Any] | None = None, **changed: Any) -> Rows:
        given = {"source": self.source(**changed), "mapping": mapping or MAPPING, "where": list(where)}
        wanted_input = Input.model_validate(given)
        wanted = Wanted("invoices", wanted_input, columns_of(SPEC, "invoices", wanted_input))
        hosts = self.hosts or frozenset({f"127.0.0.1:{self.proxy.port}"})
        access = Access(self.folder, Allowed((), hosts), secrets_of(self.variables))
        with (
            connect(self.folder) as database,
            open_odata(wanted_input.source, access, timer=self.clock, limits=self.limits) as reader,
        ):
            raw = reader(wanted, Work(self.folder, database, lambda *told: self.told.append(told)))
            found = database.execute(f"SELECT * FROM {raw.relation} ORDER BY line").fetchall()  # noqa: S608
        return Rows(raw, [dict(zip(("line", *wanted.names), cells, strict=True)) for cells in found])

    def refusal(self, **given: Any) -> ReconcilerError:
        with pytest.raises(ReconcilerError) as caught:
            self.read(**given)
        told = f"{caught.value.message} {caught.value.next_step} {caught.value.__cause__} {caught.value.args}"
        assert SECRET not in told and "TOKEN-" not in told and PASSWORD not in told and "OF-THE-BODY" not in told
        return caught.value


@dataclass
class Rows:
    raw: Raw
    rows: list[dict[str, Any]]

    def column(self, name: str) -> list[Any]:
        return [one[name] for one in self.rows]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    running = server()
    running.reset()
    with proxy(running.port) as before:
        found = Bench(running, before, tmp_path)
        found.put([row(number) for number in range(10)])
        yield found


ALL = [f"F-{number:03}" for number in range(10)]

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


# --- faults that pass -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_service_is_asked_again_after_the_seconds_that_it_says(bench: Bench, code: int) -> None:
    bench.proxy.faults = [None, status(code, retry_after="7"), status(code, retry_after="11")]
    assert bench.read().column("Invoice") == ALL
    assert bench.clock.slept == [7.0, 11.0]


def test_a_busy_service_is_asked_again_at_the_time_that_it_says(bench: Bench) -> None:
    then = format_datetime(NOW + timedelta(seconds=42), usegmt=True)
    bench.proxy.faults = [status(429, retry_after=then)]
    assert bench.read().column("Invoice") == ALL
    assert bench.clock.slept == [42.0]


@pytest.mark.parametrize("hint", ["soon", "-5", "99999999999999", "Thu, 99 Jan 2026 00:00:00 GMT", ""])
def test_a_hint_that_is_nonsense_is_none(bench: Bench, hint: str) -> None:
    bench.proxy.faults = [status(503, retry_after=hint)]
    assert bench.read().column("Invoice") == ALL
    assert bench.clock.slept == [1.0]


@pytest.mark.parametrize(
    "fault", [Fault(cut=0), Fault(cut=150), instead(b'{"value": [{"Invoice": "F-0'), instead(b"[" * 100_000)]
)
def test_a_page_that_fails_half_way_is_asked_for_again_and_no_row_is_doubled_or_lost(
    bench: Bench, fault: Fault
) -> None:
    bench.limits = Limits(pages_read_twice=0)
    bench.proxy.faults = [None, fault, None, fault]
    assert bench.read().column("Invoice") == ALL
    assert [path.partition("skiptoken=")[2] for path in bench.proxy.rows_asked] == ["", "3", "3", "6", "6", "9"]
    assert bench.clock.slept == [1.0, 1.0]


def test_tries_are_bounded_and_waits_double(bench: Bench) -> None:
    bench.proxy.always = Fault(cut=10)
    error = bench.refusal()
    assert isinstance(error, RetryLater)
    assert error.message == "127.0.0.1 cut the connection, 6 times"
    assert bench.clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_wait_that_is_too_long_ends_the_reading_and_is_said(bench: Bench) -> None:
    bench.proxy.always = status(429, retry_after="86400")
    assert bench.refusal().message == "127.0.0.1 is asked too often and asks to wait 86,400 seconds"
    assert bench.clock.slept == []


def test_a_service_that_nobody_runs_cannot_be_reached(bench: Bench) -> None:
    bench.hosts = frozenset({"127.0.0.1"})
    error = bench.refusal(url="http://127.0.0.1:9/data")
    assert isinstance(error, RetryLater) and "cannot be reached" in error.message


def test_a_redirect_on_the_same_host_is_followed(bench: Bench) -> None:
    moved = Fault(
        lambda *_: (307, {"Location": "/data/Invoices?$select=DataAreaId,Invoice,Account,Dated,Due,Amount"}, b"")
    )
    bench.proxy.faults = [moved]
    assert len(bench.read().rows) == 10


# --- rows that move -----------------------------------------------------------------------------------------------


def test_a_table_of_few_pages_is_read_until_two_readings_are_equal(bench: Bench) -> None:
    bench.proxy.faults = [edited(lambda page: page["value"][0].update({"Amount": "99"}))]
    assert bench.read().column("Amount") == [Decimal(number) for number in range(10)]
    assert len(bench.proxy.rows_asked) == 12


def test_a_row_that_comes_twice_makes_all_be_read_again(bench: Bench) -> None:
    bench.limits = Limits(pages_read_twice=0)
    bench.proxy.faults = [None, edited(lambda page: page["value"].insert(0, {**page["value"][0], "Invoice": "F-002"}))]
    found = bench.read()
    assert found.column("Invoice") == ALL
    assert "in 4 pages of as many moments" in found.raw.asked


def test_rows_that_are_fewer_than_were_counted_make_all_be_read_again(bench: Bench) -> None:
    bench.limits = Limits(pages_read_twice=0)
    bench.proxy.faults = [None, edited(lambda page: page["value"].pop())]
    assert bench.read().column("Invoice") == ALL
    assert len(bench.proxy.rows_asked) == 8


def test_a_table_that_never_rests_is_said(bench: Bench) -> None:
    numbers = iter(range(1000))
    bench.proxy.always = edited(lambda page: page["value"][0].update({"Amount": str(next(numbers))}))
    error = bench.refusal()
    assert isinstance(error, RetryLater)
    assert error.message == "entity set Invoices changed while it was read, 5 times"


# --- faults that do not pass --------------------------------------------------------------------------------------


@pytest.fixture
def stranger(bench: Bench) -> Iterator[Proxy]:
    """Another host, which would give rows if it were asked."""
    with proxy(bench.running.port) as found:
        yield found


def test_a_next_link_to_another_host_is_refused_by_name_and_nothing_is_sent_there(
    bench: Bench, stranger: Proxy
) -> None:
    bench.hosts, bench.variables = frozenset({"127.0.0.1"}), {"RECONCILER_CREDENTIALS_ERP": PASSWORD}
    bench.proxy.faults = [link_to(f"{stranger.url}/Invoices")]
    error = bench.refusal(authentication={"kind": "basic", "user": USER, "credentials": "erp"})
    assert f"gave a next link to http://127.0.0.1:{stranger.port}, which is refused" in error.message
    assert stranger.seen == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused_by_name_and_nothing_is_sent_there(
    bench: Bench, stranger: Proxy, code: int
) -> None:
    bench.hosts, bench.variables = frozenset({"127.0.0.1"}), {"RECONCILER_CREDENTIALS_ERP": PASSWORD}
    bench.proxy.faults = [status(code, location=f"{stranger.url}/Invoices")]
    error = bench.refusal(authentication={"kind": "basic", "user": USER, "credentials": "erp"})
    assert f"gave a redirect to http://127.0.0.1:{stranger.port}, which is refused" in error.message
    assert stranger.seen == []


@pytest.mark.parametrize(
    "link",
    ["https://127.0.0.1:{port}/data/x", "//evil.example/x", "http://user@127.0.0.1:{port}/data/x", "file:///etc/passwd",
     "http://127.0.0.1:{port}@evil.example/", "http://evil.example\\@127.0.0.1:{port}/", "http://localhost:{port}/data/x",
     "http://[::1", "\x00"],
)  # fmt: skip
def test_a_link_that_only_looks_like_the_services_own_is_refused(bench: Bench, link: str) -> None:
    bench.proxy.faults = [link_to(link.format(port=bench.proxy.port))]
    error = bench.refusal()
    assert isinstance(error, NeedsPerson) and "gave a next link" in error.message


def test_a_next_link_that_the_service_refuses_itself_is_for_later(bench: Bench) -> None:
    bench.proxy.faults = [None, status(410)]
    error = bench.refusal()
    assert isinstance(error, RetryLater) and "refuses its own next link" in error.message


def test_redirects_have_an_end(bench: Bench) -> None:
    bench.proxy.always = status(307, location="/data/Invoices")
    assert "redirects without end" in bench.refusal().message


def test_next_links_that_lead_back_end_with_an_error(bench: Bench) -> None:
    bench.limits = Limits(pages=50)
    bench.proxy.always = link_to("Invoices?$skiptoken=3")
    assert bench.refusal().message == "the pages of entity set Invoices have no end: a next link leads back"


def test_next_links_without_end_end_with_an_error(bench: Bench) -> None:
    bench.limits = Limits(pages=7)
    numbers = iter(range(1000))
    bench.proxy.always = edited(lambda page: page.update({"@odata.nextLink": f"Invoices?$skip={next(numbers)}"}))
    assert bench.refusal().message == "the pages of entity set Invoices have no end: there are more than 7"
    assert len(bench.proxy.rows_asked) == 7


def test_a_reading_has_an_end_in_time(bench: Bench) -> None:
    bench.limits = Limits(seconds=100)
    bench.proxy.always = status(503, retry_after="60")
    assert bench.refusal().message == "127.0.0.1 takes longer than 100 seconds"


def test_a_page_that_is_too_large_is_not_taken(bench: Bench) -> None:
    bench.limits = Limits(page=1 << 20)
    bench.proxy.faults = [instead(b" " * (2 << 20))]
    assert "127.0.0.1 sent more than 1 MiB in one answer" in bench.refusal().message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Log in</html>", "text/html"),
        (b'{"d": {"results": []}}', "application/json"),
        (b'{"value": [1, 2]}', "application/json"),
        (b'{"value": [], "@odata.nextLink": {}}', "application/json"),
        (b"null", "application/json"),
    ],
)
def test_an_answer_that_is_not_odata_is_said(bench: Bench, body: bytes, kind: str) -> None:
    bench.proxy.faults = [instead(body, kind)]
    assert bench.refusal().message == "entity set Invoices is not OData version 4"
    assert bench.clock.slept == []


def test_values_that_are_not_of_their_type_are_bad_rows_by_their_line(bench: Bench) -> None:
    bad = {1: "12,5", 2: "1e30", 4: {"a": 1}, 5: "NaN"}

    def spoil(page: dict[str, Any]) -> None:
        for one in page["value"]:
            number = int(one["Invoice"][2:])
            one["Amount"] = bad.get(number, one["Amount"])
            if number == 7:
                del one["Amount"]
            if number == 8:
                one["Dated"] = "2024-02-31"
            if number == 9:
                one["Account"] = "half \ud800"

    bench.proxy.always = edited(spoil)
    found = bench.read()
    assert found.column("line") == [1, 4, 7]
    assert found.raw.refused == {
        "a value that is not of its column's type": [2, 3, 5, 6, 10],
        "a column is missing in the answer": [8],
        "impossible date": [9],
    }


def test_numbers_in_json_never_become_floats(bench: Bench) -> None:
    exact = b'{"value": [{"DataAreaId":"a","Invoice":"b","Account":"c","Dated":null,"Due":null,"Amount":%s}]}'
    for text, amount in ((b"12345678901234567.000000000000000001", "12345678901234567.000000000000000001"),
                         (b"1.5E-7", "0.00000015"), (b"-0.1", "-0.1")):  # fmt: skip
        bench.proxy.faults = [instead(exact % text)]
        assert bench.read().column("Amount") == [Decimal(amount)]


# --- who asks -----------------------------------------------------------------------------------------------------


def test_user_and_password_are_checked_by_the_service(bench: Bench) -> None:
    bench.put([row(1)], protected=True)
    who = {"kind": "basic", "user": USER, "credentials": "erp"}
    bench.variables = {"RECONCILER_CREDENTIALS_ERP": PASSWORD}
    assert bench.read(authentication=who).column("Invoice") == ["F-001"]
    assert bench.proxy.seen[-1].authorization == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    bench.variables = {"RECONCILER_CREDENTIALS_ERP": "wrong"}
    assert "refuses" in bench.refusal(authentication=who).message
    assert isinstance(bench.refusal(), NeedsPerson)


def test_credentials_that_the_runner_has_not_are_named(bench: Bench) -> None:
    bench.variables = {}
    error = bench.refusal(authentication={"kind": "basic", "user": USER, "credentials": "erp"})
    assert "RECONCILER_CREDENTIALS_ERP" in error.next_step
    assert bench.proxy.seen == []


@pytest.fixture
def client(bench: Bench) -> dict[str, Any]:
    """OAuth2 with the bench's proxy as the place of tokens, of which the service takes any."""
    bench.proxy.accepted = {f"TOKEN-{number}" for number in range(1, 100)}
    return {
        "kind": "oauth2", "tokenUrl": f"http://127.0.0.1:{bench.proxy.port}/token", "clientId": "the client",
        "scope": "https://erp.example/.default", "credentials": "erp",
    }  # fmt: skip


def test_a_client_asks_for_a_token_once_and_shows_it_on_every_page(bench: Bench, client: dict[str, Any]) -> None:
    assert bench.read(authentication=client).column("Invoice") == ALL
    asked = [one for one in bench.proxy.seen if one.method == "POST"]
    assert [parse_qs(one.body) for one in asked] == [
        {"grant_type": ["client_credentials"], "client_id": ["the client"], "client_secret": [SECRET],
         "scope": ["https://erp.example/.default"]}
    ]  # fmt: skip
    assert {one.authorization for one in bench.proxy.seen if one.method == "GET"} == {"Bearer TOKEN-1"}
    assert all(SECRET not in one.path and "TOKEN" not in one.path for one in bench.proxy.seen)


def test_a_token_that_is_refused_is_renewed_once(bench: Bench, client: dict[str, Any]) -> None:
    bench.limits = Limits(pages_read_twice=0)
    bench.proxy.faults = [None, status(401)]
    bench.proxy.accepted = {"TOKEN-1", "TOKEN-2"}
    assert bench.read(authentication=client).column("Invoice") == ALL
    assert bench.proxy.tokens == ["TOKEN-1", "TOKEN-2"]


def test_a_token_that_is_refused_twice_needs_a_person(bench: Bench, client: dict[str, Any]) -> None:
    bench.proxy.accepted = set()
    error = bench.refusal(authentication=client)
    assert isinstance(error, NeedsPerson) and "refuses" in error.message
    assert bench.proxy.tokens == ["TOKEN-1", "TOKEN-2"]


def test_a_token_is_renewed_once_for_a_page_however_often_it_is_asked_for(bench: Bench, client: dict[str, Any]) -> None:
    bench.proxy.faults = [status(401), status(503), status(401)]
    assert isinstance(bench.refusal(authentication=client), NeedsPerson)
    assert bench.proxy.tokens == ["TOKEN-1", "TOKEN-2"]


def test_a_token_is_renewed_before_it_runs_out(bench: Bench, client: dict[str, Any]) -> None:
    bench.limits = Limits(pages_read_twice=0)
    bench.proxy.expires_in = 100
    bench.proxy.faults = [None, status(503, retry_after="70")]
    assert bench.read(authentication=client).column("Invoice") == ALL
    assert bench.proxy.tokens == ["TOKEN-1", "TOKEN-2"]


def test_the_place_of_tokens_is_waited_for_too(bench: Bench, client: dict[str, Any]) -> None:
    bench.proxy.token_faults = [status(503, retry_after="5"), status(429)]
    assert bench.read(authentication=client).column("Invoice") == ALL
    assert bench.clock.slept == [5.0, 2.0]


@pytest.mark.parametrize(
    "fault",
    [
        status(401),
        status(400),
        instead(b"{}"),
        instead(b'{"access_token": "a\\r\\nX: y"}'),
        instead(b'{"access_token": 7}'),
    ],
)
def test_no_token_needs_a_person(bench: Bench, client: dict[str, Any], fault: Fault) -> None:
    bench.proxy.token_faults = [fault]
    error = bench.refusal(authentication=client)
    assert isinstance(error, NeedsPerson) and "gave no token for the credentials erp" in error.message


def test_the_secret_goes_to_no_place_that_the_place_of_tokens_names(
    bench: Bench, client: dict[str, Any], stranger: Proxy
) -> None:
    bench.hosts = frozenset({"127.0.0.1"})
    bench.proxy.token_faults = [status(307, location=f"http://127.0.0.1:{stranger.port}/token")]
    assert "redirects, which is refused" in bench.refusal(authentication=client).message
    assert stranger.seen == []


# --- where from ---------------------------------------------------------------------------------------------------


def test_a_host_that_the_runner_does_not_allow_is_not_asked(bench: Bench) -> None:
    bench.hosts = frozenset({"erp.example"})
    error = bench.refusal()
    assert "may not be asked" in error.message and bench.proxy.seen == []


def test_a_place_of_tokens_that_the_runner_does_not_allow_is_not_asked(
    bench: Bench, client: dict[str, Any], stranger: Proxy
) -> None:
    client["tokenUrl"] = f"http://127.0.0.1:{stranger.port}/token"
    assert f"127.0.0.1:{stranger.port} may not be asked" in bench.refusal(authentication=client).message
    assert bench.proxy.seen == [] and stranger.seen == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://erp.example/data", "http://erp.example/data is not encrypted"),
        ("http://127.0.0.1.evil.example/data", "is not encrypted"),
        ("ftp://erp.example/data", "is not the plain address of a service"),
        ("https://somebody@erp.example/data", "is not the plain address of a service"),
        ("https://erp.example/data?x=1", "is not the plain address of a service"),
        ("erp.example/data", "is not the plain address of a service"),
        ("https://[::1/data", "is not an address"),
    ],
)
def test_an_address_is_https_or_loopback_and_plain(bench: Bench, url: str, words: str) -> None:
    bench.hosts = frozenset({"erp.example", "127.0.0.1.evil.example"})
    error = bench.refusal(url=url)
    assert isinstance(error, AuthorMustFix) and words in error.message


def test_a_proxy_in_the_environment_is_not_asked(
    bench: Bench, stranger: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{stranger.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{stranger.port}")
    assert bench.read().column("Invoice") == ALL
    assert stranger.seen == []
