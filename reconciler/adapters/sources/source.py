"""`Sources`: an environment's inputs, of whatever kind, as typed, checked Parquet tables in a temporary folder.

Readers bring rows into DuckDB; what follows is the same for all kinds. What is wrong with a row is counted by cause,
with line and field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from reconciler.adapters.sources.asking import Access, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.checks import (
    Checked,
    check_customers,
    check_invoices,
    check_settlements,
    count_episodes,
)
from reconciler.adapters.sources.closing import find_episodes
from reconciler.adapters.sources.columns import Table, columns_of, kept_columns
from reconciler.adapters.sources.findings import Mixed, bad_rows, left_out, mixed_currencies, moved_days
from reconciler.adapters.sources.loading import load
from reconciler.adapters.sources.readers import kind_of
from reconciler.adapters.sources.settling import keep_only_of_kept, of_closed, settle
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import EnvironmentData, Input, Source
from reconciler.domain.settling import mismatches
from reconciler.domain.task import TaskSpec
from reconciler.domain.written import in_words
from reconciler.ports import BadRow, Extract, Finding, Progress
from reconciler.tools.duck import connect, told, value_free
from reconciler.tools.files import passing_folder

EXAMPLES = 20


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Sources:
    """`DataSource` for every kind of source. `access` is what the runner allows; without an as-of date, invoice and
    settlement dates after `today` are impossible."""

    access: Access
    task: TaskSpec
    today: Callable[[], date] = _today

    @contextmanager
    def extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> Iterator[Extract]:
        """See `ports.DataSource`. Also raises RetryLater when the temporary folder's disk refuses."""
        if data.invoices is None:
            raise AuthorMustFix(
                "the environment has no data.invoices", next_step="name a source and its mapping in its file"
            )
        with passing_folder("data") as folder:
            yield self._read(data, as_of, folder, progress)

    def _read(self, data: EnvironmentData, as_of: date | None, folder: Path, progress: Progress) -> Extract:
        with value_free("work on", folder), connect(folder, spill=folder / "spill") as database:
            return self._tables(data, as_of, Work(folder, database, progress))

    def _tables(self, data: EnvironmentData, as_of: date | None, work: Work) -> Extract:
        for odd in mismatches(data):
            raise AuthorMustFix(f"data.{odd.table}.mapping: {odd.summary}", next_step=odd.next_step)
        wanted = [
            Wanted(table, source, columns_of(self.task, table, source)) for table, source in _inputs(data)
        ]  # fmt: skip
        with ExitStack() as stack:
            reader_of = _Readers(self.access, stack)
            found: dict[str, Raw] = {}
            for each in wanted:
                found[each.table] = load(each, reader_of(each.input.source)(each, work), work)
                _tidy(work.folder)
            read: dict[str, int] = {each.table: _rows(work, each.table) for each in wanted}
        with told(work.database, work.progress, "checking (rows)", sum(raw.rows for raw in found.values())):
            checked, findings, matched = self._check_all(wanted, as_of, work)
        _bear(checked, data, found)
        if matched is not None and matched[1] and not matched[0]:
            raise _none_matched(matched[1], found)
        if (mixed := mixed_currencies(work.database, checked[0].columns)) is not None:
            raise _no_common_currency(mixed, wanted[0], found["invoices"])
        for table in checked:
            table.write(work.database, work.folder)
        if checked[0].newest is None:
            raise _none_good(found["invoices"].asked, as_of)
        placed = tuple(_in_file(each, found) for each in findings)
        asked: dict[str, str] = {each.table: _asked(found[each.table], each.input) for each in wanted}
        return replace(
            _extract(work.folder, as_of, checked, found), asked=asked, findings=placed, matched=matched, read=read
        )

    def _check_all(
        self, wanted: Sequence[Wanted], as_of: date | None, work: Work
    ) -> tuple[list[Checked], list[Finding], tuple[int, int] | None]:  # fmt: skip
        """Settlements close invoices before these are looked at, and are counted after."""
        database, odd, matched = work.database, list[Finding](), None
        columns = {each.table: each.columns for each in wanted}
        settled = columns.get("settlements")
        kept = {n: kept_columns(self.task, n, each, settled=settled is not None) for n, each in columns.items()}
        if settled is not None:
            names = {column.name for column in columns["invoices"]}
            odd, matched = settle(database, names, settled, as_of, self.today())
        checked = [check_invoices(database, kept["invoices"], as_of, self.today())]
        if "customers" in columns:
            checked.append(check_customers(database, kept["customers"]))
        if settled is not None:
            keep_only_of_kept(database)
            checked.append(check_settlements(database, kept["settlements"]))
            find_episodes(database)
            checked.append(count_episodes(database, kept["invoices"]))
            odd += of_closed(database)
        for each in wanted:
            odd += moved_days(database, each.table, each.columns, each.input)
        bad = [finding for each in wanted for finding in bad_rows(database, each.table)]
        return checked, [*bad, *left_out(database), *odd], matched


