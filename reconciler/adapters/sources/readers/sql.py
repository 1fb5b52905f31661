"""Any database that SQLAlchemy has a dialect for: wanted columns of a table or view, in one transaction for all inputs.

Names are quoted and values bound by the dialect. Messages of drivers are never passed on: they may quote the data or
the address. What a manifest may not choose: options of a driver, and files that the runner does not allow.
"""

from __future__ import annotations

import socket
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reconciler.adapters.sources.allow import open_allowed
from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.readers.plain import plain_relation
from reconciler.adapters.sources.readers.sql_rows import write_rows
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, RetryLater
from reconciler.domain.inputs import Source, SqlSource
from reconciler.domain.written import Condition

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, TableClause

_OPTIONS = frozenset({"charset", "tds_version"})
#: Where REPEATABLE READ is one moment for all tables. SQL Server's would lock rows against those who work there: its
#: tables are read as committed, each for itself.
_KEEP_WHAT_THEY_READ = frozenset({"postgresql", "mysql", "mariadb"})


def _session(source: Source) -> Hashable:
    assert isinstance(source, SqlSource)  # noqa: S101  `kind_of` chose
    return source.url, source.credentials


@contextmanager
def _open(source: Source, access: Access) -> Iterator[Reader]:
    assert isinstance(source, SqlSource)  # noqa: S101  `kind_of` chose
    url = _allowed_url(source, access)
    engine = _engine(url, source, access)
    try:
        with _faults(url), engine.connect() as connection, _one_moment(connection):

            def read(wanted: Wanted, work: Work) -> Raw:
                assert isinstance(wanted.input.source, SqlSource)  # noqa: S101  it has the session's kind
                with _faults(url):
                    return _read(connection, wanted, work, wanted.input.source.table)

            yield read
    finally:
        engine.dispose()


def _allowed_url(source: SqlSource, access: Access) -> URL:
    """The address, whose host or file the runner allows. Raises AuthorMustFix."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(source.url)
    except (ArgumentError, ValueError):
        step = "write it as mssql+pymssql://USER@HOST:1433/DATABASE, or sqlite:///FILE"
        raise AuthorMustFix("the url of a source is not SQLAlchemy's", next_step=step) from None
    options = set(url.query) - _OPTIONS
    if options:
        raise AuthorMustFix(
            f"a manifest may not set {', '.join(sorted(options))} of a driver", next_step="take the ?… out of the url"
        )
    if url.get_backend_name() == "sqlite":
        if url.host or not url.database:
            step = "write three slashes before the file, as sqlite:///data/erp.db; four where it begins at the root"
            raise AuthorMustFix("the url of a source names no SQLite file", next_step=step)
        with open_allowed(url.database or "", access.root, access.allowed.folders):
            pass  # a regular file, inside
        return url.set(database=str((access.root / (url.database or "")).resolve()))
    if not url.host:
        raise AuthorMustFix("the url of a source names no host", next_step="write it as mssql+pymssql://USER@HOST/DB")
    port = url.port or _usual_port(url.get_backend_name())
    access.allowed.check_host(url.host, port)
    _must_answer(url.host, port)
    return url


def _must_answer(host: str, port: int) -> None:
    """Some drivers try for a minute to reach what is not there."""
    try:
        socket.create_connection((host, port), timeout=15).close()
    except OSError as error:
        raise RetryLater(
            f"nothing answers at {host}:{port} ({error.strerror or type(error).__name__})",
            next_step="check that the database is up and reachable from here, then run again",
        ) from None


def _usual_port(backend: str) -> int:
    return {"mssql": 1433, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521}.get(backend, 0)


def _engine(url: URL, source: SqlSource, access: Access) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError
    from sqlalchemy.pool import NullPool

    if source.credentials:
        url = url.set(password=access.secret(source.credentials))
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"file:{quote(url.database or '')}?mode=ro", query={"uri": "true"})
    try:
        patience = {"login_timeout": 20} if url.drivername == "mssql+pymssql" else {}
        return create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=patience)
    except (NoSuchModuleError, ImportError):
        raise NeedsPerson(
            f"there is no driver for {url.drivername} on this machine",
            next_step="install it where this runs, as pip install 'reconciler[mssql]' for mssql+pymssql",
        ) from None


@contextmanager
def _one_moment(connection: Connection) -> Iterator[None]:
    """One transaction that all tables are read in."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    elif connection.dialect.name in _KEEP_WHAT_THEY_READ:
        connection.execution_options(isolation_level="REPEATABLE READ")
    try:
        yield
    finally:
        connection.rollback()


