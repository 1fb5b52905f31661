"""Requests to one service: never to another host, bounded, patient, and with its credentials nowhere but there.

A redirect or link to another scheme, host or port is refused by name before anything is sent. Plain http is for
loopback only. No error shows a header, a body or a credential.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx

from reconciler.adapters.sources.allow import Allowed
from reconciler.adapters.sources.readers.odata_limits import Limits
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.tools.patience import Patience, TryAgain
from reconciler.tools.web import BUSY, MOST_REDIRECTS, REDIRECTS, answered, is_sheltered, origin, port_of

T = TypeVar("T")


class Credentials(Protocol):
    """Who asks. `headers` are for the service alone; `renew` says whether asking again with fresh ones may help."""

    def headers(self) -> Mapping[str, str]:
        """The headers that say who asks."""

    def renew(self) -> bool:
        """Forget what a service refused; False where there is nothing else to offer."""


@dataclass(frozen=True)
class Answer:
    """What a service said: status, kind of content, body, and the address that answered."""

    status: int
    kind: str
    body: bytes
    url: httpx.URL
    after: float | None = None


def address(text: str, allowed: Allowed) -> httpx.URL:
    """An address from a manifest. Raises AuthorMustFix for one that this runner does not allow, that is not
    https (or loopback), or that holds a user, a query or a fragment."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise AuthorMustFix(f"{text!r} is not an address", next_step="write https://HOST/PATH") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise AuthorMustFix(
            f"{text!r} is not the plain address of a service", next_step="write https://HOST/PATH, and nothing behind"
        )
    if not is_sheltered(url):
        raise AuthorMustFix(f"{text} is not encrypted", next_step="write https://")
    allowed.check_host(url.host, port_of(url))
    return url


@dataclass
class Service:
    """One service at `root`. All that is asked of it goes through `get`."""

    root: httpx.URL
    client: httpx.Client
    credentials: Credentials
    patience: Patience
    limits: Limits

    def get(self, url: httpx.URL, accept: str, most: int, read: Callable[[Answer], T]) -> T:
        """What `read` makes of the answer; where the service is busy, the connection is cut, or `read` raises
        TryAgain, the same request again."""
        renewed = False

        def once() -> T:
            nonlocal renewed
            answer = self._follow(url, accept, most)
            if answer.status == 401 and not renewed and self.credentials.renew():
                renewed = True
                answer = self._follow(url, accept, most)
            if answer.status in BUSY:
                raise TryAgain(BUSY[answer.status], answer.after)
            return read(answer)

        return self.patience.until_done(once, self.root.host)

    def link(self, base: httpx.URL, link: str, what: str) -> httpx.URL:
        """Where a link from the service leads. Raises NeedsPerson for one that leads to another host."""
        try:
            url = base.join(link)
        except (httpx.InvalidURL, ValueError):
            raise NeedsPerson(
                f"{self.root.host} gave a {what} that is no address", next_step="tell its keeper"
            ) from None
        if origin(url) != origin(self.root) or url.userinfo:
            raise NeedsPerson(
                f"{self.root.host} gave a {what} to {url.scheme}://{url.host}:{port_of(url)}, which is refused: "
                "rows are read from the service that the manifest names, and from no other",
                next_step="if the service has moved, write its new address in `source.url`",
            )
        return url.copy_with(fragment=None)

    def _follow(self, url: httpx.URL, accept: str, most: int) -> Answer:
        for _ in range(MOST_REDIRECTS):
            headers = {"Accept": accept, "OData-MaxVersion": "4.0", "Prefer": "odata.maxpagesize=5000"}
            request = self.client.build_request("GET", url, headers={**headers, **self.credentials.headers()})
            answer, location = send(self.client, request, most, self.patience)
            if location is None:
                return answer
            url = self.link(url, location, "redirect")
        raise NeedsPerson(f"{self.root.host} redirects without end", next_step="check `source.url`")


def send(client: httpx.Client, request: httpx.Request, most: int, patience: Patience) -> tuple[Answer, str | None]:
    """Send once: the answer, and where it redirects to. Raises TryAgain when the connection fails or is cut, and
    NeedsPerson for a certificate that is not trusted or more than `most` bytes."""
    with answered(client, request) as response:
        body = _body(response, most, patience)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    after = patience.seconds_of(response.headers.get("retry-after"))
    location = response.headers.get("location") if response.status_code in REDIRECTS else None
    return Answer(response.status_code, kind, body, request.url, after), location


def _body(response: httpx.Response, most: int, patience: Patience) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes(1 << 16):
        body += chunk
        if len(body) > most:
            raise NeedsPerson(
                f"{response.request.url.host} sent more than {most >> 20} MiB in one answer",
                next_step="check `source.url`; ask the service's keeper for smaller pages",
            )
        patience.check(response.request.url.host)
    return bytes(body)


def refusal(answer: Answer, what: str) -> AuthorMustFix | NeedsPerson:
    """The error for an answer that is not what was asked for, without a word of its body."""
    match answer.status:
        case 401 | 403:
            return NeedsPerson(
                f"{answer.url.host} refuses {what} to these credentials (status {answer.status})",
                next_step="check `source.authentication`, the runner's credentials, and what they may read",
            )
        case 404:
            return AuthorMustFix(f"{what} is not there", next_step="check `source.url` and `source.entity`")
        case 200:
            return NeedsPerson(f"{what} is not OData version 4", next_step="check `source.url`")
        case status:
            return NeedsPerson(f"{answer.url.host} refuses {what} (status {status})", next_step="check `source`")
