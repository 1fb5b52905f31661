"""A PostgreSQL database: COPY of the wanted columns, all inputs of one database in one read-only transaction.

Names are quoted and values bound by psycopg. No message of the server is passed on: it may quote the data.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Uncounted, Wanted, Work
from reconciler.adapters.sources.readers.csv_lines import Layout
from reconciler.adapters.sources.readers.plain import plain_relation
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, ReconcilerError, RetryLater
from reconciler.domain.inputs import PostgresqlSource, Source

if TYPE_CHECKING:
    import psycopg

_DAYS = {"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE"}
_NUMBERS = {
    **dict.fromkeys(("int2", "int4", "int8"), "BIGINT"),
    "numeric": "DECIMAL(38,6)",
    **dict.fromkeys(("float4", "float8"), "DOUBLE"),
}
_NUMBERED = "reconciler's number of the row"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_TOLD_EVERY = 20_000
_BLOCK = 1 << 20


def _session(source: Source) -> Hashable:
    assert isinstance(source, PostgresqlSource)  # noqa: S101  `kind_of` chose
    return source.host, source.port, source.database, source.user, source.tls, source.credentials


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, PostgresqlSource)  # noqa: S101  `kind_of` chose
    access.allowed.check_host(source.host, source.port)
    with _faults(source), _connected(source, access) as connection:

        def read(wanted: Wanted, work: Work) -> Raw:
            assert isinstance(wanted.input.source, PostgresqlSource)  # noqa: S101  it has the session's kind
            with _faults(wanted.input.source):
                return _read(connection, wanted, work, wanted.input.source.table)

        yield read


@contextmanager
def _connected(source: PostgresqlSource, access: Access) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose one transaction sees one moment and can write nothing."""
    import psycopg

    if source.tls == "off" and source.host not in _LOOPBACK:
        raise AuthorMustFix(
            f"tls: off would send the password and the data of {source.host} in the open",
            next_step="take it out, or write tls: require",
        )
    with psycopg.connect(
        host=source.host,
        port=source.port,
        dbname=source.database,
        user=source.user,
        password=access.secret(source.credentials) if source.credentials else "",
        connect_timeout=15,
        application_name="reconciler",
        options="-c TimeZone=UTC -c DateStyle=ISO -c extra_float_digits=1 -c bytea_output=hex",
        sslmode={"off": "disable"}.get(source.tls, source.tls),
        sslrootcert="system" if source.tls == "verify-full" else "",
    ) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1").fetchone()  # from here on everything is of this moment
        yield connection


def _read(connection: psycopg.Connection[Any], wanted: Wanted, work: Work, table: str) -> Raw:
    from psycopg import sql

    from reconciler.adapters.sources.readers.postgresql_where import pushed

    name = sql.Identifier(*table.split(".", 1))
    types = _columns(connection, name)
    names = wanted.found(list(types), table)
    where = None if wanted.input.changes else pushed(wanted.input.where, types)
    cells = [_cell(column, types[column]) for column in names] or [sql.SQL("1")]
    count = _counted(connection, name) if wanted.look else 0
    rows = sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(cells), _thinned(name, wanted.every(count)), where or sql.SQL("true")
    )
    file = work.folder / f"{wanted.table}.csv"
    about = 0 if where or wanted.look else _about(connection, name)
    told = partial(_tell, work, f"reading {wanted.table} (rows)", about)
    copied = _copy(connection, sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(rows), file, told)
    asked = f"postgresql {table}"
    kinds = [_kind(types[column], wanted) for column in names]

    def raw(*, quick: bool) -> Raw:
        relation = plain_relation(file, kinds, numbered=False, breaks=None if quick else True)
        uncounted = Uncounted(1, copied.rows, (lambda: raw(quick=False)) if quick else None)
        filtered = where is not None
        return Raw(
            relation, kinds, asked, filtered=filtered, names=names, rows=count or copied.rows, uncounted=uncounted
        )

    return raw(quick=copied.is_lines)


@dataclass
class _Copied:
    """What COPY wrote: how many rows, and the bytes that say whether a line is a row."""

    rows: int = 0
    layout: Layout = field(default_factory=Layout)

    @property
    def is_lines(self) -> bool:
        """Whether no cell holds a line break."""
        return self.layout.feeds == self.rows and not self.layout.returns


