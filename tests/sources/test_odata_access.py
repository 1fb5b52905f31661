"""OData: who asks, with which credentials, and where these may go."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs

import pytest

from reconciler.adapters.sources.readers.odata_limits import Limits
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from tests.support.odata import PASSWORD, USER
from tests.support.odata_bench import ALL, SECRET, Bench, row
from tests.support.odata_faults import Fault, Proxy, instead, status

pytestmark = pytest.mark.real


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
