"""HTTP as adapters ask it: one request at a time, nothing followed or sent that was not asked for, faults by kind.

Errors name a host and nothing else: no header, no body, no credential. Plain http is for loopback only.
"""

from __future__ import annotations

import ipaddress
import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx

from reconciler.domain.errors import NeedsPerson
from reconciler.tools.patience import TryAgain

#: What passes by itself.
BUSY = {
    408: "did not wait for the request",
    429: "is asked too often",
    502: "cannot be reached behind its gateway",
    503: "is busy",
    504: "took too long for its gateway",
}
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5


def new_client() -> httpx.Client:
    """A client that follows nothing by itself and takes no proxy or password from the environment; of that only
    SSL_CERT_FILE and SSL_CERT_DIR count."""
    return httpx.Client(
        follow_redirects=False,
        trust_env=False,
        verify=_trusted(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))),
        timeout=httpx.Timeout(60.0, read=300.0),
    )


@cache
def _trusted(*_named: str | None) -> ssl.SSLContext:
    """Whom this machine trusts, read once for what the two variables name."""
    return httpx.create_ssl_context(trust_env=True)


def json_object(body: bytes) -> dict[str, Any]:
    """An answer that is to be a JSON object; empty where it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port, also where that is not written."""
    return url.scheme, url.host, port_of(url)


def port_of(url: httpx.URL) -> int:
    """The port, also where it is not written."""
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_sheltered(url: httpx.URL) -> bool:
    """Whether nobody else can listen: https, or on loopback."""
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))


@contextmanager
def answered(client: httpx.Client, request: httpx.Request) -> Iterator[httpx.Response]:
    """The answer to a request that is sent once, its body unread. Raises TryAgain when the connection fails or is cut,
    also while the body is read inside, and NeedsPerson for a certificate that is not trusted."""
    host = request.url.host
    try:
        response = client.send(request, stream=True)
        try:
            yield response
        finally:
            response.close()
    except (httpx.TransportError, httpx.DecodingError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise NeedsPerson(
                f"the certificate of {host} is not one that this machine trusts",
                next_step="set SSL_CERT_FILE to the certificates of who issued it",
            ) from None
        reason = "cannot be reached" if isinstance(error, httpx.ConnectError) else "cut the connection"
        raise TryAgain(reason) from None
