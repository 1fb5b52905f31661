"""The place of a store in an OCI registry, as people write it: ``oci://HOST[:PORT]/REPOSITORY``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.domain.problems import Unfit

SCHEME = "oci://"
_HOST = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"  # as the distribution specification has it
_PLACE = re.compile(rf"oci://(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?/(?P<name>{_PART}(?:/{_PART})*)")
_WRITE = "write oci://HOST/REPOSITORY or oci://HOST:PORT/REPOSITORY, in small letters"


@dataclass(frozen=True)
class RegistryPlace:
    """One repository of a registry. `port` is None where none is written."""

    host: str
    port: int | None
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.server}/{self.name}"

    @property
    def server(self) -> str:
        """`HOST`, or `HOST:PORT` where a port is written."""
        return self.host if self.port is None else f"{self.host}:{self.port}"


def is_registry(place: str) -> bool:
    """Whether a store's place is a registry and not a folder."""
    return place.startswith(SCHEME)


def read_place(text: str) -> RegistryPlace:
    """Raises Unfit, which does not repeat what was written: somebody may have written a password."""
    found = _PLACE.fullmatch(text) if len(text) <= 500 else None
    if found is None or len(found["name"]) > 255 or int(found["port"] or 1) not in range(1, 65536):
        raise Unfit(f"this is not a repository of a registry{_because(text)}", _WRITE)
    return RegistryPlace(found["host"], int(found["port"]) if found["port"] else None, found["name"])


def _because(text: str) -> str:
    rest = text.removeprefix(SCHEME)
    if "@" in rest:
        return ": it holds a user, a password or a digest"
    if ":" in rest.partition("/")[2]:
        return ": it holds a tag"
    return ": the repository is missing" if "/" not in rest.rstrip("/") else ""
