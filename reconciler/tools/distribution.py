"""One repository of an OCI registry, by the distribution API: blobs, manifests and tags.

What is read is hashed as it comes, and never believed before. Requests go to the registry's host; a token's or a
blob's other host has to be one that the runner allows, and gets no password but the token's own. Plain http is for
loopback only. No error shows a header, a body or a credential. Loads httpx at the first request.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.domain.errors import NeedsPerson, RetryLater, VerificationFailed
from reconciler.domain.patterns import REGISTRY_PATTERN

if TYPE_CHECKING:
    import httpx

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_MANIFEST_LIMIT = 4 << 20
_BLOCK = 1 << 20
_HOPS = 5
_PAIR = re.compile(r'(\w+)="([^"]*)"')
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")


@dataclass(frozen=True)
class Runner:
    """What the runner says: `allow(host, port)` raises for a host that may not be asked; `secret(name)` gives
    `user:password` for a host by its name (`registry-example-com-5000`), and raises NeedsPerson where there is none."""

    allow: Callable[[str, int], None]
    secret: Callable[[str], str]


@dataclass
class Repository:
    """A repository at `oci://HOST/NAME`. Every method raises RetryLater where the registry cannot be reached or is
    busy, and NeedsPerson where it refuses."""

    address: str
    runner: Runner
    _token: dict[str, str] = field(default_factory=dict, repr=False)

    def has_blob(self, digest: str) -> bool:
        """Whether the registry says that it has a blob."""
        return self._ask("HEAD", f"blobs/{digest}", fine=(200, 404)) == 200

    def push_blob(self, digest: str, file: Path) -> None:
        """Bring a file there, unless it is there. Raises OSError where the file cannot be read."""
        if self.has_blob(digest):
            return
        with self._answer("POST", "blobs/uploads/", fine=(202,)) as begun:
            place = self._url(begun.headers.get("location", ""), begun.url)
        size = {"Content-Length": str(file.stat().st_size), "Content-Type": "application/octet-stream"}
        with file.open("rb") as stream:
            body = iter(lambda: stream.read(_BLOCK), b"")
            where = place.copy_merge_params({"digest": digest})
            with self._answer("PUT", where, fine=(201,), headers=size, content=body):
                pass

    def pull_blob(self, digest: str, size: int, place: Path) -> None:
        """Write a blob to a new file. Raises VerificationFailed, and leaves nothing there, where it is not there or has
        other bytes; OSError where the file cannot be written."""
        hasher, left = hashlib.sha256(), size
        try:
            with self._answer("GET", f"blobs/{digest}", fine=(200, 404)) as answer, place.open("xb") as out:
                if answer.status_code == 404:
                    raise VerificationFailed(f"blob {digest} is not in {self.address}", next_step=_RESTORE)
                for block in answer.iter_bytes(_BLOCK):
                    left -= len(block)
                    if left < 0:
                        break
                    hasher.update(block)
                    out.write(block)
            if left or f"sha256:{hasher.hexdigest()}" != digest:
                raise VerificationFailed(f"blob {digest} in {self.address} has other bytes", next_step=_RESTORE)
        except BaseException:
            place.unlink(missing_ok=True)
            raise

    def manifest(self, reference: str) -> bytes | None:
        """The bytes of a manifest by tag or digest; None where there is none."""
        accept = {"Accept": MANIFEST_TYPE}
        with self._answer("GET", f"manifests/{reference}", fine=(200, 404), headers=accept) as answer:
            if answer.status_code == 404:
                return None
            content = bytearray()
            for block in answer.iter_bytes(_BLOCK):
                content += block
                if len(content) > _MANIFEST_LIMIT:
                    raise VerificationFailed(f"{reference} in {self.address} is no manifest", next_step=_RESTORE)
        return bytes(content)

    def put_manifest(self, reference: str, content: bytes) -> None:
        """Put a manifest, whose blobs are there, under a tag."""
        kind = {"Content-Type": MANIFEST_TYPE}
        self._ask("PUT", f"manifests/{reference}", fine=(201,), headers=kind, content=content)

    def delete_manifest(self, digest: str) -> None:
        """Take a manifest away, with all its tags; nothing where it is not there."""
        if self._ask("DELETE", f"manifests/{digest}", fine=(202, 404, 405)) == 405:
            raise NeedsPerson(
                f"{self.address} lets nothing be deleted",
                next_step="whoever keeps the registry allows it, or cleans up",
            )

    # --- asking --------------------------------------------------------------------------------------------

    @cached_property
    def _parts(self) -> tuple[str, str]:
        """Host and name. Raises NeedsPerson for an address that is none."""
        found = re.fullmatch(REGISTRY_PATTERN, self.address)
        if found is None:
            raise NeedsPerson(f"{self.address[:200]!r} is no registry's address", next_step="write oci://HOST/NAME")
        return found["host"], found["name"]

    @cached_property
    def _root(self) -> httpx.URL:
        import httpx

        host, name = self._parts
        scheme = "http" if _LOOPBACK.fullmatch(host) else "https"
        root = httpx.URL(f"{scheme}://{host}/v2/{name}/")
        self._allow(root)
        return root

    @cached_property
    def _client(self) -> httpx.Client:
        import httpx

        return httpx.Client(
            follow_redirects=False,
            trust_env=False,
            verify=httpx.create_ssl_context(trust_env=True),
            timeout=httpx.Timeout(60.0, read=300.0),
        )

    def _ask(self, method: str, path: str, **asked: Any) -> int:
        with self._answer(method, path, **asked) as answer:
            return int(answer.status_code)

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str | httpx.URL,
        *,
        fine: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer of one of these statuses, its body not read yet; after who asks was said where that is wanted."""
        import httpx

        url = path if isinstance(path, httpx.URL) else self._root.join(path)
        renewed = False
        try:
            for _ in range(_HOPS):
                mine = _place(url) == _place(self._root)
                said = {**(headers or {}), **(self._token if mine else {})}
                request = self._client.build_request(method, url, headers=said, content=content)
                response = self._client.send(request, stream=True)
                try:
                    if response.status_code == 401 and mine and not renewed and not isinstance(content, Iterator):
                        renewed = True
                        self._token = self._who(response.headers.get("www-authenticate", ""))
                        continue
                    if response.status_code in (301, 302, 303, 307, 308) and method in ("GET", "HEAD"):
                        url = self._url(response.headers.get("location", ""), url)
                        continue
                    if response.status_code not in fine:
                        raise self._refused(response.status_code)
                    yield response
                    return
                finally:
                    response.close()
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _unreachable(self._parts[0], str(error)) from None
        raise NeedsPerson(f"{self._root.host} redirects without end", next_step="check the registry's address")

    def _url(self, location: str, base: httpx.URL) -> httpx.URL:
        """Where the registry sends us. Raises what `runner.allow` raises, NeedsPerson for what is no address."""
        import httpx

        try:
            url = base.join(location)
        except (httpx.InvalidURL, ValueError):
            raise NeedsPerson(f"{base.host} gave a redirect that is no address", next_step="tell its keeper") from None
        if _place(url) != _place(base):
            self._allow(url)
        return url

    def _allow(self, url: httpx.URL) -> None:
        if url.scheme != "https" and not (url.scheme == "http" and _LOOPBACK.fullmatch(url.host)):
            raise NeedsPerson(f"{url.scheme}://{url.host} is not encrypted", next_step="use a registry with https")
        self.runner.allow(url.host, url.port or (80 if url.scheme == "http" else 443))

    def _who(self, wanted: str) -> dict[str, str]:
        """The header that says who asks, in the registry's way (RFC 7235). Raises NeedsPerson without credentials."""
        import httpx

        host, name = self._parts
        pair = self.runner.secret(re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-"))
        user, _, password = pair.partition(":")
        basic = httpx.BasicAuth(user, password)
        kind, _, rest = wanted.partition(" ")
        if kind.lower() == "basic":
            request = next(basic.auth_flow(httpx.Request("GET", self._root)))
            return {"Authorization": request.headers["Authorization"]}
        said = dict(_PAIR.findall(rest))
        if kind.lower() != "bearer" or "realm" not in said:
            raise NeedsPerson(f"{host} asks for credentials of a kind that is not known", next_step="tell its keeper")
        realm = self._url(said["realm"], self._root)
        asked = {
            "service": said.get("service", ""),
            "scope": said.get("scope") or f"repository:{name}:pull,push,delete",
        }
        with self._client.stream("GET", realm.copy_merge_params(asked), auth=basic) as answer:
            token = _token_of(answer)
            if token is None:
                raise self._refused(answer.status_code)
        return {"Authorization": f"Bearer {token}"}

    def _refused(self, status: int) -> NeedsPerson | RetryLater:
        if status in (408, 429) or status >= 500:
            return RetryLater(f"{self.address} is busy or broken (status {status})", next_step="run it again later")
        if status in (401, 403):
            return NeedsPerson(
                f"{self.address} refuses these credentials (status {status})",
                next_step="check the runner's credentials for the registry, and what they may do there",
            )
        return NeedsPerson(f"{self.address} refuses (status {status})", next_step="check the registry's address")


_RESTORE = "restore it in the registry, or take the same data again with reconciler data refresh"


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _token_of(answer: httpx.Response) -> str | None:
    content = b""
    for block in answer.iter_bytes(1 << 16):
        content += block
        if len(content) > _BLOCK:
            return None
    try:
        found = json.loads(content) if answer.status_code == 200 else {}
    except (ValueError, RecursionError):
        return None
    token = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
    return token if isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]{1,65536}", token) else None


def _unreachable(host: str, said: str) -> NeedsPerson | RetryLater:
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return NeedsPerson(
            f"the certificate of {host} is not one that this machine trusts",
            next_step="set SSL_CERT_FILE to the certificates of who issued it",
        )
    return RetryLater(f"the registry {host} cannot be reached", next_step="check that it is up, then run it again")
