"""Tables of a real PostgreSQL server, read by a user who may only read."""

from __future__ import annotations

import atexit
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.sources.rigs.table import Rig, Table
from tests.support.postgresql import PASSWORD, READER_PASSWORD, Postgresql, postgresql

_TYPES = {
    "text": "text",
    "number": "numeric(30,6)",
    "whole": "bigint",
    "date": "date",
    "moment": "timestamptz",
    "flag": "boolean",
}


@cache
def server() -> Postgresql:
    """The one server of this test process."""
    stack = ExitStack()
    found = stack.enter_context(postgresql())
    atexit.register(stack.close)
    with owner(found, "postgres") as connection:
        connection.execute(sql.SQL("CREATE USER reader PASSWORD {}").format(sql.Literal(READER_PASSWORD)))
    return found


def owner(running: Postgresql, database: str) -> psycopg.Connection[Any]:
    """A connection that may do everything."""
    return psycopg.connect(
        host="127.0.0.1", port=running.port, user="owner", password=PASSWORD, dbname=database, autocommit=True
    )


@dataclass
class PostgresqlRig:
    """A database of one test."""

    root: Path
    database: str
    port: int

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})

    @property
    def variables(self) -> Mapping[str, str]:
        return {"RECONCILER_CREDENTIALS_ERP": READER_PASSWORD}

    def source(self, name: str) -> dict[str, Any]:
        return {
            "kind": "postgresql", "host": "127.0.0.1", "port": self.port, "database": self.database, "user": "reader",
            "table": f"public.{name}", "tls": "require", "credentials": "erp",
        }  # fmt: skip

    def put(self, name: str, table: Table) -> dict[str, Any]:
        columns = [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(_TYPES[t])) for c, t in table.columns.items()]
        fresh = sql.Identifier(f"{name}_fresh")
        with owner(server(), self.database) as connection, connection.transaction():
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(fresh, sql.SQL(", ").join(columns)))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(fresh)) as copy:
                for row in table.rows:
                    copy.write_row(row)
            place = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} (LIKE {})").format(place, fresh))
            self._fill(connection, place, fresh)
            connection.execute(sql.SQL("GRANT SELECT ON {} TO reader").format(place))
        return self.source(name)

    def _fill(self, connection: psycopg.Connection[Any], place: sql.Identifier, fresh: sql.Identifier) -> None:
        """In the place of what is there, without the lock that renaming a table which is being read would wait for."""
        connection.execute(sql.SQL("DELETE FROM {}").format(place))
        connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(place, fresh))
        connection.execute(sql.SQL("DROP TABLE {}").format(fresh))

    def drop(self, name: str) -> None:
        with owner(server(), self.database) as connection:
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


@contextmanager
def postgresql_rig(folder: Path) -> Iterator[Rig]:
    running = server()
    database = f"t{uuid.uuid4().hex}"
    with owner(running, "postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    yield PostgresqlRig(folder, database, running.port)
