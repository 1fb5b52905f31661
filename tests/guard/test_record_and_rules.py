"""Whose limits the guard follows, what it compares with, and where what it did and found is kept and shown."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from reconciler.core.identity import recipe_digest
from reconciler.domain.guard import Guard, GuardFinding, GuardRecord
from reconciler.domain.jobs import JudgeJob, TrainJob
from reconciler.domain.manifests import EnvironmentSpec
from reconciler.domain.record import FORMAT_VERSION, Record
from tests.support.company import Company
from tests.support.manifests import E_PRODUCTION, E_SANDBOX, PRODUCTION, SANDBOX, VERSION, V, edited, lines_of
from tests.support.receivables_yaml import MODEL
from tests.support.worlds import DATA, Shop

GOLDEN = Path(__file__).parent / "golden"
FOUND = GuardFinding(
    check="open-invoices",
    subject="delivery",
    what="is empty on all 40 open invoices and filled on 38 of 40 settled ones of the same time",
    figures={"open": 40, "settled": 40, "differ": 38},
    next_step="declare delivery knownAt: later",
)
DID = GuardRecord(
    checks={"recomputation": "passed", "earlier-snapshot": "only one snapshot: not checked"},
    rows=204,
    days=31,
    largest_field="delivery",
    largest_skill=0.055,
    denied={"disputed": "not declared knownAt: invoice-date"},
)


def _jobs(shop: Shop) -> list[TrainJob]:
    return [job for job in shop.trainer.jobs if isinstance(job, TrainJob)]


def _trained(shop: Shop, version: str = "1.0.0") -> TrainJob:
    shop.add(version)
    shop.pin("sandbox", version)
    shop.apply()
    return _jobs(shop)[-1]


# --- whose limits ----------------------------------------------------------------------------------------------


def test_limits_are_those_of_the_environment_that_has_the_data() -> None:
    shop = Shop(production={"data": {**DATA, "guard": {"fieldSkill": 0.3, "ceiling": {"accuracy": 0.83}}}})
    limits = Guard.model_validate(_trained(shop).guard)
    assert (limits.field_skill, limits.ceiling) == (0.3, {"accuracy": 0.83})
    judged = next(job for job in shop.trainer.jobs if isinstance(job, JudgeJob))
    assert Guard.model_validate(judged.guard) == limits


def test_limits_follow_the_rules_in_force_and_not_the_file_on_main() -> None:
    shop = Shop()
    _trained(shop)
    shop.change("production", direct=True, data={**DATA, "guard": {"addedSkill": 0.9}})
    assert Guard.model_validate(_trained(shop, "1.1.0").guard) == Guard()
    shop = Shop()
    _trained(shop)
    shop.change("production", data={**DATA, "guard": {"addedSkill": 0.2}})
    assert Guard.model_validate(_trained(shop, "1.1.0").guard).added_skill == 0.2


def test_a_copy_sets_no_limits() -> None:
    with pytest.raises(ValueError, match="limits are set where the data is"):
        EnvironmentSpec.model_validate(
            {"data": {"copyOf": "production", "guard": {"fieldSkill": 0.9}}, "target": {"kind": "folder", "path": "t"}}
        )


# --- an earlier snapshot ---------------------------------------------------------------------------------------


def test_the_only_snapshot_is_compared_with_none() -> None:
    assert _trained(Shop()).earlier_folder is None


def test_the_newest_earlier_snapshot_that_verifies_is_compared_with() -> None:
    shop = Shop()
    for day in (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)):
        shop.refresh(day=day)
    digests = [snapshot.digest for snapshot in shop.record("sandbox").snapshots]
    assert _trained(shop).earlier_folder == f"/snapshots/{digests[-2]}"
    kept = shop.fakes.snapshots[".reconciler/snapshots"].kept
    del kept[digests[-2]]
    assert _trained(shop, "1.1.0").earlier_folder == f"/snapshots/{digests[-3]}"


def test_a_refresh_that_found_the_same_rows_is_no_earlier_snapshot() -> None:
    shop = Shop()
    shop.refresh()
    assert _trained(shop).earlier_folder is None


# --- what is kept and shown ------------------------------------------------------------------------------------


def test_what_the_guard_did_is_in_the_receipt_and_in_the_artifact() -> None:
    shop = Shop()
    shop.trainer.guard = DID
    _trained(shop)
    assert shop.record("sandbox").artifacts["payment"]["1.0.0"].guard == DID
    receipt = next(receipt for receipt in shop.receipts("sandbox") if receipt.action == "train")
    assert receipt.artifact.guard == DID


def test_what_the_guard_found_is_in_the_failure_and_the_plan_says_the_next_step() -> None:
    shop = Shop()
    shop.trainer.fail("train", "1.0.0", "recipe", found=[FOUND])
    _trained(shop)
    failure = shop.record("sandbox").artifacts["payment"]["1.0.0"].last_failure
    assert failure is not None
    assert failure.findings == [FOUND]
    (held,) = [held for held in shop.plan().held if held.reason == "train-failed"]
    assert held.detail.startswith("open-invoices: delivery is empty on all 40 open invoices")
    assert held.next_step.startswith("declare delivery knownAt: later")


def test_show_tells_what_was_checked_and_what_was_denied(tmp_path: Path) -> None:
    company = Company.found(tmp_path, "local")
    company.box.guard = DID
    company.add("1.0.0")
    company.apply()
    shown = company.run("show", MODEL).out
    assert "leak guard: 204 rows of 31 days built again, and the same; delivery tells most by itself" in shown
    assert "  earlier-snapshot: only one snapshot: not checked\n" in shown
    assert "  denied: disputed (not declared knownAt: invoice-date)\n" in shown


def test_show_tells_every_finding_with_its_next_step(tmp_path: Path) -> None:
    company = Company.found(tmp_path, "local")
    company.box.fail("train", "1.0.0", "recipe", found=[FOUND, FOUND.model_copy(update={"subject": "country"})])
    company.add("1.0.0")
    company.apply(code=1)
    shown = company.run("show", MODEL).out
    assert f"open-invoices: delivery {FOUND.what}\n               → {FOUND.next_step}" in shown
    assert f"open-invoices: country {FOUND.what}" in shown


# --- formats ---------------------------------------------------------------------------------------------------


def test_a_ledger_of_the_first_format_is_read() -> None:
    files = {
        "format.json": b'{"format_version": 1, "environment": "sandbox"}',
        "source.json": b'{"last_source": null}',
        "artifacts/payment/1.0.0.json": (GOLDEN / "artifact-1.json").read_bytes(),
    }
    artifact = Record.from_files("sandbox", files).artifacts["payment"]["1.0.0"]
    assert artifact.guard is None
    assert artifact.last_failure is not None
    assert artifact.last_failure.findings == []


def test_what_the_guard_writes_is_as_the_golden_file_says() -> None:
    """To accept a new one, run the tests with RECONCILER_GOLDEN=write and read the diff: it is a new format."""
    written = json.dumps(
        {"guard": DID.model_dump(mode="json"), "findings": [FOUND.model_dump(mode="json")]}, indent=2, sort_keys=True
    )
    file = GOLDEN / "guard.json"
    if os.environ.get("RECONCILER_GOLDEN") == "write":
        file.write_text(written + "\n")
    assert FORMAT_VERSION >= 2
    assert written + "\n" == file.read_text()


# --- reasons in a recipe ---------------------------------------------------------------------------------------


def test_a_reason_for_a_field_of_the_task_is_fine() -> None:
    text = VERSION.replace("include: [invoice]", "include: [invoice]\n    reasons: {amount: it is on the bill}")
    assert lines_of(edited(v=text)) == []


def test_a_reason_for_what_is_no_field_is_refused_with_its_place() -> None:
    text = VERSION.replace("include: [invoice]", "include: [invoice]\n    reasons: {amuont: it is on the bill}")
    (line,) = lines_of(edited(v=text))
    assert line.startswith(f"{V}:14:")
    assert "amuont is no field of the data" in line
    assert "did you mean amount?" in line


def test_an_empty_reason_is_refused() -> None:
    text = VERSION.replace("include: [invoice]", "include: [invoice]\n    reasons: {amount: ''}")
    assert len(lines_of(edited(v=text))) == 1


def test_a_recipe_without_reasons_keeps_its_digest_and_one_with_reasons_has_another() -> None:
    spec = {"task": "t", "features": {"include": ["invoice"]}}
    reasoned = {"task": "t", "features": {"include": ["invoice"], "reasons": {"amount": "it is on the bill"}}}
    assert (
        recipe_digest("m", "1.0.0", spec) == "sha256:8aa5e07415492d0f310ad9893638cdf4c610dafddd4e372b0f73da2922503fe8"
    )
    assert recipe_digest("m", "1.0.0", spec) != recipe_digest("m", "1.0.0", reasoned)


@pytest.mark.parametrize("limit", ["fieldSkill: 2", "rows: 3", "changedShare: 1", "ceiling: {acuracy: 0.8}"])
def test_a_limit_that_is_none_is_refused_at_its_line(limit: str) -> None:
    text = PRODUCTION.replace("  data:\n", f"  data:\n    guard: {{{limit}}}\n")
    (line,) = lines_of(edited(production=text))
    assert line.startswith(f"{E_PRODUCTION}:7:")


def test_limits_of_a_copy_are_refused_at_their_line() -> None:
    text = SANDBOX.replace("{copyOf: production}", "{copyOf: production, guard: {rows: 300}}")
    (line,) = lines_of(edited(sandbox=text))
    assert line.startswith(E_SANDBOX)
