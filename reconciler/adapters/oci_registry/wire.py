"""Requests to one repository of a registry: to it and to no other place, patient, with credentials nowhere but there.

A redirect is followed for reading only: on the registry itself, or without credentials to a host that the runner
allows. Where an upload goes on has to be the registry itself: rows go nowhere else. No error shows a body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from reconciler.adapters.oci_registry.access import Entry
from reconciler.domain.errors import NeedsPerson, ReconcilerError, RetryLater, VerificationFailed
from reconciler.domain.registry import RegistryPlace
from reconciler.tools.patience import Patience, TryAgain
from reconciler.tools.web import BUSY, MOST_REDIRECTS, REDIRECTS, answered, is_sheltered, origin, port_of

T = TypeVar("T")
_SAFE = ("GET", "HEAD")


class Altered(VerificationFailed):
    """Other bytes than those of the digest. Exit 5."""


@dataclass(frozen=True)
class Ask:
    """One request: what it does to the repository (`ACTIONS`), and what is sent. `body` gives the bytes anew for
    each try."""

    method: str
    url: httpx.URL
    action: str = "read"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Iterable[bytes]] | None = None


@dataclass
class Wire:
    """The way to one repository; `root` is the registry's own address."""

    place: RegistryPlace
    root: httpx.URL
    client: httpx.Client
    entry: Entry
    patience: Patience

    def url(self, path: str, query: Mapping[str, str] | None = None) -> httpx.URL:
        """An address below the repository: `manifests/TAG`, `blobs/DIGEST`."""
        return self.root.copy_with(path=f"/v2/{self.place.name}/{path}", params=query or {})

    def patiently(self, once: Callable[[], T]) -> T:
        """What `once` gives, tried again where the registry is busy or the connection is cut."""
        self.patience.begin()
        return self.patience.until_done(once, str(self.place))

    def ask(self, ask: Ask, read: Callable[[httpx.Response], T]) -> T:
        """What `read` makes of the answer, patiently."""
        return self.patiently(lambda: self.once(ask, read))

    def once(self, ask: Ask, read: Callable[[httpx.Response], T]) -> T:
        """What `read` makes of the answer to one request. Raises TryAgain for what passes by itself."""
        url = ask.url
        for _ in range(MOST_REDIRECTS):
            found, location = self._answer(ask, url, read)
            if location is None:
                return found  # type: ignore[return-value]  # without a location something was read
            url = self._followed(url, location, ask)
        raise NeedsPerson(f"{self.place} redirects without end", next_step="tell the registry's keeper")

    def _answer(self, ask: Ask, url: httpx.URL, read: Callable[[httpx.Response], T]) -> tuple[T | None, str | None]:
        """What was read, or where to ask instead."""
        at_home = origin(url) == origin(self.root)
        for tried in (False, True):
            who = self.entry.headers(ask.action) if at_home else {}
            headers = {"Accept-Encoding": "identity", **ask.headers, **who}
            request = self.client.build_request(
                ask.method, url, headers=headers, content=ask.body() if ask.body else None
            )
            with answered(self.client, request) as response:
                if response.status_code == 401 and at_home and not tried:
                    challenges = response.headers.get_list("www-authenticate")
                    if self.entry.answer(challenges, ask.action):
                        continue
                if response.status_code in BUSY:
                    after = self.patience.seconds_of(response.headers.get("retry-after"))
                    raise TryAgain(BUSY[response.status_code], after)
                if response.status_code in REDIRECTS:
                    return None, response.headers.get("location") or ""
                return read(response), None
        raise AssertionError  # the second try returns or raises

    def _followed(self, url: httpx.URL, location: str, ask: Ask) -> httpx.URL:
        """Where a redirect leads, if it may be followed."""
        if ask.method not in _SAFE:
            raise NeedsPerson(
                f"{self.place} redirects what is sent there, which is refused",
                next_step="write the registry's own address in `spec.snapshots`",
            )
        found = self._address(url, location)
        if origin(found) != origin(self.root):
            if not is_sheltered(found):
                raise self._leads_away(found, "a redirect")
            self.entry.check_host(found.host, port_of(found))
        return found

    def at_home(self, url: httpx.URL, location: str, what: str) -> httpx.URL:
        """An address that the registry gave, which has to be on the registry itself."""
        found = self._address(url, location)
        if origin(found) != origin(self.root):
            raise self._leads_away(found, what)
        return found

    def _address(self, url: httpx.URL, location: str) -> httpx.URL:
        try:
            found = url.join(location)
        except (httpx.InvalidURL, ValueError):
            raise NeedsPerson(f"{self.place} gave an address that is none", next_step="tell its keeper") from None
        if not found.host or found.userinfo:
            raise NeedsPerson(f"{self.place} gave an address that is none", next_step="tell its keeper")
        return found.copy_with(fragment=None)

    def _leads_away(self, url: httpx.URL, what: str) -> NeedsPerson:
        return NeedsPerson(
            f"{self.place} gave {what} to {url.scheme}://{url.host}:{port_of(url)}, which is refused",
            next_step="tell the registry's keeper: its own address is not what clients write (http behind https?)",
        )

    # --- refusals ------------------------------------------------------------------------------------------

    def refusal(self, response: httpx.Response, doing: str) -> ReconcilerError:
        """The error for an answer that is not what was asked for, without a word of its body."""
        status = response.status_code
        match status:
            case 401 | 403:
                return self.entry.refused(f"the registry refuses {doing}", status)
            case 404:
                return NeedsPerson(
                    f"{self.place} is not there, or not for this login ({doing})",
                    next_step="make the repository, or check `spec.snapshots` and the runner's login",
                )
            case 405:
                return NeedsPerson(
                    f"the registry of {self.place} does not allow {doing} (status 405)",
                    next_step="whoever keeps the registry has to allow it; of docker-registry: "
                    "storage.delete.enabled: true",
                )
            case 413:
                return NeedsPerson(f"{self.place} takes no file of that size ({doing})", next_step="raise its limit")
            case _ if status >= 500:
                return RetryLater(f"{self.place} failed at {doing} (status {status})", next_step="try again later")
            case _:
                return NeedsPerson(f"{self.place} refuses {doing} (status {status})", next_step="tell its keeper")

    def missing(self, what: str) -> VerificationFailed:
        """The error for what the registry has not, or has under another name: keeping it again mends that."""
        return VerificationFailed(
            f"{self.place}: {what}",
            next_step="restore the registry from a backup, or take the same data again with reconciler data refresh",
        )

    def altered(self, what: str) -> Altered:
        """The error for bytes of the registry that are not those of their digest. Registries keep what they have."""
        return Altered(
            f"{self.place}: {what}",
            next_step="restore the registry from a backup; or have its keeper delete that blob, then take the same "
            "data again with reconciler data refresh",
        )
