"""Two snapshots against each other: rows added, removed and changed, by table and part. Counts, never a value.

Parts whose digests are equal are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reconciler.adapters.snapshots.canonical import key_of, part_of
from reconciler.domain.jobs import SnapshotManifest, SnapshotTable

Relation = Callable[[SnapshotTable], str]
_EMPTY = SnapshotTable(columns=[], parts=[])


def compared(
    database: Any, now: tuple[SnapshotManifest, Relation], then: tuple[SnapshotManifest, Relation]
) -> dict[str, object]:
    """`{tables: {TABLE: …}}`; a relation is SQL of the rows of (some parts of) a table."""
    names = sorted(now[0].tables.keys() | then[0].tables.keys())
    return {"tables": {name: _table(database, name, now, then) for name in names}}


def _table(
    database: Any, name: str, now: tuple[SnapshotManifest, Relation], then: tuple[SnapshotManifest, Relation]
) -> dict[str, object]:
    new, old = now[0].tables.get(name, _EMPTY), then[0].tables.get(name, _EMPTY)
    columns = [[column.name for column in table.columns] for table in (new, old)]
    if new.columns and old.columns:
        parts, by_column = _parts(database, name, (_other(new, old), now[1]), (_other(old, new), then[1]))
    else:
        parts, by_column = [*_whole(new, "added"), *_whole(old, "removed")], {}
    return {
        "rows": sum(part.rows for part in new.parts),
        "was": sum(part.rows for part in old.parts),
        **{what: sum(part[what] for part in parts) for what in ("added", "removed", "changed")},
        "columns_added": [column for column in columns[0] if column not in columns[1]],
        "columns_gone": [column for column in columns[1] if column not in columns[0]],
        "by_column": by_column,
        "parts": parts,
    }


def _whole(table: SnapshotTable, what: str) -> Iterator[dict[str, Any]]:
    for part in table.parts:
        yield {"name": part.name, "added": 0, "removed": 0, "changed": 0, what: part.rows}


def _other(table: SnapshotTable, other: SnapshotTable) -> SnapshotTable:
    """The parts that the other has not, byte for byte."""
    same = {(part.name, part.digest) for part in other.parts}
    return table.model_copy(update={"parts": [part for part in table.parts if (part.name, part.digest) not in same]})


def _parts(
    database: Any, name: str, now: tuple[SnapshotTable, Relation], then: tuple[SnapshotTable, Relation]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Changes by part and, of rows that are in both, by column."""
    (new, new_rows), (old, old_rows) = now, then
    if not new.parts and not old.parts:
        return [], {}
    there = {column.name for column in old.columns}
    both = [column.name for column in new.columns if column.name in there]
    key = [column for column in key_of(name, new.columns) if column in there]
    values = [column for column in both if column not in key]
    same_key = " AND ".join(f'n."{column}" IS NOT DISTINCT FROM o."{column}"' for column in key)
    differ = [f'n."{column}" IS DISTINCT FROM o."{column}"' for column in values]
    tests = ", ".join(f"{test} AS c{i}" for i, test in enumerate(differ)) or "false AS c0"
    database.execute(
        "CREATE OR REPLACE TEMP TABLE differ AS SELECT coalesce(n.part_, o.part_) AS part_, "  # noqa: S608
        f"n.part_ IS NULL AS gone, o.part_ IS NULL AS fresh, {tests} "
        f"FROM (SELECT *, {part_of(name, new.columns)} AS part_ FROM {new_rows(new)}) AS n "
        f"FULL OUTER JOIN (SELECT *, {part_of(name, old.columns)} AS part_ FROM {old_rows(old)}) AS o ON {same_key}"
    )
    any_other = " OR ".join(f"c{i}" for i in range(len(differ))) or "false"
    found = database.execute(
        f"SELECT part_, count(*) FILTER (fresh), count(*) FILTER (gone), "  # noqa: S608
        f"count(*) FILTER (NOT fresh AND NOT gone AND ({any_other})) FROM differ GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [
        dict(zip(("name", "added", "removed", "changed"), row, strict=True)) for row in found if any(row[1:])
    ], dict(_by_column(database, values))


def _by_column(database: Any, values: list[str]) -> Iterator[tuple[str, int]]:
    if not values:
        return
    counts = ", ".join(f"count(*) FILTER (c{i} AND NOT fresh AND NOT gone)" for i in range(len(values)))
    found = database.execute(f"SELECT {counts} FROM differ").fetchone()  # noqa: S608
    order = sorted(zip(values, found, strict=True), key=lambda item: (-item[1], item[0]))
    yield from ((column, rows) for column, rows in order if rows)
