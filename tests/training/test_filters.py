"""Filters of manifests on a table of invoices."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.written import Filter
from reconciler.tasks.customer_payment.filters import passing
from tests.training.tables import KNOWN, line, of_lines

_FILTER: TypeAdapter[Any] = TypeAdapter(Filter)
TABLES = of_lines(
    [line("A", 0, amount=10), line("A", 10, amount=50), line("B", 20, amount=float("nan"))],
    currency=["EUR", None, "DKK"],
    disputed=[1.0, 0.0, None],
)


def _passing(*written: dict[str, Any]) -> list[bool]:
    result: list[bool] = passing(TABLES, [_FILTER.validate_python(each) for each in written]).tolist()
    return result


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"field": "amount", "op": "ge", "value": 50}, [False, True, False]),
        ({"field": "amount", "op": "lt", "value": 50.0}, [True, False, False]),
        ({"field": "amount", "op": "ne", "value": 10}, [False, True, False]),
        ({"field": "amount", "op": "is-null"}, [False, False, True]),
        ({"field": "currency", "op": "eq", "value": "EUR"}, [True, False, False]),
        ({"field": "currency", "op": "in", "value": ["EUR", "DKK"]}, [True, False, True]),
        ({"field": "currency", "op": "not-in", "value": ["EUR"]}, [False, False, True]),
        ({"field": "currency", "op": "not-null"}, [True, False, True]),
        ({"field": "invoice_date", "op": "gt", "value": "1970-01-11"}, [False, False, True]),
        ({"field": "customer", "op": "le", "value": "A"}, [True, True, False]),
    ],
)
def test_a_condition_is_true_of_these_rows_and_of_no_missing_value(
    written: dict[str, Any], expected: list[bool]
) -> None:
    assert _passing(written) == expected


def test_all_any_and_not_nest() -> None:
    cheap = {"field": "amount", "op": "lt", "value": 50}
    danish = {"field": "currency", "op": "eq", "value": "DKK"}
    assert _passing({"any": [cheap, danish]}) == [True, False, True]
    assert _passing({"all": [cheap, {"not": danish}]}) == [True, False, False]
    assert _passing({"not": {"any": [cheap, danish]}}) == [False, True, False]


def test_several_filters_are_all_asked_for_and_none_asks_for_nothing() -> None:
    assert _passing(
        {"field": "amount", "op": "gt", "value": 5}, {"not": {"field": "amount", "op": "ge", "value": 50}}
    ) == [
        True,
        False,
        False,
    ]
    assert _passing() == [True, True, True]


@pytest.mark.parametrize("field", ["disputed", "settled_date", "open_amount", "country"])
def test_a_filter_on_what_is_known_only_later_is_refused(field: str) -> None:
    with pytest.raises(AuthorMustFix, match=f"{field}, which is not known at the invoice date"):
        _passing({"field": field, "op": "is-null"})


def test_a_flag_that_is_declared_known_can_be_filtered_on() -> None:
    tables = of_lines([line(), line()], known=KNOWN | {"disputed"}, disputed=[1.0, 0.0])
    found = passing(tables, [_FILTER.validate_python({"field": "disputed", "op": "eq", "value": False})])
    assert found.tolist() == [False, True]


@pytest.mark.parametrize(
    "written",
    [
        {"field": "amount", "op": "eq", "value": "50"},
        {"field": "amount", "op": "eq", "value": True},
        {"field": "currency", "op": "eq", "value": 391},
        {"field": "invoice_date", "op": "ge", "value": "31.12.2013"},
        {"field": "amount", "op": "in", "value": 3},
        {"field": "nothing", "op": "is-null"},
    ],
)
def test_a_value_of_another_type_and_an_unknown_field_are_refused(written: dict[str, Any]) -> None:
    with pytest.raises(AuthorMustFix):
        _passing(written)
