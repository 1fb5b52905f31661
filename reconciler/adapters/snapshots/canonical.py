r"""The canonical bytes of rows, and the digests made of them.

A part is a month of invoices and of their episodes by invoice date, of settlements by the day they were paid, or a
whole table. Its rows are in the order of the key (legal entity, invoice, instalment; or legal entity, customer;
settlements and episodes have no key and may be equal: all their columns): texts by their UTF-8 bytes, others by value,
no value last. Each column of a part is one or two runs of bytes, without any mark between rows; all figures are
little-endian:

- text: the lengths in bytes, 32 bits each, ``0xFFFFFFFF`` for no value; and the UTF-8 bytes of all texts;
- number: ten-thousandths, 64 bits with a sign, the least one for no value;
- whole, date (days since 1970-01-01): 32 bits with a sign, the least one for no value;
- flag: one byte, 0 or 1, 255 for no value.

The part's digest is the sha256 of one line of UTF-8 that names the columns in the manifest's order, as `name:type`
joined by tabs and ended by LF; of the number of rows, 64 bits; and of the sha256 (32 bytes) of each run, in order.

The snapshot's digest is the sha256 of RFC 8785 JSON of ``{"data_date", "format", "tables"}``; a table is
``{"columns": [[name, type, known_at], …], "parts": [[name, digest], …]}``, parts by name. So equal rows at an
equal data date have one digest on every machine and with every release of DuckDB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.domain.jobs import SnapshotColumn, SnapshotTable
from reconciler.tools.arrow import Batch, batches
from reconciler.tools.duck import quoted

FORMAT = 2
_KEYS = {"invoices": ("legal_entity", "invoice", "instalment"), "customers": ("legal_entity", "customer")}
_NO_TEXT, _NO_NUMBER, _NO_WHOLE, _NO_FLAG = 2**32 - 1, -(2**63), -(2**31), 255
_ALL = "all"


def snapshot_digest(data_date: str, tables: Mapping[str, SnapshotTable]) -> str:
    """The digest of a snapshot from its data date, columns and parts."""
    import rfc8785

    value = {
        "data_date": data_date,
        "format": FORMAT,
        "tables": {
            name: {
                "columns": [[column.name, column.type, column.known_at] for column in table.columns],
                "parts": sorted([part.name, part.digest] for part in table.parts),
            }
            for name, table in tables.items()
        },
    }
    return "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def part_of(table: str, columns: Sequence[SnapshotColumn]) -> str:
    """SQL that names the part of a row."""
    day = _day_of(table, columns)
    return f"strftime({day}, '%Y-%m')" if day else f"'{_ALL}'"


def order_of(table: str, columns: Sequence[SnapshotColumn]) -> str:
    """SQL of the key's order."""
    return ", ".join(f"{quoted(name)} ASC NULLS LAST" for name in key_of(table, columns))


def key_of(table: str, columns: Sequence[SnapshotColumn]) -> list[str]:
    """The columns that make a row one row; all of them where the table has no key."""
    names = {column.name for column in columns}
    return [name for name in _KEYS.get(table, ()) if name in names] or [column.name for column in columns]


def sort_parts(database: Any, rows: str, table: str, columns: Sequence[SnapshotColumn]) -> list[tuple[str, int]]:
    """Make the table `sorted_TABLE` of the relation `rows` (SQL): the columns and `part_`, in the order of
    parts and keys. Returns the parts, as (name, rows), in the order of their names."""
    day = _day_of(table, columns)
    part = f"CAST(date_trunc('month', {day}) AS DATE)" if day else "DATE '1970-01-01'"  # a number sorts sooner
    names = ", ".join(quoted(column.name) for column in columns)
    database.execute(
        f"CREATE OR REPLACE TABLE sorted_{table} AS SELECT {names}, {part} AS part_ "  # noqa: S608
        f"FROM {rows} ORDER BY part_, {order_of(table, columns)}"
    )
    found = database.execute(
        f"SELECT part_, count(*) FROM sorted_{table} GROUP BY part_ ORDER BY part_"  # noqa: S608
    ).fetchall()
    return [(f"{month:%Y-%m}" if day else _ALL, count) for month, count in found]


def rows_of(table: str, part: str, columns: Sequence[SnapshotColumn]) -> str:
    """SQL, to stand after SELECT …, of one part that `sort_parts` made: its rows come in their order."""
    where = f" WHERE part_ = DATE '{part}-01'" if _day_of(table, columns) else ""
    return f"FROM sorted_{table}{where}"


def part_digest(database: Any, table: str, part: tuple[str, int], columns: Sequence[SnapshotColumn]) -> str:
    """The digest of a part, as (name, rows), that `sort_parts` made."""
    cells = [sql for column in columns for sql in _cells(column)]
    runs = [run for column in columns for run in _RUNS[column.type]]
    hashers = [hashlib.sha256() for _ in runs]
    relation = database.sql(f"SELECT {', '.join(cells)} {rows_of(table, part[0], columns)}")
    rows = 0
    with batches(relation, runs) as found:
        for batch in found:
            rows += batch.rows
            for position, (run, hasher) in enumerate(zip(runs, hashers, strict=True)):
                hasher.update(_run(batch, position, run))
    if rows != part[1]:
        raise OSError("DuckDB gave other rows than it counted")
    whole = hashlib.sha256(("\t".join(f"{column.name}:{column.type}" for column in columns) + "\n").encode())
    whole.update(rows.to_bytes(8, "little"))
    for hasher in hashers:
        whole.update(hasher.digest())
    return "sha256:" + whole.hexdigest()


#: The runs of a column of each type, by the layout in which DuckDB gives them.
_RUNS: Mapping[str, str] = {"text": "Iu", "number": "l", "whole": "i", "date": "i", "flag": "C"}
_WIDTHS = {"I": 4, "l": 8, "i": 4, "C": 1}


def _run(batch: Batch, position: int, layout: str) -> memoryview:
    return batch.text(position) if layout == "u" else batch.numbers(position, _WIDTHS[layout])


def _cells(column: SnapshotColumn) -> Iterator[str]:
    """SQL of a column's runs: of the type that has the width, and without a missing value."""
    name = quoted(column.name)
    match column.type:
        case "text":
            yield f"CAST(coalesce(strlen({name}), {_NO_TEXT}) AS UINTEGER)"
            yield f"coalesce({name}, '')"
        case "number":
            large = f"CAST(CAST({name} AS DECIMAL(38,4)) * 10000 AS BIGINT)"  # which takes longer
            small = f"CAST({name} * 10000 AS BIGINT)"
            yield f"CASE WHEN {name} IS NULL THEN {_NO_NUMBER} WHEN abs({name}) < 1e10 THEN {small} ELSE {large} END"
        case "whole":
            yield f"coalesce(CAST({name} AS INTEGER), CAST({_NO_WHOLE} AS INTEGER))"
        case "date":
            yield f"CAST(coalesce(date_diff('day', DATE '1970-01-01', {name}), {_NO_WHOLE}) AS INTEGER)"
        case "flag":
            yield f"CAST(coalesce(CAST({name} AS UTINYINT), {_NO_FLAG}) AS UTINYINT)"


def _day_of(table: str, columns: Sequence[SnapshotColumn]) -> str | None:
    """The column whose month a row's part is."""
    day = {"invoices": "invoice_date", "settlements": "paid_on", "episodes": "invoice_date"}.get(table)
    return day if any(column.name == day for column in columns) else None
