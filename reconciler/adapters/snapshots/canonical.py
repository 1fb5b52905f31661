r"""The canonical bytes of rows, and the digests made of them.

A part (a month of invoices by invoice date, of settlements by the day they were paid, or a whole table) is, in UTF-8
with LF line ends:

- one line that names the columns in the manifest's order, as `name:type` joined by tabs;
- one line for each row, its cells joined by tabs, in the order of the key (legal entity, invoice, instalment; or
  legal entity, customer; settlements have no key and may be equal: all their columns): texts by their UTF-8 bytes,
  others by value, no value last.

A cell is written as PostgreSQL's COPY text format writes it. No value: ``\N``. Text: itself, with backslash,
tab, LF and CR as ``\\``, ``\t``, ``\n``, ``\r``. Number: always four decimals, ``-12.5000``, never ``-0.0000``.
Whole: figures. Date: ``2013-09-30``. Flag: ``t`` or ``f``. The part's digest is the sha256 of these bytes.

The snapshot's digest is the sha256 of RFC 8785 JSON of ``{"data_date", "format", "tables"}``; a table is
``{"columns": [[name, type, known_at], …], "parts": [[name, digest], …]}``, parts by name. So equal rows at an
equal data date have one digest on every machine and with every release of DuckDB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.domain.jobs import SnapshotColumn, SnapshotTable
from reconciler.tools.duck import quoted

FORMAT = 1
_KEYS = {"invoices": ("legal_entity", "invoice", "instalment"), "customers": ("legal_entity", "customer")}
#: Rows whose lines are joined before they are fetched, and how many such blocks at a time.
_BLOCK = 4096
_FETCH = 64


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
    day = {"invoices": "invoice_date", "settlements": "paid_on"}.get(table)
    return f"strftime({day}, '%Y-%m')" if any(column.name == day for column in columns) else "'all'"


def order_of(table: str, columns: Sequence[SnapshotColumn]) -> str:
    """SQL of the key's order."""
    return ", ".join(f"{quoted(name)} ASC NULLS LAST" for name in key_of(table, columns))


def key_of(table: str, columns: Sequence[SnapshotColumn]) -> list[str]:
    """The columns that make a row one row; all of them where the table has no key."""
    names = {column.name for column in columns}
    return [name for name in _KEYS.get(table, ()) if name in names] or [column.name for column in columns]


def part_digests(
    database: Any, rows: str, table: str, columns: Sequence[SnapshotColumn]
) -> Iterator[tuple[str, int, str]]:
    """(part, rows, digest) of every part of the relation `rows` (SQL), in the order of their names. Leaves the rows in
    the temporary table `sorted_TABLE`: the columns and `part_`, in the order of parts and keys."""
    names = ", ".join(quoted(column.name) for column in columns)
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE sorted_{table} AS SELECT {names}, {part_of(table, columns)} AS part_ "  # noqa: S608
        f"FROM {rows} ORDER BY part_, {order_of(table, columns)}"
    )
    cells = ", ".join(_cell(column) for column in columns)
    cursor = database.execute(
        f"SELECT part_, count(*), string_agg(concat_ws(chr(9), {cells}), chr(10) ORDER BY rowid) "  # noqa: S608
        f"FROM sorted_{table} GROUP BY part_, rowid // {_BLOCK} ORDER BY part_, rowid // {_BLOCK}"
    )
    header = "\t".join(f"{column.name}:{column.type}" for column in columns) + "\n"
    name, count, hasher = None, 0, hashlib.sha256()
    while blocks := cursor.fetchmany(_FETCH):
        for part, rows_of_block, lines in blocks:
            if part != name:
                if name is not None:
                    yield name, count, "sha256:" + hasher.hexdigest()
                name, count, hasher = part, 0, hashlib.sha256(header.encode())
            count += rows_of_block
            hasher.update(lines.encode())
            hasher.update(b"\n")
    if name is not None:
        yield name, count, "sha256:" + hasher.hexdigest()


def _cell(column: SnapshotColumn) -> str:
    name = quoted(column.name)
    match column.type:
        case "text":
            escaped = f"replace({name}, '\\', '\\\\')"
            for figure, letter in ((9, "t"), (10, "n"), (13, "r")):
                escaped = f"replace({escaped}, chr({figure}), '\\{letter}')"
            marks = " OR ".join(f"contains({name}, chr({figure}))" for figure in (92, 9, 10, 13))
            text = f"CASE WHEN {marks} THEN {escaped} ELSE {name} END"
        case "flag":
            text = f"CASE WHEN {name} THEN 't' WHEN NOT {name} THEN 'f' END"
        case "number" | "date" | "whole":  # dates are ISO as they are; the type of numbers has four decimals
            text = f"CAST({name} AS VARCHAR)"
    return f"coalesce({text}, '\\N')"
