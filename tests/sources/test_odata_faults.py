"""OData: what is borne of a service, busy, cut, moving, and what is not: misleading, without end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from reconciler.adapters.sources.readers.odata_limits import Limits
from reconciler.domain.errors import NeedsPerson, RetryLater
from tests.support.odata import PASSWORD, USER
from tests.support.odata_bench import ALL, NOW, Bench
from tests.support.odata_faults import Fault, Proxy, edited, instead, link_to, status

pytestmark = pytest.mark.real


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