def _read(connection: Connection, wanted: Wanted, work: Work, name: str) -> Raw:
    from sqlalchemy import column, func, select

    table, texts = _table(connection, name)
    names = wanted.found([each.name for each in table.columns], name)
    statement = select(*(table.c[each] for each in names)) if names else select(column("1"))
    for condition in _before(wanted, table, texts):
        statement = statement.where(condition)
    file = work.folder / f"{wanted.table}.csv"
    count = int(connection.execute(select(func.count()).select_from(statement.subquery())).scalar_one())
    every = wanted.every(count)
    with connection.execution_options(stream_results=True, max_row_buffer=10_000).execute(statement) as result:
        pieces = (piece[::every] for piece in result.partitions(10_000 // every * every or every))
        kinds = write_rows(
            pieces,
            len(names),
            file,
            lambda done: work.progress(f"reading {wanted.table} (rows)", done, max(done, count)),
        )
    asked = f"{connection.dialect.name} table {name}"
    return Raw(plain_relation(file, kinds), kinds, asked, names=names, rows=count)


def _tell(work: Work, label: str, count: int, done: int) -> None:
    work.progress(label, done, max(done, count))


def _table(connection: Connection, name: str) -> tuple[TableClause, frozenset[str]]:
    """The table with its columns, and which of them are texts. Types are left out: a driver's own values are read."""
    from sqlalchemy import String, column, inspect, table
    from sqlalchemy.exc import NoSuchTableError

    schema, _, last = name.rpartition(".")
    try:
        found = inspect(connection).get_columns(last, schema=schema or None)
    except NoSuchTableError:
        found = []
    if not found:
        raise AuthorMustFix(f"{name} is not there", next_step="check `source.table`: TABLE or SCHEMA.TABLE")
    texts = frozenset(each["name"] for each in found if isinstance(each["type"], String))
    return table(last, *(column(each["name"]) for each in found), schema=schema or None), texts


def _before(wanted: Wanted, table: TableClause, texts: frozenset[str]) -> Iterator[Any]:
    """Conditions that spare rows: equal texts. The database may compare more loosely than we (case, spaces); we check
    `where` again. Not for a list of changes, of which the newest counts before anything is asked."""
    from sqlalchemy import func

    for each in wanted.input.where if wanted.input.changes is None else ():
        match each:
            case Condition(op="eq", value=str() as value) if each.field in texts:
                yield func.ltrim(func.rtrim(table.c[each.field])) == value
            case Condition(op="in", value=list() as values) if each.field in texts and _are_texts(values):
                yield func.ltrim(func.rtrim(table.c[each.field])).in_(values)


def _are_texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)


@contextmanager
def _faults(url: URL) -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

    where = f"{url.get_backend_name()} at {url.host or 'a file'}"
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        kind = type(error.orig).__name__ if error.orig else "no connection"
        raise RetryLater(
            f"{where} refused or was lost ({kind})",
            next_step="check that it is up, `url`, `credentials` and what the user may read, then run again",
        ) from None
    except DBAPIError as error:
        raise AuthorMustFix(
            f"{where} could not answer ({type(error.orig).__name__})",
            next_step="check `table` and what the user may read",
        ) from None
    except SQLAlchemyError as error:
        raise RetryLater(f"{where} failed ({type(error).__name__})", next_step="run again") from None


KIND = Kind(session=_session, open=_open)
