"""Two of the stories once more with the real training in its box: bytes of ONNX, figures, predictions."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.company import Company, Where
from tests.support.receivables_yaml import MODEL, habits

pytestmark = pytest.mark.real

GATES: list[dict[str, Any]] = [{"kind": "least-rows-per-outcome", "rows": 5}, {"kind": "deployed-below"}]


def real(folder: Path, where: Where, gates: list[dict[str, Any]]) -> Company:
    """A company whose customers have habits, and whose models are trained."""
    company = Company.found(folder, where, production={"gates": gates})
    company.trainer = None
    company.books(habits(date(2026, 2, 28), 300))
    company.run("data", "refresh", "sandbox")
    return company


def test_a_first_promotion_with_the_real_box(tmp_path: Path) -> None:
    company = real(tmp_path, "remote", GATES)
    company.add("1.0.0", trees=10)
    assert company.apply()[1:] == ["train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge production 1.0.0"]
    company.promote()
    assert company.apply() == ["deploy production 1.0.0"]
    out = company.folder / "open.csv"
    company.run("predict", "-e", "production", "--as-of", "2026-02-28", "--out", str(out))
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {(row["model"], row["version"], row["digest"]) for row in rows} == {
        (MODEL, "1.0.0", company.digest("1.0.0"))
    }
    assert all(abs(sum(float(row[each]) for each in ("on_time", "late", "very_late")) - 1) < 1e-5 for row in rows)
    company.settled()


def test_rollback_with_the_real_box(tmp_path: Path) -> None:
    company = real(tmp_path, "local", GATES[1:])
    for number, trees in (("1.0.0", 10), ("1.1.0", 20)):
        company.add(number, trees=trees)
        company.apply()
        company.promote()
        company.apply()
    company.run("rollback", MODEL, "-e", "production")
    company.merge_branch(f"reconciler/rollback/production/{MODEL}")
    assert company.apply() == ["deploy production 1.0.0"]
    assert company.serves() == "1.0.0"
    assert company.apply() == []
