"""Who asks an OData service: nobody, a user with a password, or a client with a bearer token (client credentials).

Secrets are asked of the runner when they are sent, kept in memory only, and shown nowhere.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

import httpx

from reconciler.adapters.sources.asking import Access
from reconciler.adapters.sources.readers.odata_web import Answer, Credentials, address, send
from reconciler.domain.errors import NeedsPerson
from reconciler.domain.inputs import Authentication, BasicAuthentication, NoAuthentication, OAuth2Authentication
from reconciler.tools.patience import Patience, TryAgain
from reconciler.tools.web import json_object

_MOST = 1 << 20
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_EARLY = 60.0


def credentials_of(
    authentication: Authentication, access: Access, client: httpx.Client, patience: Patience
) -> Credentials:
    """The credentials that a source asks for. Raises AuthorMustFix for a token's host that is not allowed."""
    match authentication:
        case NoAuthentication():
            return _Nobody()
        case BasicAuthentication(user=user, credentials=name):
            return _Basic(user, name, access.secret)
        case OAuth2Authentication():
            url = address(authentication.token_url, access.allowed)
            return _Bearer(authentication, url, access.secret, client, patience)
        case _:
            assert_never(authentication)


class _Nobody:
    def headers(self) -> Mapping[str, str]:
        return {}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class _Basic:
    user: str
    name: str
    secret: Callable[[str], str]

    def headers(self) -> Mapping[str, str]:
        pair = f"{self.user}:{self.secret(self.name)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def renew(self) -> bool:
        return False


@dataclass
class _Bearer:
    who: OAuth2Authentication
    url: httpx.URL
    secret: Callable[[str], str]
    client: httpx.Client
    patience: Patience
    token: str | None = field(default=None, repr=False)
    until: float = 0.0

    def headers(self) -> Mapping[str, str]:
        if self.token is None or self.patience.timer.monotonic() >= self.until:
            self.token, seconds = self.patience.until_done(self._ask, self.url.host)
            self.until = self.patience.timer.monotonic() + max(seconds - _EARLY, seconds / 2)
        return {"Authorization": f"Bearer {self.token}"}

    def renew(self) -> bool:
        self.token = None
        return True

    def _ask(self) -> tuple[str, float]:
        """A token and the seconds that it lives. A redirect is refused: the secret goes to this address only."""
        form = {"grant_type": "client_credentials", "client_id": self.who.client_id}
        form |= {"client_secret": self.secret(self.who.credentials)} | (
            {"scope": self.who.scope} if self.who.scope else {}
        )
        request = self.client.build_request("POST", self.url, data=form, headers={"Accept": "application/json"})
        answer, location = send(self.client, request, _MOST, self.patience)
        if location is not None:
            raise NeedsPerson(f"{self.url} redirects, which is refused", next_step="check `authentication.tokenUrl`")
        if answer.status == 429 or answer.status >= 500:
            raise TryAgain("is busy", answer.after)
        return self._token(answer)

    def _token(self, answer: Answer) -> tuple[str, float]:
        found = json_object(answer.body)
        token = found.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise NeedsPerson(
                f"{self.url} gave no token for the credentials {self.who.credentials} (status {answer.status})",
                next_step="check `authentication` and whether the client's secret has run out",
            )
        try:
            return token, min(max(float(found.get("expires_in", 300)), 0.0), 86_400.0)
        except (TypeError, ValueError):
            return token, 300.0
