"""One example company, read once."""

from __future__ import annotations

import pytest

from reconciler.tasks.customer_payment.tables import Tables
from reconciler.training.study import Study
from tests.guard import planted


@pytest.fixture(scope="session")
def ledger() -> Tables:
    """A third of the example company of seed 1."""
    return planted.example(1, share=3)


@pytest.fixture(scope="session")
def honest(ledger: Tables) -> Study:
    """Its honest features."""
    return planted.of(ledger)
