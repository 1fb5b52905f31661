"""The examples of the catalogue, computed: what is told of a feature is what the task gives."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from reconciler.tasks.customer_payment.features import feature_table
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Outcomes
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, tables_from, to_day

_NUMBERS = [name for name, spec in SPEC.features.items() if spec.type == "number"]


def _day(text: str) -> int:
    return to_day(date.fromisoformat(text)) if text else NO_DAY


def _example() -> Tables:
    """`SPEC.example`, with the new invoice last."""
    lines = [
        ("2024-01-10", "2024-02-09", "2024-02-09", 700.0, 0.0),
        ("2024-03-02", "2024-04-01", "2024-04-11", 800.0, 1.0),
        ("2024-05-12", "2024-06-01", "", 500.0, None),
        ("2024-07-01", "2024-07-31", "", 1000.0, None),
    ]
    frame = pd.DataFrame(
        {
            "legal_entity": "L",
            "invoice": ["1", "2", "3", "4"],
            "customer": "C",
            "invoice_date": [_day(line[0]) for line in lines],
            "due_date": [_day(line[1]) for line in lines],
            "settled_date": [_day(line[2]) for line in lines],
            "amount": [line[3] for line in lines],
            "disputed": [line[4] for line in lines],
        }
    )
    customers = pd.DataFrame({"legal_entity": ["L"], "customer": ["C"], "customer_since": [_day("2023-07-02")]})
    return tables_from(frame, customers, known=frozenset({"customer_since"}), data_date=_day("2024-07-01"))


@pytest.mark.parametrize("name", _NUMBERS)
def test_an_example_gives_what_it_says(name: str) -> None:
    table = feature_table(
        _example(), rows=np.array([3]), as_of=np.array([_day("2024-07-01")]), names=[name], outcomes=Outcomes(0, 30)
    )
    said = SPEC.features[name].example.rpartition("= ")[2]
    places = len(said.partition(".")[2])
    assert round(float(table.columns[name][0]), places) == pytest.approx(float(said))


def test_the_example_is_told_with_the_dates_that_it_is_computed_from() -> None:
    told = SPEC.example
    for text in (
        "dated 2024-01-10, due 2024-02-09, paid 2024-02-09",
        "dated 2024-03-02, due 2024-04-01, paid 2024-04-11",
        "dated 2024-05-12, due 2024-06-01, over 500",
        "dated 2024-07-01 and due 2024-07-31",
    ):
        assert text in told
