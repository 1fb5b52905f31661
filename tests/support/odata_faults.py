"""A proxy in front of the real OData service that does what the service will not: be busy, cut, redirect, mislead.

`faults` are used up in order by requests for rows (one each; None lets a request pass); `description_faults` by those
for $metadata; `token_faults` by those for a token. Everything that is asked is in `seen`.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.loopback import serving

#: So many requests are answered and no more: a reading without end ends all the same.
_MOST = 300
Headers = dict[str, str]
#: What becomes of the service's answer: status, headers, body.
Change = Callable[[int, Headers, bytes], tuple[int, Headers, bytes]]


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    headers: Headers
    body: str = ""

    @property
    def authorization(self) -> str | None:
        return self.headers.get("Authorization")

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}


@dataclass(frozen=True)
class Fault:
    """`change` makes another answer; `cut` ends the connection after so many bytes of the body."""

    change: Change | None = None
    cut: int | None = None


def status(code: int, **headers: str) -> Fault:
    """An answer without rows; `retry_after` is the header Retry-After."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(lambda *_: (code, given, b"SECRET-OF-THE-BODY"))


def instead(body: bytes, kind: str = "application/json") -> Fault:
    """Another body."""
    return Fault(lambda *_: (200, {"Content-Type": kind}, body))


def edited(edit: Callable[[dict[str, Any]], Any]) -> Fault:
    """The same page with something changed in place."""

    def change(code: int, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        page = json.loads(body)
        edit(page)
        return code, headers, json.dumps(page).encode()

    return Fault(change)


def link_to(link: str) -> Fault:
    """The same page, and its next link leads elsewhere."""
    return edited(lambda page: page.update({"@odata.nextLink": link}))


@dataclass
class Proxy:
    """What the tests set and see."""

    upstream: int
    port: int = 0
    faults: list[Fault | None] = field(default_factory=list)
    description_faults: list[Fault | None] = field(default_factory=list)
    token_faults: list[Fault | None] = field(default_factory=list)
    always: Fault | None = None
    tokens: list[str] = field(default_factory=list)
    accepted: set[str] | None = None
    expires_in: int = 3600
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/data"

    @property
    def rows_asked(self) -> list[str]:
        """The requests for rows, as they were asked, decoded."""
        return [unquote(one.path) for one in self.seen if one.method == "GET" and "$metadata" not in one.path]

    def fault_for(self, path: str) -> Fault | None:
        queue = self.description_faults if "$metadata" in path else self.faults
        if queue:
            return queue.pop(0)
        return None if "$metadata" in path else self.always

    def token(self) -> tuple[int, Headers, bytes]:
        token = f"TOKEN-{len(self.tokens) + 1}"
        self.tokens.append(token)
        given = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        return 200, {"Content-Type": "application/json"}, json.dumps(given).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are sent apart
    proxy: Proxy

    def do_GET(self) -> None:
        proxy = self.proxy
        proxy.seen.append(Seen("GET", self.path, dict(self.headers)))
        if len(proxy.seen) > _MOST:
            return self._answer((418, {}, b""), None)
        fault = proxy.fault_for(self.path)
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if proxy.accepted is not None and bearer not in proxy.accepted:
            return self._answer((401, {}, b""), None)
        return self._answer(self._upstream(), fault)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.proxy.seen.append(Seen("POST", self.path, dict(self.headers), body))
        fault = self.proxy.token_faults.pop(0) if self.proxy.token_faults else None
        if fault and fault.change:
            return self._answer((200, {}, b""), fault)
        return self._answer(self.proxy.token(), fault)

    def _upstream(self) -> tuple[int, Headers, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=30)
        names = ("Accept", "Authorization", "Prefer", "OData-MaxVersion")
        sent = {name: self.headers[name] for name in names if self.headers[name]}
        if self.proxy.accepted is not None:
            sent.pop("Authorization", None)
        connection.request("GET", self.path, headers=sent)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, {"Content-Type": response.getheader("Content-Type") or ""}, body

    def _answer(self, answer: tuple[int, Headers, bytes], fault: Fault | None) -> None:
        code, headers, body = fault.change(*answer) if fault and fault.change else answer
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault and fault.cut is not None:
            self.wfile.write(body[: fault.cut])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


@contextmanager
def proxy(upstream: int) -> Iterator[Proxy]:
    """Run one before the service at that port of 127.0.0.1."""
    found = Proxy(upstream)
    with serving(_Handler, proxy=found) as found.port:
        yield found
