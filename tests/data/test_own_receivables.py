"""From a receivables file to predictions, as typed, with the real training in its box."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.components import needs
from tests.support.settled_elsewhere import AS_OF, SYSTEMS, made_books

SHARED = Path(os.environ.get("RECONCILER_SHARED", Path(__file__).parents[3] / "shared")) / "data"
OPEN_THEN = 88


def typed(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell, with our `reconciler` first in the PATH; it succeeds."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", line], cwd=folder, env=variables, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.shared
@pytest.mark.real
@pytest.mark.skipif(not SHARED.exists(), reason="the real invoices are not here (RECONCILER_SHARED)")
def test_the_public_file_from_init_to_predictions_as_typed(tmp_path: Path) -> None:
    needs("bwrap")
    (tmp_path / "shared").symlink_to(SHARED.parent)
    here = tmp_path / "here"
    here.mkdir()
    done = typed(
        here,
        "reconciler init mine --from ../shared/data/accounts_receivable.csv --as-of 2013-09-30 --yes "
        "&& cd mine && reconciler apply --yes && reconciler predict -e sandbox --out p.csv",
    )
    proposal = " ".join(done.stderr.split())
    for words in (
        "DaysToSettle computed from the settlement date (settled − invoice date): it is the answer",
        "DaysLate computed from the settlement date (settled − due date): it is the answer",
        "SettledDate the label: it says when, never a feature",
        "PaperlessDate lies after the invoice date on 1,259 of 2,466 rows",
        "Disputed known only after the invoice date: mapped as later, never a feature",
    ):
        assert words in proposal
    shown = " ".join(typed(here / "mine", "reconciler show payment-prediction@1.0.0").stdout.split())
    assert "denied: disputed (not declared knownAt: invoice-date)" in shown
    assert "denied: settled_date (the outcome, or what follows from it)" in shown
    with (here / "mine/p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == OPEN_THEN
    assert {row["as_of"] for row in rows} == {"2013-09-30"}
    assert all(abs(sum(float(row[each]) for each in ("on_time", "late", "very_late")) - 1) < 1e-5 for row in rows)
    typed(here / "mine", "reconciler verify")
    assert "Nothing to do" in typed(here / "mine", "reconciler plan").stdout


@pytest.mark.real
def test_invoices_customers_and_settlements_from_init_to_predictions_as_typed(tmp_path: Path) -> None:
    needs("bwrap")
    books = made_books(900)
    words = " ".join(SYSTEMS["Swiss"].write(books, tmp_path))
    done = typed(
        tmp_path,
        f"reconciler init mine {words} --as-of {AS_OF} --yes "
        "&& cd mine && reconciler apply --yes && reconciler predict -e sandbox --out p.csv",
    )
    assert "Kundengruppe  today's value" in done.stderr
    shown = " ".join(typed(tmp_path / "mine", "reconciler show payment-prediction@1.0.0").stdout.split())
    assert "denied: customer_group, customers.country (today's value" in shown
    assert "denied: settled_date (the outcome, or what follows from it)" in shown
    with (tmp_path / "mine/p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["as_of"] for row in rows} == {AS_OF.isoformat()}
    assert len(rows) > 30 and f"; {len(rows)} open, " in done.stdout
    assert "Nothing to do" in typed(tmp_path / "mine", "reconciler plan").stdout
