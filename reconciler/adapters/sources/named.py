"""From what a person typed to a `source` block: a path by what lies there, an address by how it begins.

An address with a password in it is refused: it would be in the shell's history, and in the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ValidationError

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import (
    CsvSource,
    DeltaSource,
    ODataSource,
    ParquetSource,
    PostgresqlSource,
    Source,
    SqlSource,
    holds_password,
)
from reconciler.ports.work import Asked, InputName

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_TLS = {"disable": "off", "require": "require", "verify-full": "verify-full"}


@dataclass(frozen=True)
class Named:
    """A source, and what has to be allowed to read it: folders, and hosts as `//HOST:PORT`; and the input that it is
    to be."""

    source: Source
    allow: tuple[str, ...]
    of: InputName = "invoices"


def named(asked: Asked) -> Named:
    """Raises AuthorMustFix for what is not there, what cannot be told apart, and an address with a password."""
    return replace(_named(asked), of=asked.of)


def _named(asked: Asked) -> Named:
    if not _ADDRESS.match(asked.what):
        if asked.table or asked.credentials or asked.token_url:
            raise AuthorMustFix(
                f"{asked.table_option}, --credentials and --token-url go with an address, and {asked.option} names "
                "a path",
                next_step=f"leave them out; of a SQLite file type {asked.option} sqlite:///FILE "
                f"{asked.table_option} TABLE",
            )
        return _at_path(asked)
    return _at_address(asked)


def _at_address(asked: Asked) -> Named:
    if holds_password(asked.what) or ("@" in _split(asked.what).path and not asked.what.startswith("sqlite")):
        raise AuthorMustFix(
            "the address holds a password or key: it would be in the shell's history and in a manifest",
            next_step="take it out, set RECONCILER_CREDENTIALS_NAME to it and type --credentials NAME",
        )
    if asked.what.startswith("http") and _split(asked.what).path.endswith((".csv", ".parquet")):
        raise AuthorMustFix(
            f"{asked.what}: a URL of a file cannot be read", next_step="name a CSV or Parquet file on this machine"
        )
    if not asked.table:
        raise AuthorMustFix(
            f"an address needs the table that has the {asked.of}",
            next_step=f"add {asked.table_option} TABLE (SCHEMA.TABLE, a view, or an OData entity set)",
        )
    address = _split(asked.what)
    if asked.credentials:  # as the variable spells it
        asked = replace(asked, credentials=asked.credentials.lower().replace("_", "-"))
    match address.scheme:
        case "postgresql" | "postgres":
            return _postgresql(asked, address)
        case "http" | "https":
            return _odata(asked, address)
        case _:
            return _sql(asked, address)


def _split(text: str) -> SplitResult:
    try:
        address = urlsplit(text)
        _ = address.port
    except ValueError:
        raise AuthorMustFix(
            "the address has no such port or host", next_step="KIND://USER@HOST:PORT/DATABASE"
        ) from None
    return address


# --- paths -----------------------------------------------------------------------------------------------------


def _at_path(asked: Asked) -> Named:
    place = asked.folder / asked.what
    if place.is_dir():
        return _at_folder(asked.what, place.resolve())
    is_pattern = not place.exists() and any(mark in place.name for mark in "*?[") and place.parent.is_dir()
    if not place.exists() and not is_pattern:
        raise AuthorMustFix(
            f"{asked.what} is not there",
            next_step="name a CSV or Parquet file, a folder or pattern of them, a Delta table's folder, or an address "
            f"with {asked.table_option}",
        )
    path = place.parent.resolve() / place.name
    allow = tuple(dict.fromkeys(str(folder) for folder in (path.parent, path.resolve().parent)))
    head = _head(path) if path.is_file() else b""
    if head.startswith(b"SQLite format 3"):
        raise AuthorMustFix(
            f"{asked.what} is a SQLite database",
            next_step=f"type {asked.option} sqlite:///{asked.what} {asked.table_option} TABLE",
        )
    if head.startswith(b"PAR1") or path.name.endswith(".parquet"):
        return Named(ParquetSource(kind="parquet", path=str(path)), allow)
    return Named(CsvSource(kind="csv", path=str(path)), allow)


def _at_folder(said: str, place: Path) -> Named:
    allow = (str(place),)
    if (place / "_delta_log").is_dir():
        return Named(DeltaSource(kind="delta", path=str(place)), allow)
    endings = {entry.suffix for entry in place.iterdir() if entry.suffix in (".csv", ".parquet")}
    match sorted(endings):
        case [".csv"]:
            return Named(CsvSource(kind="csv", path=str(place)), allow)
        case [".parquet"]:
            return Named(ParquetSource(kind="parquet", path=str(place)), allow)
        case []:
            raise AuthorMustFix(
                f"{said} holds neither *.csv nor *.parquet, and no _delta_log", next_step="name the folder that does"
            )
        case _:
            raise AuthorMustFix(f"{said} holds *.csv and *.parquet", next_step=f"type a pattern: --from '{said}/*.csv'")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(16)
    except OSError:
        return b""  # whoever opens it says what is wrong


# --- addresses -------------------------------------------------------------------------------------------------


def _postgresql(asked: Asked, address: SplitResult) -> Named:
    options = dict(parse_qsl(address.query, keep_blank_values=True))
    tls = _TLS.get(options.pop("sslmode", "verify-full"))
    database = unquote(address.path.lstrip("/"))
    if not (address.hostname and address.username and database) or options or tls is None:
        raise AuthorMustFix(
            "the address of a PostgreSQL database names its host, its user and the database, and nothing else",
            next_step="postgresql://USER@HOST:5432/DATABASE, with ?sslmode=require where the certificate is its own",
        )
    port = address.port or 5432
    block = {"host": address.hostname, "port": port, "database": database, "user": unquote(address.username)}
    block |= {"table": asked.table, "tls": tls, "credentials": asked.credentials}
    return Named(_made(PostgresqlSource, "postgresql", block), (f"//{address.hostname}:{port}",))


def _sql(asked: Asked, address: SplitResult) -> Named:
    url, allow = asked.what, [f"//{address.hostname}:{address.port}" if address.port else f"//{address.hostname}"]
    if address.scheme.partition("+")[0] == "sqlite":
        _, _, file = asked.what.partition("sqlite:///")
        place = asked.folder / file
        if not file or not place.is_file():
            what = f"there is no SQLite file {file}" if file else "the address names no SQLite file"
            step = f"write three slashes before the file: {asked.option} sqlite:///{file or 'FILE'}"
            raise AuthorMustFix(what, next_step=f"check the path, from {asked.folder}" if file else step)
        path = place.parent.resolve() / place.name
        url, allow = f"sqlite:///{path}", [str(path.parent), str(path.resolve().parent)]
    elif not address.hostname:
        raise AuthorMustFix(
            "the address names no host", next_step="mssql+pymssql://USER@HOST:1433/DATABASE, or sqlite:///FILE"
        )
    block = {"url": url, "table": asked.table, "credentials": asked.credentials}
    return Named(_made(SqlSource, "sql", block), tuple(dict.fromkeys(allow)))


def _odata(asked: Asked, address: SplitResult) -> Named:
    options = dict(parse_qsl(address.query, keep_blank_values=True))
    companies = options.pop("cross-company", "false")
    if not address.hostname or options or companies not in ("true", "false"):
        raise AuthorMustFix(
            "the address of an OData service is its root, with nothing after it but ?cross-company=true",
            next_step="https://HOST/data --table ENTITYSET",
        )
    host = f"{address.hostname}:{address.port}" if address.port else address.hostname
    root = f"{address.scheme}://{host}{address.path.rstrip('/')}"
    block: dict[str, Any] = {"url": root, "entity": asked.table, "crossCompany": companies == "true"}
    allow = [_host(address)]
    if authentication := _authentication(asked, address):
        block["authentication"] = authentication
        allow += [_host(_split(asked.token_url))] if asked.token_url else []
    return Named(_made(ODataSource, "odata", block), tuple(dict.fromkeys(allow)))


def _authentication(asked: Asked, address: SplitResult) -> Mapping[str, Any] | None:
    user = unquote(address.username or "")
    if not (user or asked.credentials or asked.token_url):
        return None
    if not (user and asked.credentials):
        raise AuthorMustFix(
            "a service that asks who asks needs a user (or client) and its credentials",
            next_step="https://USER@HOST/data --credentials NAME, and --token-url URL where the user is a client's id",
        )
    if not asked.token_url:
        return {"kind": "basic", "user": user, "credentials": asked.credentials}
    block = {"kind": "oauth2", "tokenUrl": asked.token_url, "clientId": user, "credentials": asked.credentials}
    return {**block, "scope": asked.scope} if asked.scope else block


def _host(address: SplitResult) -> str:
    port = address.port or {"http": 80}.get(address.scheme, 443)
    return f"//{address.hostname}:{port}"


def _made(kind: type[BaseModel], name: str, block: Mapping[str, Any]) -> Any:
    """The block, checked. Its own words about a fault may hold what was typed: only which key and why is told."""
    try:
        return kind.model_validate({"kind": name, **block})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise AuthorMustFix(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}", next_step="type the address again, as the help shows"
        ) from None
