"""Who the runner is at a registry: each login is bound to a host. Never from a manifest.

`RECONCILER_CREDENTIALS_REGISTRY_EXAMPLE_COM_5000` is `user:password` for `registry.example.com:5000`. Or
`RECONCILER_REGISTRY_AUTH` is what `docker login` writes for many hosts. With `_FILE` behind its name, either names a
file. Programs that an auth file names (credential helpers) are not run.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.domain.errors import NeedsPerson
from reconciler.domain.registry import RegistryPlace
from reconciler.tools.secrets import secret_in

VARIABLE = "RECONCILER_REGISTRY_AUTH"
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Login:
    """A user and a password, which is shown nowhere."""

    user: str
    password: str = field(repr=False)

    def basic(self) -> str:
        """The value of a header that says who asks."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


Logins = Callable[[], Login | None]


def logins_of(environment: Mapping[str, str], place: RegistryPlace) -> Logins:
    """The login for a repository, looked up when it is first asked for; None where the runner has none for it. The
    variable of its host goes first, then the most exact entry. The answer raises NeedsPerson for what is no login."""

    def login() -> Login | None:
        own = secret_in(environment, variable_of(place.server))
        if own is not None:
            return _pair(own, variable_of(place.server))
        text = secret_in(environment, VARIABLE, _LONGEST)
        if text is None:
            return None
        entries = {_plain(name): entry for name, entry in _entries(text).items()}
        found = next((entries[name] for name in _names(place) if name in entries), None)
        return None if found is None else _login(found, place.server)

    return login


def variable_of(server: str) -> str:
    """The variable that holds `user:password` for a host."""
    return "RECONCILER_CREDENTIALS_" + re.sub(r"[^A-Z0-9]+", "_", server.upper())


def _pair(text: str, variable: str) -> Login:
    user, _, password = text.partition(":")
    if not user or not password:
        raise NeedsPerson(f"{variable} holds no login", next_step="write USER:PASSWORD")
    return Login(user, password)


def _entries(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        entries = found.get("auths", {})
        return dict(entries.items())
    except (ValueError, AttributeError, RecursionError):
        raise NeedsPerson(
            f"{VARIABLE} holds no JSON as docker login writes it", next_step='write {"auths": {"HOST": {"auth": "…"}}}'
        ) from None


def _names(place: RegistryPlace) -> Iterator[str]:
    """What an entry for a repository can be called, the most exact one first."""
    steps = place.name.split("/")
    for number in range(len(steps), 0, -1):
        yield "/".join([place.server, *steps[:number]])
    yield place.server


def _plain(name: str) -> str:
    return re.sub(r"/v[12]$", "", re.sub(r"^https?://", "", name.strip().lower()).rstrip("/"))


def _login(entry: Any, server: str) -> Login | None:
    if not isinstance(entry, dict):
        entry = {}
    user, password = entry.get("username"), entry.get("password")
    if isinstance(entry.get("auth"), str) and entry["auth"]:
        try:
            user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            user = None
    if isinstance(user, str) and isinstance(password, str) and user and password and "identitytoken" not in entry:
        return Login(user, password)
    if not entry:  # what a credential helper leaves in the file
        return None
    raise NeedsPerson(
        f"the entry of {server} in {VARIABLE} holds no user and password",
        next_step="log in there with a user and a password or access token; identity tokens are not used",
    )
