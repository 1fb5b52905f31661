"""A proxy in front of a real registry: it counts what is sent, and does what the registry will not: fail, cut, mislead.

`faults` are used up in order by requests whose method and path they name; everything that is asked is in `seen`.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.loopback import serving

#: So many requests are answered and no more: a client without end ends all the same.
_MOST = 3000
_WRITES = ("POST", "PUT", "DELETE")
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Asked:
    """One request; `sent` is the length of its body."""

    method: str
    path: str
    headers: dict[str, str]
    sent: int

    @property
    def is_write(self) -> bool:
        return self.method in _WRITES

    @property
    def authorization(self) -> str | None:
        return self.headers.get("Authorization")


@dataclass(frozen=True)
class Fault:
    """For the next request with this method and this pattern in its path: another answer, or a cut after so many bytes
    of the request's (`-1`: before any) or of the answer's body."""

    method: str
    pattern: str
    change: Callable[[Answer], Answer] | None = None
    cut_request: bool = False
    cut_answer: int | None = None


def status(method: str, pattern: str, code: int, **headers: str) -> Fault:
    """An answer without what was asked for; `retry_after` is the header Retry-After."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(method, pattern, lambda _: (code, given, b"SECRET-OF-THE-BODY"))


@dataclass
class Proxy:
    """What the tests set and see. `dead`: after so many writes that passed, every connection is cut, as where a client
    was killed. `at_write` is told before each write passes."""

    upstream: int
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    seen: list[Asked] = field(default_factory=list)
    dead: int | None = None
    writes: int = 0
    at_write: Callable[[int], None] = lambda _number: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def sent(self) -> int:
        """Bytes of all bodies that were sent to the registry."""
        return sum(asked.sent for asked in self.seen)

    def asked(self, method: str, pattern: str = "") -> list[Asked]:
        """The requests of a kind."""
        return [one for one in self.seen if one.method == method and re.search(pattern, one.path)]

    def take(self, asked: Asked) -> tuple[bool, Fault | None]:
        """Whether the connection lives, and the fault for a request."""
        with self.lock:
            self.seen.append(asked)
            if len(self.seen) > _MOST or (self.dead is not None and self.writes >= self.dead):
                return False, None
            for fault in self.faults:
                if fault.method == asked.method and re.search(fault.pattern, asked.path):
                    self.faults.remove(fault)
                    return True, fault
            if asked.is_write:
                self.writes += 1
                self.at_write(self.writes)
            return True, None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        alive, fault = self.proxy.take(Asked(self.command, self.path, dict(self.headers), length))
        if not alive or (fault and fault.cut_request):
            self.close_connection = True
            return
        code, headers, content = self._upstream(body)
        if fault and fault.change:
            code, headers, content = fault.change((code, headers, content))
        self._answer((code, headers, content), fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any

    def _upstream(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=30)
        kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body=body or None, headers=kept)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), content

    def _answer(self, answer: Answer, fault: Fault | None) -> None:
        code, headers, content = answer
        length = headers.pop("Content-Length", None) if self.command == "HEAD" else None
        headers = {name: value for name, value in headers.items() if name not in ("Content-Length", "Date")}
        self.send_response(code)
        for name, value in {**headers, "Content-Length": length or str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.cut_answer is not None:
            self.wfile.write(content[: fault.cut_answer])
            self.close_connection = True
            return
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


@contextmanager
def proxy(upstream: int) -> Iterator[Proxy]:
    """Run one before the registry at that port of 127.0.0.1."""
    found = Proxy(upstream)
    with serving(_Handler, proxy=found) as found.port:
        yield found
