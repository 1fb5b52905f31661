"""A token server for docker-registry on loopback: it gives signed tokens to those who say the right password.

The tokens are JSON web tokens signed with `openssl`, as the distribution's token specification has them.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback import serving

SERVICE, ISSUER = "the registry", "the token server"
_EPOCH, _FOR_EVER = 1_500_000_000, 4_000_000_000


@dataclass
class Tokens:
    """What the tests set and see. `actions` is the most that anybody gets; `wrong` makes tokens that are none."""

    folder: Path
    who: str
    port: int = 0
    actions: tuple[str, ...] = ("pull", "push", "delete")
    wrong: bool = False
    expires_in: int = 3600
    asked: list[tuple[str | None, str]] = field(default_factory=list)

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    @property
    def config(self) -> str:
        """The lines of docker-registry's configuration."""
        return (
            f'auth: {{token: {{realm: "{self.realm}", service: "{SERVICE}", issuer: "{ISSUER}", '
            f'rootcertbundle: "{self.folder / "certificate.pem"}"}}}}'
        )

    def token(self, scope: str) -> str:
        """A signed token for what is asked, as far as it is allowed."""
        kind, name, actions = scope.split(":")
        allowed = [action for action in actions.split(",") if action in self.actions]
        certificate = (self.folder / "certificate.pem").read_text().split("-----")[2].replace("\n", "")
        claims = {
            "iss": ISSUER, "sub": "runner", "aud": SERVICE, "exp": _FOR_EVER, "nbf": _EPOCH, "iat": _EPOCH, "jti": "1",
            "access": [{"type": kind, "name": name, "actions": allowed}],
        }  # fmt: skip
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (
            {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}, claims))  # fmt: skip
        argv = ["openssl", "dgst", "-sha256", "-sign", str(self.folder / "key.pem")]
        signed = subprocess.run(argv, input=text.encode(), capture_output=True, check=True).stdout
        return f"{text}.{_encoded(signed)}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tokens: Tokens

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        who = self.headers.get("Authorization")
        self.tokens.asked.append((who, query["scope"]))
        right = who == "Basic " + base64.b64encode(self.tokens.who.encode()).decode() and query["service"] == SERVICE
        token = "not-one-of-ours" if self.tokens.wrong else self.tokens.token(query["scope"]) if right else ""
        body = json.dumps({"token": token, "expires_in": self.tokens.expires_in}).encode() if right else b"{}"
        self.send_response(200 if right else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


@contextmanager
def token_server(folder: Path, who: str) -> Iterator[Tokens]:
    """Run one for `who` (`user:password`), with its key in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tokens", "-days", "3650"]
    argv += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(argv, check=True, capture_output=True)
    found = Tokens(folder, who)
    with serving(_Handler, tokens=found) as found.port:
        yield found