@dataclass
class _Readers:
    """Readers that are open, one for each session of a kind of source."""

    access: Access
    stack: ExitStack
    opened: dict[tuple[str, Hashable], Reader] = field(default_factory=dict)

    def __call__(self, source: Source) -> Reader:
        kind = kind_of(source)
        key = (source.kind, kind.session(source))
        if key not in self.opened:
            self.opened[key] = self.stack.enter_context(kind.open(source, self.access))
        return self.opened[key]


def _inputs(data: EnvironmentData) -> Iterator[tuple[Table, Input]]:
    tables: tuple[tuple[Table, Input | None], ...] = (
        ("invoices", data.invoices),
        ("customers", data.customers),
        ("settlements", data.settlements),
    )
    for table, source in tables:
        if source is not None:
            yield table, source


def _extract(folder: Path, as_of: date | None, checked: Sequence[Checked], found: Mapping[str, Raw]) -> Extract:
    """What is known of the tables in the folder; that of invoices comes first."""
    newest = max(table.newest for table in checked if table.newest is not None)
    return Extract(
        folder,
        as_of or newest,
        rows={t.table: t.good for t in checked},
        set_aside={f"{t.table}: {_told(*why)}": n for t in checked for why, n in t.causes.items()},
        examples=_examples(checked, found),
        columns={each.table: tuple(column.snapshot() for column in each.columns) for each in checked},
        newest=newest,
        entities=checked[0].entities,
        excluded=checked[0].excluded,
        place=lambda table, line: found[table].place(line),
    )


def _asked(raw: Raw, written: Input) -> str:
    """What was read: the source's own words, and which of its rows."""
    return raw.asked + (f" where {in_words(written.where)}" if written.where else "")


def _rows(work: Work, table: Table) -> int:
    """How many rows were read: of a whole reading those that the source has, the bad ones too."""
    return int(work.database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def _tidy(folder: Path) -> None:
    """What a reader wrote has been loaded: plain copies would only fill the disk."""
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


def _examples(checked: Sequence[Checked], found: Mapping[str, Raw]) -> tuple[BadRow, ...]:
    return tuple(_placed(row, t.table, found[t.table]) for t in checked for row in t.examples)[:EXAMPLES]


def _placed(row: BadRow, table: str, raw: Raw) -> BadRow:
    """A bad row with its table's name, in the file that it is in."""
    file, line = raw.place(row.line)
    return BadRow(row.cause, line, ".".join(part for part in (table, row.field) if part), file)


def _told(cause: str, field: str) -> str:
    return BadRow(cause, 0, field).told


def _in_file(finding: Finding, found: Mapping[str, Raw]) -> Finding:
    file, line = found[finding.table].place(finding.line)
    return replace(finding, file=file, line=line)


def _none_good(asked: str, as_of: date | None) -> AuthorMustFix:
    when = f" of {as_of} or before" if as_of else ""
    return AuthorMustFix(
        f"{asked}: there is not one good invoice{when}",
        next_step="check the source, the mapping, the date formats" + (" and --as-of" if as_of else ""),
    )


def _no_common_currency(mixed: Mixed, wanted: Wanted, raw: Raw) -> AuthorMustFix:
    file, line = raw.place(mixed.line)
    counts = ", ".join(f"{rows:,} in {code}" for code, rows in mixed.counts[:EXAMPLES])
    column = next(column.source for column in wanted.columns if column.name == "currency")
    one = next((code for code, _ in mixed.counts if len(code) == len("EUR")), "EUR")
    return AuthorMustFix(
        f"{raw.asked}: a legal entity has invoices in several currencies, and no amount in a common one: {counts}; the "
        f"first at {file + ' ' if file else ''}line {line}",
        next_step="map accounting_amount, the amount in the company's own currency; or keep one currency: "
        f"data.invoices.where: [{{field: {json.dumps(column, ensure_ascii=False)}, op: eq, value: {one}}}]",
    )


def _none_matched(settlements: int, found: Mapping[str, Raw]) -> AuthorMustFix:
    theirs, ours = found["settlements"].asked, found["invoices"].asked
    return AuthorMustFix(
        f"{theirs}: not one of {settlements:,} settlements is of an invoice of {ours}",
        next_step="both have to write legal entity and invoice alike (leading zeros, spaces, prefixes); or map another "
        "column, or name the table that belongs to these invoices",
    )


def _bear(checked: Sequence[Checked], data: EnvironmentData, found: Mapping[str, Raw]) -> None:
    """Raise AuthorMustFix where more rows of a table are bad than the environment bears."""
    limit = data.bad_rows.max_share
    for table in checked:
        if table.bad <= limit * table.rows:
            continue
        causes = [f"  {n:>7,}  {_told(*why)}" for why, n in table.causes.items()]
        placed = [_placed(row, "", found[table.table]) for row in table.examples[:EXAMPLES]]
        where = [f"  {row.where}: {row.told}" for row in placed]
        raise AuthorMustFix(
            f"{table.bad:,} of {table.rows:,} rows of {table.table} are bad, more than the {limit:.1%} that this "
            "environment bears\n" + "\n".join([*causes, "for example", *where]),
            next_step="mend the mapping, the formats or the source; or raise data.badRows.maxShare",
        )
