"""Not a yardstick but what they are held against: the history of customers as training computes it.

With `open` as a third word: every feature that this data allows, of 10,000 open invoices at the data's last day.
"""

from __future__ import annotations

import sys

import numpy as np
from measured import COLUMNS, measured

from reconciler.domain.manifests import FeatureSelection
from reconciler.tasks.customer_payment.features import FeatureTable, feature_table, select
from reconciler.tasks.customer_payment.outcomes import Outcomes
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, load

OUTCOMES = Outcomes(0, 30)


def history(tables: Tables) -> FeatureTable:
    """The group customer-history of every invoice at its date."""
    names = tuple(name for name, feature in SPEC.features.items() if feature.group == "customer-history")
    if missing := set(names) ^ set(COLUMNS):
        raise SystemExit(f"the yardsticks compute other features: {', '.join(sorted(missing))}")
    everything = np.arange(len(tables.invoices))
    as_of = tables.days("invoice_date")
    return feature_table(tables, rows=everything, as_of=as_of, names=names, outcomes=OUTCOMES)


def still_open(tables: Tables) -> FeatureTable:
    """Every feature of 10,000 open invoices."""
    rows = np.flatnonzero(tables.days("known_date") > tables.data_date)[:10_000]
    names = select(
        FeatureSelection(include=list(SPEC.groups)), tables.known, there=frozenset(map(str, tables.invoices))
    )
    as_of = np.full(len(rows), tables.data_date)
    return feature_table(tables, rows=rows, as_of=as_of, names=names, outcomes=OUTCOMES)


def columns(found: FeatureTable) -> list[np.ndarray]:
    """By key."""
    return [found.columns[name] for name in COLUMNS]


measured(load, still_open if sys.argv[2:] == ["open"] else history, columns)
