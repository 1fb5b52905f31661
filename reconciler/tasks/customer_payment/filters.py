"""Filters of manifests (`domain.manifests.Filter`) on a table of invoices: data, never code.

A condition on a missing value is false, except `is-null`; `not` turns its answer around. Only fields that are
known at the invoice date may be asked for: a filter on what came later chooses rows by their outcome.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.task import FieldSpec
from reconciler.domain.written import AllOf, AnyOf, Condition, Filter, Not
from reconciler.tasks.customer_payment.outcomes import NO_DAY
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, to_day

Mask = npt.NDArray[np.bool_]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def passing(tables: Tables, filters: Iterable[Filter]) -> Mask:
    """Where every filter is true, one value per invoice. Raises AuthorMustFix for a field or value that will not do."""
    out = np.ones(len(tables.invoices), dtype=np.bool_)
    for each in filters:
        out &= _mask(tables, each)
    return out


def _mask(tables: Tables, each: Filter) -> Mask:
    match each:
        case AllOf():
            return np.asarray(np.logical_and.reduce([_mask(tables, part) for part in each.all]))
        case AnyOf():
            return np.asarray(np.logical_or.reduce([_mask(tables, part) for part in each.any]))
        case Not():
            return ~_mask(tables, each.not_)
        case Condition():
            return _condition(tables, each)


def _condition(tables: Tables, condition: Condition) -> Mask:
    field = _field(tables, condition)
    column = tables.invoices[condition.field]
    null = (column == NO_DAY) if field.type == "date" else column.isna()
    absent: Mask = null.to_numpy(dtype=np.bool_)
    if condition.op == "is-null":
        return absent
    if condition.op == "not-null":
        return ~absent
    if condition.op in ("in", "not-in"):
        values = [_value(field, condition, value) for value in _list(condition)]
        found = column.isin(values).to_numpy(dtype=np.bool_)
        return (found if condition.op == "in" else ~found) & ~absent
    value = _value(field, condition, condition.value)
    filled = tables.texts(condition.field) if field.type == "text" else column.to_numpy()
    out = np.zeros(len(column), dtype=np.bool_)
    out[~absent] = _COMPARE[condition.op](filled[~absent], value)
    return out


def _field(tables: Tables, condition: Condition) -> FieldSpec:
    field = SPEC.fields.get(condition.field)
    if field is None:
        raise AuthorMustFix(
            f"a filter names {condition.field}, which is no field of {SPEC.name}",
            next_step=f"fields are {', '.join(SPEC.fields)}",
        )
    if condition.field not in tables.known or condition.field not in tables.invoices:
        raise AuthorMustFix(
            f"a filter names {condition.field}, which is not known at the invoice date in this data",
            next_step="declare knownAt: invoice-date where it is mapped, if it is, or take the filter out",
        )
    return field


def _list(condition: Condition) -> list[Any]:
    if not isinstance(condition.value, list):
        raise AuthorMustFix(
            f"the filter on {condition.field} with {condition.op} has no list", next_step="write value: [..., ...]"
        )
    return condition.value


def _value(field: FieldSpec, condition: Condition, value: object) -> Any:
    """The value as the column holds it."""
    match field.type, value:
        case "text", str():
            return value
        case "flag", bool():
            return float(value)
        case (("number" | "whole"), bool()):
            pass
        case (("number" | "whole"), int() | float()):
            return float(value)
        case "date", date():
            return to_day(value)
        case "date", str():
            try:
                return to_day(date.fromisoformat(value))
            except ValueError:
                pass
    raise AuthorMustFix(
        f"the filter on {condition.field} has a value that is not a {field.type}",
        next_step="write dates as 2024-01-31, texts in quotes, flags as true or false",
    )
