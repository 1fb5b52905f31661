"""A target that somebody changed: what differs is said, apply heals what can be known, nothing else is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.company import Company, tamper
from tests.support.receivables_yaml import MODEL


def _another_model(folder: Path) -> None:
    other = folder.parent.parent / "sandbox" / MODEL
    shutil.copy(other / "model.onnx", folder / "model.onnx")


def _gone(folder: Path) -> None:
    folder.unlink()


@pytest.mark.parametrize(
    ("change", "kind"),
    [(lambda folder: tamper(folder / "model.onnx"), "altered"), (_another_model, "altered"), (_gone, "missing")],
)
def test_drift_is_named_and_healed(local: Company, change: Callable[[Path], None], kind: str) -> None:
    local.in_production("1.0.0")
    local.add("1.1.0")
    local.apply()
    change(local.home / "targets/production" / MODEL)
    found = local.run("drift", "--detailed-exitcode", "-o", "json", code=2).json["drift"]
    assert [(each["environment"], each["model"], each["kind"]) for each in found] == [("production", MODEL, kind)]
    faults = local.run("verify", "-o", "json", code=5).json["faults"]
    assert [fault["where"] for fault in faults] == [f"target of production: {MODEL}"]

    trained = list(local.box.trained)
    assert local.apply() == ["heal production 1.0.0"]
    assert local.box.trained == trained
    assert local.serves() == "1.0.0"
    local.run("verify")
    local.run("drift", "--detailed-exitcode")
    local.settled()


def test_drift_and_healing_on_a_runner(remote: Company) -> None:
    remote.in_production("1.0.0")
    tamper(remote.home / "targets/production" / MODEL / "model-card.json")
    remote.run("verify", code=5)
    assert remote.apply() == ["heal production 1.0.0"]
    remote.run("verify")
    remote.settled()


def test_a_target_that_is_gone_is_unknown_and_never_healed(local: Company) -> None:
    local.in_production("1.0.0")
    shutil.rmtree(local.home / "targets/production")
    assert local.apply(code=3) == []
    assert [reason for reason, _ in local.held()] == ["target-unknown"]
    assert not (local.home / "targets/production" / MODEL).exists()
    assert local.status()["health"] == "unknown"


def test_a_store_that_lost_an_artifact_is_exit_5_and_nothing_is_trained_again(local: Company) -> None:
    local.in_production("1.0.0")
    local.add("1.1.0")
    local.apply()
    local.promote()
    local.blob(local.digest("1.1.0")).unlink()
    local.run("verify", code=5)
    assert local.apply(code=5) == []
    assert [reason for reason, _ in local.held()] == ["artifact-missing"]
    assert local.box.trained == [(MODEL, "1.0.0"), (MODEL, "1.1.0")]
    assert local.serves() == "1.0.0"


def test_a_ledger_that_was_rewritten_is_exit_5_and_nothing_is_touched(company: Company) -> None:
    company.in_production("1.0.0")
    (company.origin or company.desk).git("update-ref", "-d", "refs/heads/ledger/production")
    before = company.belongings()
    assert company.apply(code=5) == []
    assert company.belongings() == before
