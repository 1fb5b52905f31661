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
    """The invoices' keys follow the order of `lines`, which has to be by legal entity: positions are kept."""
    assert [x.entity for x in lines] == sorted(x.entity for x in lines)
    if any(x.recorded is not None for x in lines):
        more["known_date"] = [NEVER if x.recorded is None else x.recorded for x in lines]
    if any(x.disputed is not None for x in lines):
        more["disputed"] = [None if x.disputed is None else float(x.disputed) for x in lines]
    frame = pd.DataFrame(
        {
            "legal_entity": [line.entity for line in lines],
            "invoice": [f"{i:06d}" for i in range(len(lines))],
            "customer": [line.customer for line in lines],
            "invoice_date": [line.invoiced for line in lines],
            "due_date": [line.due for line in lines],
            "settled_date": [line.settled for line in lines],
            "amount": [line.amount for line in lines],
            **more,
        }
    )
    return tables_from(frame, pd.DataFrame(), known=known, data_date=data_date)


def line(
    customer: str = "A", invoiced: int = 0, terms: int = 30, paid: int | None = None, amount: float = 100.0
) -> Line:
    """An invoice paid `paid` days after its due date; open where None."""
    due = invoiced + terms
    return Line(customer, invoiced, due, NEVER if paid is None else due + paid, amount)
