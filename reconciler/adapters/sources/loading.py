"""From what a reader found to a table of typed values: newest changes, `where`, typing, and each row's own faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.adapters.sources.asking import Raw, Uncounted, Wanted, Work
from reconciler.adapters.sources.columns import Column, moved_name
from reconciler.adapters.sources.counting import fill
from reconciler.adapters.sources.typed_sql import (
    cause_of,
    days_after,
    flag_of,
    is_moment,
    own_day,
    says_offset,
    typed,
    value_of,
)
from reconciler.adapters.sources.where_sql import where_sql
from reconciler.domain.errors import RetryLater
from reconciler.domain.inputs import Changes, Input
from reconciler.tools.duck import quoted, told


def load(wanted: Wanted, raw: Raw, work: Work) -> Raw:
    """Make the table `wanted.table`: `line`, the typed fields, `cause` (NULL, or `cause|field`), and for each column of
    moments whether the time zone moves the day. Returns what was loaded: `raw`, or what was read otherwise."""
    if raw.uncounted is None:
        _make(wanted, raw, work)
    elif wanted.input.changes is not None or (wanted.input.where and not raw.filtered):
        _make(wanted, counted(raw), work)  # rows that are left out have lines too
    elif not _make_and_count(wanted, raw, raw.uncounted, work):
        if raw.uncounted.otherwise is None:
            raise RetryLater(
                f"{raw.asked} did not come whole: {raw.rows:,} rows were to be read",
                next_step="run it again; where it happens each time, report it",
            )
        return load(wanted, raw.uncounted.otherwise(), work)
    for cause, lines in raw.refused.items():
        work.database.execute(
            f"INSERT INTO {wanted.table} (line, cause) SELECT unnest(?), ?",
            [lines, f"{cause}|"],
        )
    return raw


def counted(raw: Raw) -> Raw:
    """The same, with its lines counted while it is read: by one thread."""
    if raw.uncounted is None:
        return raw
    before = raw.uncounted.first - 1
    return replace(raw, relation=f"(SELECT * REPLACE (row_number() OVER () + {before} AS line) FROM {raw.relation})")  # noqa: S608


def _make_and_count(wanted: Wanted, raw: Raw, uncounted: Uncounted, work: Work) -> bool:
    def make() -> None:
        _make(wanted, raw, work)

    return fill(work.database, wanted.table, make, first=uncounted.first, rows=uncounted.rows)


def _make(wanted: Wanted, raw: Raw, work: Work) -> None:
    cells = {name: f"c{i}" for i, name in enumerate(wanted.names)}
    kinds: dict[str | None, str] = {None: "VARCHAR", **dict(zip(wanted.names, raw.types, strict=True))}
    values = ", ".join(
        f"{value_of(c, cells.get(c.source or '', ''), kinds[c.source], wanted.input.null_values)} "
        f"AS {quoted('t_' + c.name)}"
        for c in wanted.columns
    )
    types = ", ".join(f"{_typed(c, wanted, kinds)} AS {quoted(c.name)}" for c in wanted.columns)
    names = ", ".join([*(quoted(c.name) for c in wanted.columns), *_moved(wanted, kinds)])
    shown = {name: _shown(cell, kinds[name]) for name, cell in cells.items()}
    passing, bound = ("true", []) if raw.filtered else where_sql(wanted.input.where, shown)
    with told(work.database, work.progress, f"typing {wanted.table} (rows)", raw.rows):
        work.database.execute(
            f"CREATE TABLE {wanted.table} AS WITH newest AS ({_newest(raw.relation, wanted.input.changes, cells)}), "  # noqa: S608
            f"vals AS (SELECT line, {values} FROM newest WHERE {passing}), "
            f"typed AS (SELECT line, {types}, COLUMNS('^t_') FROM vals) "
            f"SELECT line, {names}, {cause_of(wanted.columns)} AS cause FROM typed",
            bound,
        )


def _typed(column: Column, wanted: Wanted, kinds: Mapping[str | None, str]) -> str:
    kind, zone = kinds[column.source], wanted.input.time_zone
    if column.add_days_to is None:
        return typed(column, kind, zone)
    begins = next(each for each in wanted.columns if each.name == column.add_days_to)
    return days_after(column, kind, typed(begins, kinds[begins.source], zone))


def _moved(wanted: Wanted, kinds: Mapping[str | None, str]) -> Iterator[str]:
    """For each column of moments whether its day is another one in UTC, or where nobody named a time zone, by the
    offset that the text says; of one that two fields read, once."""
    seen: set[str | None] = {None}
    for column in wanted.columns:
        kind = kinds[column.source]
        if column.spec.type != "date" or column.source in seen:
            continue
        if other := _other_day(column, kind, wanted.input):
            seen.add(column.source)
            yield f"{typed(column, kind, wanted.input.time_zone)} <> {other} AS {quoted(moved_name(column))}"


def _other_day(column: Column, kind: str, written: Input) -> str | None:
    """SQL of the day that a column of moments is compared with; None where the time zone can move none."""
    if kind != "TIMESTAMP WITH TIME ZONE" and (is_moment(kind) or not says_offset(column.date_format)):
        return None
    if written.time_zone != "UTC":
        return typed(column, kind, "UTC")
    by_default = "time_zone" not in written.model_fields_set and not is_moment(kind)
    return own_day(column) if by_default and column.date_format.endswith("%z") else None


def _shown(cell: str, kind: str) -> str:
    """A cell as `where` sees it: an empty text is no value."""
    return f"nullif(trim({cell}), '')" if kind == "VARCHAR" else cell


def _newest(relation: str, changes: Changes | None, cells: Mapping[str, str]) -> str:
    """The relation, or of a list of changes the last state of each key. Versions are compared as numbers where they
    are numbers, else as texts; of equal ones the later row counts."""
    if changes is None:
        return f"SELECT * FROM {relation}"  # noqa: S608
    key = ", ".join(cells[name] for name in changes.key)
    version = cells[changes.version]
    order = f"TRY_CAST({version} AS DECIMAL(38,9)) DESC NULLS LAST, CAST({version} AS VARCHAR) DESC, line DESC"
    ranked = f"SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY {order}) AS nth_ FROM {relation}"  # noqa: S608
    there = f"AND NOT coalesce({flag_of(cells[changes.deleted])}, false)" if changes.deleted else ""
    return f"SELECT * EXCLUDE (nth_) FROM ({ranked}) WHERE nth_ = 1 {there}"  # noqa: S608
