"""Looks at a source that is no text file, through the reader that a refresh will use.

All columns that hold single values, and an even sample of the rows (of OData the first), are brought into DuckDB, and
told as texts: dates as ISO, numbers with a point, with the types that the source gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.allow import Allowed
from reconciler.adapters.sources.asking import Access, Raw, Reader, Wanted, Work
from reconciler.adapters.sources.loading import counted
from reconciler.adapters.sources.named import Named
from reconciler.adapters.sources.readers import kind_of
from reconciler.adapters.sources.typed_sql import is_moment
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import Input
from reconciler.ports import Progress, Sample
from reconciler.ports.work import Native
from reconciler.tools.duck import connect, value_free
from reconciler.tools.files import passing_folder

_NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER",
            "USMALLINT", "UTINYINT")  # fmt: skip
_TEXTS = ("VARCHAR", "UUID", "ENUM")


def look_typed(named: Named, secret: Callable[[str], str], most: int, progress: Progress) -> Sample:
    """See `ports.TableLook`."""
    access = Access(Path("/"), Allowed.of(Path("/"), named.allow), secret)
    wanted = Wanted(named.of, Input(source=named.source, mapping={}), (), look=most)
    with (
        passing_folder("look") as folder,
        value_free("look at", folder),
        connect(folder, spill=folder / "spill") as database,
        kind_of(named.source).open(named.source, access) as reader,
    ):
        return _sample(named, reader, wanted, Work(folder, database, progress))


def _sample(named: Named, reader: Reader, wanted: Wanted, work: Work) -> Sample:
    raw = counted(reader(wanted, work))
    told = [(i, name, kind) for i, (name, kind) in enumerate(zip(raw.names, raw.types, strict=True)) if _is_told(kind)]
    cells = ", ".join(f"coalesce({_text(f'c{i}', kind)}, '')" for i, _, kind in told)
    rows = work.database.execute(f"SELECT {cells} FROM {raw.relation} ORDER BY line").fetchall() if told else []  # noqa: S608
    if not rows:
        raise AuthorMustFix(f"{raw.asked} has no rows", next_step=f"name the table that has the {named.of}")
    return Sample(
        named.source,
        raw.asked,
        tuple(name for _, name, _ in told),
        tuple(zip(*rows, strict=True)),
        max(raw.rows, len(rows)),
        tuple(_native(kind) for _, _, kind in told),
        named.allow,
        doubts=tuple(_doubts(raw, told, work.database)),
    )


def _is_told(kind: str) -> bool:
    return _native(kind) is not None or kind.startswith(_TEXTS)


def _native(kind: str) -> Native | None:
    if is_moment(kind):
        return "date"
    if kind == "BOOLEAN":
        return "flag"
    return "number" if kind.startswith(_NUMBERS) and not kind.endswith("]") else None


def _text(cell: str, kind: str) -> str:
    if is_moment(kind):
        return f"CAST(CAST({cell} AS DATE) AS VARCHAR)"
    text = f"CAST({cell} AS VARCHAR)"
    if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")):  # a number without its idle zeros
        return f"CASE WHEN contains({text}, '.') THEN regexp_replace({text}, '[.]?0+$', '') ELSE {text} END"
    return text


def _doubts(raw: Raw, told: Sequence[tuple[int, str, str]], database: Any) -> Iterator[str]:
    """Moments whose day depends on the time zone."""
    for i, name, kind in told:
        if kind == "TIMESTAMP WITH TIME ZONE":
            asked = f"SELECT count(*) FROM {raw.relation} WHERE c{i} <> date_trunc('day', c{i})"  # noqa: S608
            if database.execute(asked).fetchone()[0]:
                yield f"{name} holds moments, and their days are those in UTC: set timeZone where that is not yours"