def _kind(type_: str, wanted: Wanted) -> str:
    """DuckDB's type of a column. Numbers stay the texts that COPY writes; a look is told that they are numbers."""
    return _DAYS.get(type_, _NUMBERS.get(type_, "VARCHAR") if wanted.look else "VARCHAR")


def _counted(connection: psycopg.Connection[Any], name: Any) -> int:
    from psycopg import sql

    found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    return int(found[0]) if found else 0


def _thinned(name: Any, every: int) -> Any:
    """The table, or the first of each so many rows."""
    from psycopg import sql

    if every == 1:
        return name
    numbered = sql.SQL("SELECT *, row_number() OVER () AS {} FROM {}").format(sql.Identifier(_NUMBERED), name)
    return sql.SQL("(SELECT * FROM ({}) n WHERE {} % {} = 1) s").format(
        numbered, sql.Identifier(_NUMBERED), sql.Literal(every)
    )


def _columns(connection: psycopg.Connection[Any], name: Any) -> Mapping[str, str]:
    """Column → the name of its PostgreSQL type."""
    from psycopg import sql

    cursor = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(name))
    found = cursor.description or []
    oids = [column.type_code for column in found]
    names = dict(connection.execute("SELECT oid, typname FROM pg_type WHERE oid = ANY(%s)", [oids]).fetchall())
    return {column.name: names[column.type_code] for column in found}


def _cell(column: str, kind: str) -> Any:
    """A column as COPY shall write it: a text without the spaces that fill it up."""
    from psycopg import sql

    name = sql.Identifier(column)
    return sql.SQL("{}::text").format(name) if kind == "bpchar" else name


def _copy(connection: psycopg.Connection[Any], statement: Any, file: Path, told: Callable[[int], None]) -> _Copied:
    """The server sends a message for each row, and says at the end how many there were."""
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy, file.open("wb") as out:
            messages, some = iter(copy), 0
            while _written(out, islice(messages, _TOLD_EVERY)):
                told(some := some + _TOLD_EVERY)
        copied = _Copied(cursor.rowcount)
    told(copied.rows)
    with file.open("rb") as written:
        while block := written.read(_BLOCK):
            copied.layout.see(block)
    return copied


def _written(out: BinaryIO, messages: Iterator[Any]) -> int:
    """How many bytes there were to write."""
    before = out.tell()
    out.writelines(messages)
    return out.tell() - before


def _tell(work: Work, label: str, about: int, rows: int) -> None:
    work.progress(label, rows, max(about, rows) if about else 0)


def _about(connection: psycopg.Connection[Any], name: Any) -> int:
    """How many rows the server believes that a table has; 0 where it does not know."""
    asked = "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)"
    found = connection.execute(asked, [name.as_string(connection)]).fetchone()
    return max(0, int(found[0])) if found else 0


@contextmanager
def _faults(source: PostgresqlSource) -> Iterator[None]:
    """What the server or the network refuses, in our words: theirs may hold data or a password."""
    import psycopg
    from psycopg import errors

    where = f"{source.host}:{source.port}/{source.database}"
    try:
        yield
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        step = "check `source.table`: SCHEMA.TABLE, as the database spells it"
        raise AuthorMustFix(f"{source.table} is not there in {where}", next_step=step) from None
    except errors.InsufficientPrivilege:
        step = f"whoever keeps the database: GRANT SELECT ON {source.table} TO {source.user}"
        raise NeedsPerson(f"{source.user} may not read {source.table} in {where}", next_step=step) from None
    except psycopg.Error as error:
        raise _refused(error, source, where) from None


def _refused(error: psycopg.Error, source: PostgresqlSource, where: str) -> ReconcilerError:
    state = error.sqlstate or ""
    text = str(error)  # looked at, never shown
    if state.startswith("28") or "authentication failed" in text or "no password supplied" in text:
        return NeedsPerson(
            f"{where} refuses {source.user}", next_step="check `user`, `credentials` and the runner's variable"
        )
    if "certificate" in text or "SSL" in text:
        return NeedsPerson(
            f"{where} has no certificate that this machine trusts, or no TLS",
            next_step="give the server one, add its authority to this machine, or write tls: require",
        )
    if "does not exist" in text and "database" in text:
        return AuthorMustFix(f"there is no database {source.database} on {source.host}", next_step="check `database`")
    kind = f"SQLSTATE {state}" if state else "no connection"
    return RetryLater(f"{where} could not be read ({kind})", next_step="check that it is up, then run again")


KIND = Kind(session=_session, open=_open)
