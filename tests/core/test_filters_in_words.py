"""Filters, as a person reads them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from reconciler.domain.inputs import Input
from reconciler.domain.written import in_words

AMOUNT = {"field": "amount", "op": "gt", "value": 10}
CURRENCY = {"field": "currency", "op": "in", "value": ["EUR", "USD"]}
OPEN = {"field": "settled", "op": "is-null"}
DATED = {"field": "dated", "op": "ge", "value": date(2024, 1, 5)}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([], ""),
        ([AMOUNT], "amount gt 10"),
        ([DATED, OPEN], "dated ge 2024-01-05 and settled is-null"),
        ([{"not": CURRENCY}], "not (currency in EUR, USD)"),
        ([AMOUNT, {"any": [CURRENCY, OPEN]}], "amount gt 10 and (currency in EUR, USD or settled is-null)"),
        ([{"not": {"all": [AMOUNT, OPEN]}}], "not (amount gt 10 and settled is-null)"),
        ([{"any": [{"all": [AMOUNT, OPEN]}, DATED]}], "((amount gt 10 and settled is-null) or dated ge 2024-01-05)"),
        ([{"not": {"any": [{"all": [AMOUNT, OPEN]}, DATED]}}],
         "not ((amount gt 10 and settled is-null) or dated ge 2024-01-05)"),
    ],
)  # fmt: skip
def test_filters_read_as_one_line(written: list[Any], words: str) -> None:
    where = Input.model_validate({"source": {"kind": "csv", "path": "x"}, "mapping": {}, "where": written}).where
    assert in_words(where) == words
