"""History at a day is what a copy of that day says, whatever became of invoices and payments afterwards."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.manifests import FeatureSelection
from reconciler.tasks.customer_payment.features import FeatureTable, feature_table, select
from reconciler.tasks.customer_payment.outcomes import Days, Outcomes
from reconciler.tasks.customer_payment.settlements import Rows, closed
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables, load, to_day
from reconciler.training.guard.recomputation import recompute
from tests.support.csv_files import nothing, source_in

FIRST, DAYS = date(2024, 1, 1), 420
OUTCOMES = Outcomes(0, 30)
INVOICES = ("legal_entity", "invoice", "customer", "invoice_date", "due_date", "amount")
SETTLEMENTS = ("legal_entity", "invoice", "amount", "kind", "paid_on", "recorded_on")
DATA = {
    "invoices": {
        "source": {"kind": "csv", "path": "invoices.csv"},
        "mapping": {name: name for name in INVOICES},
    },
    "settlements": {
        "source": {"kind": "csv", "path": "settlements.csv"},
        "mapping": {name: name for name in SETTLEMENTS},
    },
}


def day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invoices of which some are written off, credited, refunded, paid in parts, late to be booked, or paid, taken
    back and paid again."""
    folder, chance = tmp_path_factory.mktemp("ledger"), random.Random(7)  # noqa: S311
    invoices, settlements = [], []
    for number in range(900):
        entity, customer = chance.choice("AAB"), f"K{chance.randint(1, 25)}"
        dated, amount = chance.randint(0, 360), chance.choice([100, 250, 1000])
        name = f"{entity},{number:05d}"
        invoices.append(f"{name},{customer},{day(dated)},{day(dated + 30)},{amount}")
        paid = dated + 30 + chance.randint(-20, 60)
        for kind, share, when in _fate(chance, paid):
            booked = when + chance.choice([0, 0, 1, 9])
            settlements.append(f"{name},{amount * share},{kind},{day(when)},{day(booked)}")
    (folder / "invoices.csv").write_text("\n".join([",".join(INVOICES), *invoices]) + "\n")
    (folder / "settlements.csv").write_text("\n".join([",".join(SETTLEMENTS), *settlements]) + "\n")
    return folder


def _fate(chance: random.Random, paid: int) -> list[tuple[str, float, int]]:
    later = paid + chance.randint(1, 70)
    again = later + chance.randint(1, 40)
    pay, back = ("payment", 1.0, paid), ("reversal", 1.0, later)
    return chance.choice(
        [
            [pay],
            [pay],
            [pay],
            [("payment", 0.5, paid), ("payment", 0.5, later)],
            [("write-off", 1.0, later)],
            [("credit-note", 1.0, later)],
            [pay, ("credit-note", 0.3, later)],
            [pay, back],
            [pay, back, ("payment", 1.0, again)],
            [pay, back, ("write-off", 1.0, again)],
            [],
        ]
    )


def copied(ledger: Path, store: Path, as_of: int | None) -> Tables:
    """The tables of a copy as of a day."""
    data, when = EnvironmentData.model_validate(DATA), None if as_of is None else FIRST + timedelta(days=as_of)
    snapshots = FolderSnapshots(store)
    with source_in(ledger).extract(data, when, nothing) as extract:
        digest = snapshots.keep(extract).digest
    return load(snapshots.folder(digest))


def names_of(tables: Tables) -> tuple[str, ...]:
    return select(FeatureSelection(include=list(SPEC.groups)), tables.known, there=frozenset(map(str, tables.invoices)))


def features(tables: Tables, rows: Days, as_of: Days) -> FeatureTable:
    return feature_table(tables, rows=rows, as_of=as_of, names=names_of(tables), outcomes=OUTCOMES)


@pytest.mark.parametrize("number", [60, 150, 240, 330, 400])
def test_features_at_a_day_are_those_of_a_copy_that_was_taken_on_it(number: int, ledger: Path, tmp_path: Path) -> None:
    then, now = (copied(ledger, tmp_path, as_of) for as_of in (number, None))
    today = to_day(FIRST) + number
    # what is open at the end of that day, of which the copy of today may know that it is no invoice to learn from
    is_open = np.flatnonzero(~closed(then, Rows(np.arange(len(then.customer)), np.full(len(then.customer), today + 1))))
    place = {number: position for position, number in enumerate(now.texts("invoice"))}
    both = [(at, place[number]) for at in is_open if (number := then.texts("invoice")[at]) in place]
    assert len(both) > 20
    mine, theirs = (np.array(each) for each in zip(*both, strict=True))
    found, expected = (
        features(tables, rows, np.full(len(rows), today)) for tables, rows in ((now, theirs), (then, mine))
    )
    for name in names_of(then):
        assert found.columns[name].tolist() == expected.columns[name].tolist(), name


def test_what_is_left_out_and_taken_back_is_seen_in_the_past(ledger: Path, tmp_path: Path) -> None:
    tables = copied(ledger, tmp_path, None)
    assert tables.past is not None and len(tables.past.invoices) > 100
    kept = tables.past.positions < len(tables.customer)
    assert kept.sum() > 50, "of invoices that are kept, payments were taken back"


def test_the_guard_that_rebuilds_features_from_the_past_agrees(ledger: Path, tmp_path: Path) -> None:
    tables = copied(ledger, tmp_path, None)
    invoiced = tables.days("invoice_date")
    rows = np.flatnonzero(~closed(tables, Rows(np.arange(len(invoiced)), invoiced)))
    used = features(tables, rows, invoiced[rows])
    found = recompute(tables, rows, invoiced[rows], used=used, build=features, least=800)
    assert found.rows > 50 and not found.findings
