"""How a registry is asked who we are, and what is shown it: nothing, user and password, or a token of a token server.

A registry says by a challenge what it wants. User and password go to it and to a token server that is it or that the
runner allows, to nobody else; what a token is asked for is decided here, not by the challenge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.request import parse_http_list, parse_keqv_list

import httpx

from reconciler.adapters.oci_registry.logins import VARIABLE, Login, Logins, variable_of
from reconciler.domain.errors import NeedsPerson, ReconcilerError
from reconciler.tools.patience import Patience, TryAgain
from reconciler.tools.web import BUSY, answered, is_sheltered, json_object, origin, port_of

#: What is done to a repository → what a token has to allow.
ACTIONS = {"read": "pull", "write": "pull,push", "remove": "pull,push,delete"}
_MOST = 1 << 20
_EARLY = 10.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
CheckHost = Callable[[str, int], None]


@dataclass
class Entry:
    """Who asks the registry at `root` for its repository `name`."""

    root: httpx.URL
    name: str
    client: httpx.Client
    login: Logins
    check_host: CheckHost
    patience: Patience
    _shown: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def headers(self, action: str) -> Mapping[str, str]:
        """The headers that say who asks; none before the registry wanted any."""
        value, until = self._shown.get(action, ("", 0.0))
        return {"Authorization": value} if value and self.patience.timer.monotonic() < until else {}

    def answer(self, challenges: Sequence[str], action: str) -> bool:
        """Get what one of the challenges (`WWW-Authenticate`) asks for; False where there is nothing to offer."""
        for challenge in challenges:
            scheme, _, rest = challenge.strip().partition(" ")
            if scheme.lower() == "bearer":
                token, seconds = self._token(_parameters(rest), action)
                self._shown[action] = f"Bearer {token}", self.patience.timer.monotonic() + max(seconds - _EARLY, 1.0)
                return True
            if scheme.lower() == "basic" and (login := self.login()) is not None:
                self._shown[action] = login.basic(), float("inf")
                return True
        return False

    def _token(self, asked: Mapping[str, str], action: str) -> tuple[str, float]:
        realm = self._realm(asked.get("realm", ""))
        scope = f"repository:{self.name}:{ACTIONS[action]}"
        query = {"scope": scope} | ({"service": asked["service"]} if asked.get("service") else {})
        login = self.login()
        headers = {"Accept": "application/json"} | ({"Authorization": login.basic()} if login else {})
        request = self.client.build_request("GET", realm.copy_merge_params(query), headers=headers)
        return self.patience.until_done(lambda: self._asked(request, login), realm.host)

    def _realm(self, text: str) -> httpx.URL:
        """Where tokens are had. Raises NeedsPerson for a place to which no password may go."""
        try:
            url = httpx.URL(text)
            if not url.host or url.userinfo or not is_sheltered(url):
                raise httpx.InvalidURL("no place for a password")
        except httpx.InvalidURL:
            raise NeedsPerson(
                f"{self.root.host} sends who asks to a place for tokens that is no https address",
                next_step="tell its keeper",
            ) from None
        if origin(url) != origin(self.root):
            self.check_host(url.host, port_of(url))
        return url

    def _asked(self, request: httpx.Request, login: Login | None) -> tuple[str, float]:
        with answered(self.client, request) as response:
            if response.status_code in BUSY:
                raise TryAgain(
                    BUSY[response.status_code], self.patience.seconds_of(response.headers.get("retry-after"))
                )
            found = json_object(_body(response)) if response.status_code == 200 else {}
            token = found.get("token") or found.get("access_token")
            if not isinstance(token, str) or not _TOKEN.fullmatch(token):
                raise self.refused(f"{request.url.host} gave no token", response.status_code, login)
        seconds = found.get("expires_in")
        return token, min(float(seconds), 86_400.0) if isinstance(seconds, int) and seconds > 0 else 60.0

    def refused(self, what: str, status: int, login: Login | None = None) -> ReconcilerError:
        """The error for a registry or token server that does not let us in."""
        login = login or self.login()
        who = "to the runner's login" if login else "without a login, and the runner has none for it"
        host = self.root.netloc.decode()
        return NeedsPerson(
            f"{what} for {host}/{self.name} {who} (status {status})",
            next_step=f"check {variable_of(host)}, or the entry of {host} in {VARIABLE}_FILE, and what that user may do"
            if login
            else f"set {variable_of(host)} to USER:PASSWORD (or {variable_of(host)}_FILE to a file that holds it), or "
            f"{VARIABLE}_FILE to a file as docker login writes it",
        )


def _parameters(text: str) -> dict[str, str]:
    try:
        return {name.lower(): value for name, value in parse_keqv_list(parse_http_list(text[:4096])).items()}
    except (ValueError, IndexError):
        return {}


def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    for piece in response.iter_raw(1 << 16):
        body += piece
        if len(body) > _MOST:
            return b""
    return bytes(body)
