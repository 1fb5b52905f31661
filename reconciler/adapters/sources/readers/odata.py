"""OData version 4: an entity set, page by page, into a plain file that DuckDB reads.

Only the wanted columns are asked for, in the order of the key, with what of `where` the service can be trusted
with; `where` is applied here all the same. No two pages are of one moment: where rows came twice or are fewer than
were counted, all are read again; and a table of few pages is read until two readings are equal, so that it is as it
was between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from reconciler.adapters.sources.asking import Access, Kind, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.readers.odata_cells import KINDS
from reconciler.adapters.sources.readers.odata_filter import pushed
from reconciler.adapters.sources.readers.odata_limits import Limits
from reconciler.adapters.sources.readers.odata_metadata import Entity, Model, read_metadata
from reconciler.adapters.sources.readers.odata_pages import Page, QueryRefused, Sheet, pages
from reconciler.adapters.sources.readers.odata_token import credentials_of
from reconciler.adapters.sources.readers.odata_web import Answer, Service, address, refusal
from reconciler.adapters.sources.readers.plain import plain_relation
from reconciler.domain.errors import AuthorMustFix, RetryLater
from reconciler.domain.inputs import ODataSource, Source
from reconciler.tools.patience import Patience, SystemTimer, Timer
from reconciler.tools.web import new_client

_READS = 5
_REFUSES_A_FILTER = (400, 404, 413, 414, 500, 501)


@contextmanager
def open_odata(
    source: Source, access: Access, *, timer: Timer | None = None, limits: Limits | None = None
) -> Iterator[Reader]:
    """A reader of one service; its description is asked for once."""
    assert isinstance(source, ODataSource)  # noqa: S101  `kind_of` chose
    root = address(source.url, access.allowed)
    limits = limits or Limits()
    patience = Patience(timer or SystemTimer(), limits, "ask for fewer rows with `where`")
    with new_client() as client:
        credentials = credentials_of(source.authentication, access, client, patience)
        reading = _Reading(Service(root, client, credentials, patience, limits), source.url.rstrip("/"))
        yield reading.read


@dataclass
class _Reading:
    service: Service
    where: str
    model: Model | None = None

    def read(self, wanted: Wanted, work: Work) -> Raw:
        """See `Reader`."""
        source = wanted.input.source
        assert isinstance(source, ODataSource)  # noqa: S101  `kind_of` chose
        self.service.patience.begin()
        self.model = self.model or self._described()
        entity = self.model.entity(source.entity, self.where)
        what = f"entity set {entity.name}"
        readable = [name for name, each in entity.properties.items() if not wanted.look or each.edm in KINDS]
        table = _Table(entity, wanted.found(readable, what), source.cross_company, wanted.look)
        table.check()
        # of a list of changes the newest counts, whether or not it passes `where`: all must be here to find it
        filtered = pushed(wanted.input.where, entity.properties) if wanted.input.changes is None else ""
        try:
            sheet, count = self._settled(table, filtered, wanted, work)
        except QueryRefused as error:
            if not filtered or error.answer.status not in _REFUSES_A_FILTER:
                raise refusal(error.answer, table.what) from None
            sheet, count = self._unfiltered(table, wanted, work)
        asked = self._asked(table, sheet)
        return Raw(table.relation(sheet.path), table.kinds, asked, sheet.refused, names=table.names, rows=count)

    def _unfiltered(self, table: _Table, wanted: Wanted, work: Work) -> tuple[Sheet, int]:
        try:
            return self._settled(table, "", wanted, work)
        except QueryRefused as error:
            raise refusal(error.answer, table.what) from None

    def _settled(self, table: _Table, filtered: str, wanted: Wanted, work: Work) -> tuple[Sheet, int]:
        """Every page, read again while the rows move, and how many rows there are. Raises RetryLater when they do not
        rest."""
        before: bytes | None = None
        for reading in range(_READS):
            sheet, count = self._all(table, filtered, wanted, work, again=reading > 0)
            if sheet.pages < 2 or wanted.look:
                return sheet, max(count or 0, sheet.rows)
            if (count is not None and sheet.rows < count) or table.doubled(sheet.path, work.database):
                before = None
                continue
            digest = sheet.digest()
            if digest == before or sheet.pages > self.service.limits.pages_read_twice:
                return sheet, sheet.rows
            before = digest
        raise RetryLater(
            f"{table.what} changed while it was read, {_READS} times", next_step="try again when less is written there"
        )

    def _all(
        self, table: _Table, filtered: str, wanted: Wanted, work: Work, *, again: bool
    ) -> tuple[Sheet, int | None]:
        """Every page once, and how many rows there should be."""
        checks = [(name, KINDS[table.entity.properties[name].edm][1]) for name in table.columns]
        sheet = Sheet(work.folder / f"{wanted.table}.csv", checks)
        first = self.service.root.copy_with(raw_path=table.path(self.service.root, filtered))
        label = f"reading {wanted.table}{' again' if again else ''} (rows)"
        found = _first(pages(self.service, first, table.what), wanted.look)
        return sheet, sheet.fill(found, lambda done, total: work.progress(label, done, total))

    def _asked(self, table: _Table, sheet: Sheet) -> str:
        moments = sheet.pages > self.service.limits.pages_read_twice
        return (
            f"{table.what} of {self.where}"
            + (", all companies" if table.cross_company else "")
            + (f", in {sheet.pages:,} pages of as many moments" if moments else "")
        )

    def _described(self) -> Model:
        url = self.service.root.copy_with(raw_path=_below(self.service.root, "$metadata"))

        def read(answer: Answer) -> Model:
            if answer.status != 200:
                raise refusal(answer, f"{self.where}/$metadata")
            return read_metadata(answer.body, self.where)

        return self.service.get(url, "application/xml", self.service.limits.metadata, read)


@dataclass(frozen=True)
class _Table:
    """An entity set and the columns that are wanted of it."""

    entity: Entity
    names: Sequence[str]
    cross_company: bool
    look: int = 0

    @property
    def what(self) -> str:
        return f"entity set {self.entity.name}"

    @property
    def columns(self) -> list[str]:
        """The wanted ones, then those of the key, by which doubled rows are known."""
        return list(dict.fromkeys([*self.names, *self.entity.key]))

    @property
    def kinds(self) -> list[str]:
        """DuckDB's types of the wanted columns."""
        return [KINDS[self.entity.properties[name].edm][0] for name in self.names]

    def check(self) -> None:
        """Raise AuthorMustFix for a column of a type that is no single value."""
        for name in self.columns:
            kind = self.entity.properties[name]
            if kind.edm not in KINDS:
                raise AuthorMustFix(
                    f"column {name!r} of {self.what} is of type {kind.type}, which cannot be read",
                    next_step="map a column that holds one text, number, date or yes/no",
                )

    def path(self, root: httpx.URL, filtered: str) -> bytes:
        """The first page's path and query. Spaces are %20: a plus sign is not a space to every service."""
        # at a look all columns come: their names would make the address too long
        select = "" if self.look else ",".join(self.columns)
        asked = {"$select": select, "$filter": filtered, "$orderby": ",".join(self.entity.key)}
        asked |= {"$count": "true", "cross-company": "true" if self.cross_company else ""}
        query = "&".join(f"{name}={quote(text, safe=',')}" for name, text in asked.items() if text)
        return _below(root, quote(self.entity.name)) + b"?" + query.encode("ascii")

    def relation(self, path: Path) -> str:
        """The file as SQL, without what only the key needs."""
        return plain_relation(path, self.kinds, also=len(self.columns) - len(self.names))

    def doubled(self, path: Path, database: Any) -> bool:
        """Whether a key is there twice."""
        if not self.entity.key:
            return False
        key = ", ".join(f"c{self.columns.index(name)}" for name in self.entity.key)
        rows = plain_relation(path, ["VARCHAR"] * len(self.columns))
        found = database.execute(f"SELECT count(*) > count(DISTINCT row({key})) FROM {rows}")  # noqa: S608
        return bool(found.fetchone()[0])


def _first(found: Iterator[Page], rows: int) -> Iterator[Page]:
    """The pages until there are so many rows (0: all)."""
    done = 0
    for page in found:
        yield page
        done += len(page.rows)
        if rows and done >= rows:
            return


def _below(root: httpx.URL, name: str) -> bytes:
    return root.raw_path.rstrip(b"/") + b"/" + name.encode("ascii")


def _session(source: Source) -> tuple[object, ...]:
    assert isinstance(source, ODataSource)  # noqa: S101  `kind_of` chose
    return (source.url, source.authentication)


KIND = Kind(session=_session, open=open_odata)
