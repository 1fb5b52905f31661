"""`where` as a condition that PostgreSQL checks: only where it gives exactly the rows that our own check would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reconciler.domain.written import AllOf, AnyOf, Condition, Filter, Not, Scalar

_OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in": "=", "not-in": "<>"}
_TEXTS = {"text", "varchar", "bpchar", "name"}
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8"}


class _NotHere(Exception):
    """A comparison that this database would read in another way."""


def pushed(filters: Sequence[Filter], types: Mapping[str, str]) -> Any | None:
    """SQL with its values as quoted literals; None where some comparison is better left to us. `types`: column → type
    name. (COPY takes no parameters, so psycopg's own quoting stands for binding.)"""
    from psycopg import sql

    try:
        parts = [_sql(each, types) for each in filters]
    except _NotHere:
        return None
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


def _sql(each: Filter, types: Mapping[str, str]) -> Any:
    from psycopg import sql

    match each:
        case AllOf(all=parts):
            return sql.SQL("({})").format(sql.SQL(" AND ").join(_sql(part, types) for part in parts))
        case AnyOf(any=parts):
            return sql.SQL("({})").format(sql.SQL(" OR ").join(_sql(part, types) for part in parts))
        case Not():
            return sql.SQL("(NOT {})").format(_sql(each.not_, types))
        case Condition():
            return _condition(each, types[each.field])


def _condition(condition: Condition, kind: str) -> Any:
    from psycopg import sql

    name = sql.Identifier(condition.field)
    cell = sql.SQL("nullif(btrim({}), '')").format(name) if kind in _TEXTS else name
    if condition.op in ("is-null", "not-null"):
        return sql.SQL("({} IS NOT NULL)" if condition.op == "not-null" else "({} IS NULL)").format(cell)
    many = condition.value if isinstance(condition.value, list) else [condition.value]
    tests = [_comparison(condition.op, (cell, kind), value) for value in many if value is not None]
    if not tests:
        return sql.SQL("true" if condition.op == "not-in" else "false")
    joined = sql.SQL(" AND " if condition.op == "not-in" else " OR ").join(tests)
    return sql.SQL("coalesce({}, false)").format(joined)


def _comparison(op: str, cell: tuple[Any, str], value: Scalar) -> Any:
    from psycopg import sql

    match value, cell[1]:
        case (bool(), "bool") | (date(), "date"):
            written = "({} {} {})"
        case (bool(), _):
            raise _NotHere
        case (int() | float(), kind) if kind in _NUMBERS:
            written, value = "({}::numeric {} {}::numeric)", str(value)
        case (str(), kind) if kind in _TEXTS:
            written = '({} {} {} COLLATE "C")'
        case _:
            raise _NotHere
    return sql.SQL(written).format(cell[0], sql.SQL(_OPERATORS[op]), sql.Literal(value))
