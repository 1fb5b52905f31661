"""Filters of the manifests' grammar on a source's raw columns, as SQL with bound values.

The value decides how a cell is read: as text, number, date (ISO) or yes/no. A condition on a missing value, or on
one that cannot be read so, is false, except `is-null`; `not` turns its answer around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reconciler.adapters.sources.typed_sql import flag_of
from reconciler.domain.written import AllOf, AnyOf, Condition, Filter, Not, Scalar, conditions

_OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def columns_asked(filters: Sequence[Filter]) -> list[str]:
    """The columns that filters look at, in their order."""
    return [condition.field for each in filters for condition in conditions(each)]


def where_sql(filters: Sequence[Filter], cells: Mapping[str, str]) -> tuple[str, list[Any]]:
    """SQL that is true for the rows that pass every filter, and its values. `cells`: column → SQL of its cell."""
    values: list[Any] = []
    parts = [_sql(each, cells, values) for each in filters]
    return " AND ".join(parts) or "true", values


def _sql(each: Filter, cells: Mapping[str, str], values: list[Any]) -> str:
    match each:
        case AllOf():
            return "(" + " AND ".join(_sql(part, cells, values) for part in each.all) + ")"
        case AnyOf():
            return "(" + " OR ".join(_sql(part, cells, values) for part in each.any) + ")"
        case Not():
            return f"(NOT {_sql(each.not_, cells, values)})"
        case Condition():
            return _condition(each, cells[each.field], values)


def _condition(condition: Condition, cell: str, values: list[Any]) -> str:
    if condition.op in ("is-null", "not-null"):
        return f"({cell} IS {'NOT ' if condition.op == 'not-null' else ''}NULL)"
    many = condition.value if isinstance(condition.value, list) else [condition.value]
    tests = [_comparison(condition, cell, value, values) for value in many if value is not None]
    if condition.op == "not-in":
        return f"coalesce({' AND '.join(tests) or 'true'}, false)"
    return f"coalesce({' OR '.join(tests) or 'false'}, false)"


def _comparison(condition: Condition, cell: str, value: Scalar, values: list[Any]) -> str:
    operator = {"in": "=", "not-in": "<>"}.get(condition.op) or _OPERATORS[condition.op]
    values.append(value if isinstance(value, bool | date | str) else str(value))
    match value:
        case bool():
            return f"({flag_of(cell)} {operator} ?)"
        case int() | float():
            return f"(TRY_CAST({cell} AS DECIMAL(38,9)) {operator} CAST(? AS DECIMAL(38,9)))"
        case date():
            return f"(TRY_CAST({cell} AS DATE) {operator} ?)"
        case str():
            return f"(CAST({cell} AS VARCHAR) {operator} ?)"
