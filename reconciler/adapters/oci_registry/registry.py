"""One repository of a registry, by the OCI distribution API: blobs, manifests, tags. Nothing is believed unhashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from reconciler.adapters.oci_registry.wire import Ask, Wire
from reconciler.domain.errors import NeedsPerson, VerificationFailed
from reconciler.domain.oci import INDEX_TYPE, MANIFEST_TYPE, Descriptor, is_digest
from reconciler.domain.oci_snapshots import SNAPSHOT_MANIFEST_LIMIT, is_index
from reconciler.tools.patience import TryAgain

_PIECE = 1 << 18
_MOST_TAGS = 1_000_000
_TAGS_LIMIT = 4 << 20
Count = Callable[[int], None]


@dataclass(frozen=True)
class Registry:
    """The repository that `wire` leads to; tags are asked for so many at a time."""

    wire: Wire
    page: int = 1000

    # --- blobs ---------------------------------------------------------------------------------------------

    def has(self, blob: Descriptor) -> bool:
        """Whether a blob is there. Raises VerificationFailed where it is there and has another size."""

        def read(response: httpx.Response) -> bool:
            if response.status_code == 404:
                return False
            if response.status_code != 200:
                raise self.wire.refusal(response, "reading")
            size = response.headers.get("content-length", str(blob.size))
            if size != str(blob.size):
                raise self.wire.altered(f"{_called(blob)} has {size[:20]} bytes of {blob.size}")
            return True

        return self.wire.ask(Ask("HEAD", self.wire.url(f"blobs/{blob.digest}")), read)

    def blob(self, blob: Descriptor) -> bytes:
        """A small blob's bytes. Raises VerificationFailed for one that is gone or altered."""
        return self._got(blob, _Memory)

    def fetch(self, blob: Descriptor, place: Path, count: Count) -> None:
        """Write a blob into a new file; `count` is told of the bytes as they come, and of as many less where it begins
        anew. Raises VerificationFailed for one that is gone or altered, OSError from the disk."""
        self._got(blob, lambda: _File(place, count))

    def _got(self, blob: Descriptor, sink: Callable[[], _Memory]) -> bytes:
        def read(response: httpx.Response) -> bytes:
            if response.status_code == 404:
                raise self.wire.missing(f"{_called(blob)} is gone")
            if response.status_code != 200:
                raise self.wire.refusal(response, "reading")
            with sink() as taken:
                hasher, size = hashlib.sha256(), 0
                for piece in response.iter_raw(_PIECE):
                    size += len(piece)
                    if size > blob.size:
                        break
                    hasher.update(piece)
                    taken.write(piece)
                    self.wire.patience.check(str(self.wire.place))
                if size != blob.size or f"sha256:{hasher.hexdigest()}" != blob.digest:
                    raise self.wire.altered(f"{_called(blob)} was altered")
                return taken.content()

        return self.wire.ask(Ask("GET", self.wire.url(f"blobs/{blob.digest}")), read)

    def push(self, blob: Descriptor, content: Callable[[], Iterator[bytes]]) -> None:
        """Upload a blob in one request, its bytes streamed. Raises VerificationFailed where they are not those of its
        digest."""

        def located(response: httpx.Response) -> httpx.URL:
            location = response.headers.get("location")
            if response.status_code != 202 or not location:
                raise self.wire.refusal(response, "writing")
            return self.wire.at_home(response.request.url, location, "an address to upload")

        def stored(response: httpx.Response) -> None:
            if response.status_code == 400:
                raise VerificationFailed(
                    f"{self.wire.place} refuses blob {blob.digest}: it got other bytes", next_step="run it again"
                )
            if response.status_code in (404, 416):
                raise TryAgain("lost an upload")
            if response.status_code != 201:
                raise self.wire.refusal(response, "writing")

        def once() -> None:
            place = self.wire.once(Ask("POST", self.wire.url("blobs/uploads/"), "write"), located)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
            place = place.copy_merge_params({"digest": blob.digest})
            self.wire.once(Ask("PUT", place, "write", headers, content), stored)

        self.wire.patiently(once)

    # --- manifests -----------------------------------------------------------------------------------------

    def manifest(self, reference: str) -> tuple[str, bytes] | None:
        """(digest, bytes) of the manifest of a tag or digest; None where there is none. Raises VerificationFailed where
        the registry gives other bytes than it says."""

        def read(response: httpx.Response) -> tuple[str, bytes] | None:
            if response.status_code == 404:
                return None
            if response.status_code != 200:
                raise self.wire.refusal(response, "reading")
            content = self._bounded(response, SNAPSHOT_MANIFEST_LIMIT, "manifest")
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            named = {response.headers.get("docker-content-digest"), reference}
            if any(is_digest(name) and name != digest for name in named):
                raise self.wire.altered(f"the manifest {reference} was altered")
            return digest, content

        ask = Ask("GET", self.wire.url(f"manifests/{reference}"), headers={"Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}"})
        return self.wire.ask(ask, read)

    def holds(self, tag: str, digest: str) -> bool:
        """Whether a tag leads to the manifest of this digest."""

        def read(response: httpx.Response) -> bool:
            if response.status_code not in (200, 404):
                raise self.wire.refusal(response, "reading")
            return response.status_code == 200 and response.headers.get("docker-content-digest") == digest

        return self.wire.ask(Ask("HEAD", self.wire.url(f"manifests/{tag}"), headers={"Accept": MANIFEST_TYPE}), read)

    def put_manifest(self, tag: str, content: bytes) -> None:
        """Put a manifest or an index under a tag, once all that it names is there."""

        def read(response: httpx.Response) -> None:
            if response.status_code != 201:
                raise self.wire.refusal(response, "writing")

        kind = INDEX_TYPE if is_index(content) else MANIFEST_TYPE
        headers = {"Content-Type": kind, "Content-Length": str(len(content))}
        url = self.wire.url(f"manifests/{tag}")
        self.wire.ask(Ask("PUT", url, "write", headers, lambda: iter([content])), read)

    def delete_manifest(self, digest: str) -> None:
        """Delete a manifest and with it its tags; idempotent. Raises NeedsPerson where the registry deletes nothing."""

        def read(response: httpx.Response) -> None:
            if response.status_code not in (200, 202, 404):
                raise self.wire.refusal(response, "deleting")

        self.wire.ask(Ask("DELETE", self.wire.url(f"manifests/{digest}"), "remove"), read)

    def reach(self) -> None:
        """Ask for a tag, once. Raises what stands in the way."""
        wire = self.wire
        patience = replace(wire.patience, waits=replace(wire.patience.waits, tries=1))
        next(Registry(replace(wire, patience=patience), 1).tags(), None)

    # --- tags ----------------------------------------------------------------------------------------------

    def tags(self) -> Iterator[str]:
        """Every tag, page by page; none in a repository that is not there yet."""
        url: httpx.URL | None = self.wire.url("tags/list", {"n": str(self.page)})
        seen: set[str] = set()
        number = 0
        while url is not None:
            seen.add(str(url))
            names, url = self._page(url)
            number += len(names)
            if (url is not None and str(url) in seen) or number > _MOST_TAGS:
                raise NeedsPerson(f"the tags of {self.wire.place} have no end", next_step="tell its keeper")
            yield from names

    def _page(self, url: httpx.URL) -> tuple[list[str], httpx.URL | None]:
        def read(response: httpx.Response) -> tuple[list[str], httpx.URL | None]:
            if response.status_code == 404:
                return [], None
            if response.status_code != 200:
                raise self.wire.refusal(response, "listing")
            names = self._names(self._bounded(response, _TAGS_LIMIT, "list of tags"))
            link = response.links.get("next", {}).get("url")
            return names, self.wire.at_home(url, link, "a next page") if link else None

        return self.wire.ask(Ask("GET", url, headers={"Accept": "application/json"}), read)

    def _names(self, content: bytes) -> list[str]:
        try:
            names = json.loads(content)["tags"] or []  # docker-registry says null where there is none
            return [str(name) for name in names]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NeedsPerson(
                f"{self.wire.place} gave a list of tags that is none", next_step="check `spec.snapshots`"
            ) from None

    def _bounded(self, response: httpx.Response, most: int, what: str) -> bytes:
        content = bytearray()
        for piece in response.iter_raw(_PIECE):
            content += piece
            if len(content) > most:
                raise self.wire.altered(f"a {what} is longer than {most >> 20} MiB")
        return bytes(content)


def _called(blob: Descriptor) -> str:
    return f"{blob.name} (blob {blob.digest})" if blob.name else f"blob {blob.digest}"


class _Memory:
    """Takes a blob's pieces and keeps them."""

    def __init__(self) -> None:
        self._pieces = bytearray()

    def __enter__(self) -> _Memory:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Nothing is open."""

    def write(self, piece: bytes) -> None:
        self._pieces += piece

    def content(self) -> bytes:
        return bytes(self._pieces)


class _File(_Memory):
    """Writes them into a file, which is gone where an error ends it."""

    def __init__(self, place: Path, count: Count) -> None:
        super().__init__()
        self._place, self._count, self._size = place, count, 0
        self._stream = place.open("xb")

    def __exit__(self, kind: object, *_: object) -> None:
        self._stream.close()
        if kind is not None:
            self._place.unlink(missing_ok=True)
            self._count(-self._size)

    def write(self, piece: bytes) -> None:
        self._stream.write(piece)
        self._size += len(piece)
        self._count(len(piece))
