"""Tables in memory, for tests that need no folder."""

from __future__ import annotations

import pandas as pd

from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, tables_from
from tests.training.reference import NEVER, Line

KNOWN = frozenset(name for name, field in SPEC.fields.items() if field.known_at == "invoice-date")


def of_lines(
    lines: list[Line], *, data_date: int = 100_000, known: frozenset[str] = KNOWN, **more: list[object]
) -> Tables:
    """The invoices' keys follow the order of `lines`, which has to be by legal entity: positions are kept, but for the
    lines that are left out, which are none."""
    assert [x.entity for x in lines] == sorted(x.entity for x in lines)
    numbers = [f"{i:06d}" for i in range(len(lines))]
    episodes = [
        (x, number, each) for x, number in zip(lines, numbers, strict=True) for each in sorted(x.episodes, key=str)
    ]
    past = _frame([x for x, _, _ in episodes], [number for _, number, _ in episodes], of=lines)
    for name, values in {
        "settled_date": [each.settled for _, _, each in episodes],
        "known_date": [each.known for _, _, each in episodes],
        "until_date": [each.until for _, _, each in episodes],
    }.items():
        past[name] = values
    numbers = [number for x, number in zip(lines, numbers, strict=True) if not x.out]
    frame = _frame([x for x in lines if not x.out], numbers, of=lines).assign(**more)
    return tables_from(frame, pd.DataFrame(), past, known=known, data_date=data_date)


def _frame(lines: list[Line], numbers: list[str], *, of: list[Line]) -> pd.DataFrame:
    more: dict[str, list[object]] = {}
    if any(x.recorded is not None for x in of):
        more["known_date"] = [NEVER if x.recorded is None else x.recorded for x in lines]
    if any(x.disputed is not None for x in of):
        more["disputed"] = [None if x.disputed is None else float(x.disputed) for x in lines]
    return pd.DataFrame(
        {
            "legal_entity": [line.entity for line in lines],
            "invoice": numbers,
            "instalment": [1] * len(lines),
            "customer": [line.customer for line in lines],
            "invoice_date": [line.invoiced for line in lines],
            "due_date": [line.due for line in lines],
            "settled_date": [line.settled for line in lines],
            "amount": [line.amount for line in lines],
            **more,
        }
    )


def line(
    customer: str = "A", invoiced: int = 0, terms: int = 30, paid: int | None = None, amount: float = 100.0
) -> Line:
    """An invoice paid `paid` days after its due date; open where None."""
    due = invoiced + terms
    return Line(customer, invoiced, due, NEVER if paid is None else due + paid, amount)
