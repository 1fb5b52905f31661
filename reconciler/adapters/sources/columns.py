"""From a mapping and the task's fields to what is read of each column: where from, as what, when known."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import ConstantField, Input, MappedColumn
from reconciler.domain.jobs import SnapshotColumn
from reconciler.domain.task import FieldSpec, TaskSpec

Table = Literal["invoices", "customers", "settlements"]

#: The day on which an episode of an invoice ended, beside the columns that the copy has of invoices.
UNTIL = FieldSpec("until_date", "invoices", "date", "later", False, "the day on which something else was known")


@dataclass(frozen=True)
class Column:
    """One field of a table: its task's spec, the column or constant it comes from, and how it is written there."""

    spec: FieldSpec
    source: str | None = None
    constant: str | None = None
    date_format: str = "%Y-%m-%d"
    add_days_to: str | None = None
    decimal: str = "."
    currency_mark: str | None = None
    negate: bool = False
    known_at: Literal["invoice-date", "later"] = "later"
    true_values: Sequence[str] = field(default_factory=tuple)
    false_values: Sequence[str] = field(default_factory=tuple)
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.spec.name

    def snapshot(self) -> SnapshotColumn:
        return SnapshotColumn(name=self.name, type=self.spec.type, known_at=self.known_at)


def columns_of(task: TaskSpec, table: Table, source: Input) -> list[Column]:
    """The mapped columns in the task's order; an invoice without a mapped instalment is instalment 1.

    Of settlements what is not mapped is: instalment 1, kind payment, recorded on the day of the payment. Raises
    AuthorMustFix for a field that the task does not have, and for a required one that is not mapped."""
    fields = {spec.name: spec for spec in task.fields.values() if spec.table == table}
    for name in source.mapping:
        if name not in fields:
            close = difflib.get_close_matches(name, fields, 1)
            raise AuthorMustFix(
                f"data.{table}.mapping names {name!r}, which {task.name} does not know",
                next_step=f"did you mean {close[0]}?" if close else f"fields are: {', '.join(fields)}",
            )
    out = [_column(spec, source.mapping[name]) for name, spec in fields.items() if name in source.mapping]
    missing = [name for name, spec in fields.items() if spec.required and name not in source.mapping]
    if missing:
        raise AuthorMustFix(
            f"data.{table}.mapping lacks {', '.join(missing)}",
            next_step=f"map the column, or give every row one value: {missing[0]}: {{constant: …}}",
        )
    for column in out:
        if column.add_days_to is not None and column.add_days_to not in {each.name for each in out}:
            raise AuthorMustFix(
                f"data.{table}.mapping adds days to {column.add_days_to}, which is not mapped",
                next_step=f"map {column.add_days_to}",
            )
    for name, written in _defaults(table, source).items():
        if name in fields and name not in source.mapping:
            out.append(_column(fields[name], written))
    order = list(fields)
    return sorted(out, key=lambda column: order.index(column.name))


def _defaults(table: Table, source: Input) -> dict[str, str | MappedColumn | ConstantField]:
    """Field → what stands for it where it is not mapped."""
    one = ConstantField(constant="1")
    match table:
        case "invoices":
            return {"instalment": one}
        case "settlements":
            paid = source.mapping["paid_on"]
            return {"instalment": one, "kind": ConstantField(constant="payment"), "recorded_on": paid}
        case _:
            return {}


#: Fields that only link tables to each other: they are not in the copy.
_LINKS: Mapping[str, frozenset[str]] = {
    "invoices": frozenset({"source_id", "kind"}),
    "settlements": frozenset({"source_id", "offset_id"}),
}


def kept_columns(task: TaskSpec, table: Table, columns: Sequence[Column], *, settled: bool) -> list[Column]:
    """The columns of the copy. `settled`: there are settlements, which say when invoices were settled; theirs are all
    the task's, none of them known before later."""
    links = _LINKS.get(table, frozenset())
    fields = {spec.name: spec for spec in task.fields.values() if spec.table == table and spec.name not in links}
    if table == "settlements":
        return [Column(spec) for spec in fields.values()]
    there = {column.name: column for column in columns if column.name not in links}
    if table == "invoices" and settled:
        there |= {name: Column(fields[name]) for name in ("settled_date", "known_date")}
    return [there[name] for name in fields if name in there]


def moved_name(column: Column) -> str:
    """The column of a loaded table that says whether a moment falls on another day in the time zone than in UTC."""
    return f"{column.name} moved"


def _column(spec: FieldSpec, mapped: str | MappedColumn | ConstantField) -> Column:
    match mapped:
        case str():
            return Column(spec, source=mapped, known_at=spec.known_at)
        case ConstantField():
            # one value for all rows says nothing of what comes later
            known = spec.known_at if spec.type == "date" else "invoice-date"
            return Column(spec, constant=mapped.constant, known_at=known)
        case MappedColumn():
            return Column(
                spec,
                source=mapped.column,
                date_format=mapped.date_format or "%Y-%m-%d",
                add_days_to=mapped.add_days_to,
                decimal=mapped.decimal,
                currency_mark=mapped.currency_mark,
                negate=mapped.negate,
                known_at=mapped.known_at or spec.known_at,
                true_values=tuple(mapped.true_values),
                false_values=tuple(mapped.false_values),
                values=dict(mapped.values),
            )


def positions(wanted: Sequence[str], header: Sequence[str], name: str) -> Mapping[str, int]:
    """Column name in the source → its position. Raises AuthorMustFix for one that is absent or there twice; it shows
    the header only where that is one, by a column that was asked for."""
    for source in wanted:
        count = header.count(source)
        if count == 1:
            continue
        if count > 1:
            raise AuthorMustFix(f"{name} has {count} columns named {source!r}", next_step="rename all but one")
        raise AuthorMustFix(f"{name} has no column {source!r}", next_step=_other(source, wanted, header))
    return {source: header.index(source) for source in wanted}


def _other(source: str, wanted: Sequence[str], header: Sequence[str]) -> str:
    """What to write instead. What may be no header is not shown: it would be a row of the data, or of any file."""
    if close := difflib.get_close_matches(source, [name for name in header if name not in wanted], 1):
        return f"did you mean {close[0]!r}?"
    if not set(wanted) & set(header):
        return (
            "it has none of the mapped columns: check the path, and that its first line names the columns; of CSV "
            "`source.headerLine` says which line does"
        )
    return f"its columns are: {', '.join(header[:40])}"
