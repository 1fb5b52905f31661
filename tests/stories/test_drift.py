"""A target that somebody changed: what differs is said, apply heals what can be known, nothing else is touched."""

from __future__ import annotations

import re
import shutil
import subprocess
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
def test_drift_is_named_and_healed(local_shop: Company, change: Callable[[Path], None], kind: str) -> None:
    local_shop.add("1.1.0")
    local_shop.apply()
    change(local_shop.home / "targets/production" / MODEL)
    found = local_shop.run("drift", "--detailed-exitcode", "-o", "json", code=2).json["drift"]
    assert [(each["environment"], each["model"], each["kind"]) for each in found] == [("production", MODEL, kind)]
    faults = local_shop.run("verify", "-o", "json", code=5).json["faults"]
    assert [fault["where"] for fault in faults] == [f"target of production: {MODEL}"]

    trained = list(local_shop.box.trained)
    assert local_shop.apply() == ["heal production 1.0.0"]
    assert local_shop.box.trained == trained
    assert local_shop.serves() == "1.0.0"
    local_shop.run("verify")
    local_shop.run("drift", "--detailed-exitcode")
    local_shop.settled()


def test_drift_and_healing_on_a_runner(remote_shop: Company) -> None:
    tamper(remote_shop.home / "targets/production" / MODEL / "model-card.json")
    remote_shop.run("verify", code=5)
    assert remote_shop.apply() == ["heal production 1.0.0"]
    remote_shop.run("verify")
    remote_shop.settled()


def test_a_target_that_is_gone_is_unknown_and_never_healed(local_shop: Company) -> None:
    shutil.rmtree(local_shop.home / "targets/production")
    assert local_shop.apply(code=3) == []
    assert [reason for reason, _ in local_shop.held()] == ["target-unknown"]
    assert not (local_shop.home / "targets/production" / MODEL).exists()
    assert local_shop.status()["health"] == "unknown"


def test_a_target_that_is_lost_for_good_is_begun_again_by_the_printed_line_alone(shop: Company, tmp_path: Path) -> None:
    target = shop.home / "targets/production"
    shutil.rmtree(target)
    told = shop.run("apply", "--yes", code=3).out
    assert not target.exists()
    line = re.search(r"only if it is lost for good, .*: (mkdir -p .*)$", told, re.MULTILINE)
    assert line is not None
    subprocess.run(["sh", "-c", line[1]], check=True, cwd=tmp_path)
    assert shop.apply() == ["heal production 1.0.0"]
    assert shop.serves() == "1.0.0"
    shop.settled()


def test_a_store_that_lost_an_artifact_is_exit_5_and_nothing_is_trained_again(local_shop: Company) -> None:
    local_shop.add("1.1.0")
    local_shop.apply()
    local_shop.promote()
    local_shop.blob(local_shop.digest("1.1.0")).unlink()
    local_shop.run("verify", code=5)
    assert local_shop.apply(code=5) == []
    assert [reason for reason, _ in local_shop.held()] == ["artifact-missing"]
    assert local_shop.box.trained == [(MODEL, "1.0.0"), (MODEL, "1.1.0")]
    assert local_shop.serves() == "1.0.0"


def test_a_ledger_that_was_rewritten_is_exit_5_and_nothing_is_touched(shop: Company) -> None:
    (shop.origin or shop.desk).git("update-ref", "-d", "refs/heads/ledger/production")
    before = shop.belongings()
    assert shop.apply(code=5) == []
    assert shop.belongings() == before
    for command in (["drift"], ["verify"]):
        told = shop.run(*command, code=0 if command == ["drift"] else 5).out
        assert "restore ledger/production from a copy" in told
        assert "apply heals" not in told


def test_a_ledger_of_other_receipts_is_restored_and_not_healed_over(local_shop: Company) -> None:
    first = local_shop.desk.git("rev-list", "--max-parents=0", "ledger/production")
    local_shop.add("1.1.0")
    local_shop.in_production("1.2.0")
    local_shop.desk.git("update-ref", "refs/heads/ledger/production", first)
    assert local_shop.apply(code=5) == []
    faults = local_shop.run("verify", "-o", "json", code=5).json["faults"]
    assert [fault["next_step"] for fault in faults] == ["restore ledger/production from a copy"]
    (found,) = local_shop.run("drift", "-o", "json").json["drift"]
    assert (found["environment"], found["model"], found["kind"]) == ("production", None, "ledger")
