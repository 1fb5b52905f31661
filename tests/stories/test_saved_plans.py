"""Saved plans: applied by another clone exactly as they were seen, or refused; and environments that want one."""

from __future__ import annotations

import json

from tests.stories.conftest import Found
from tests.support.company import Company


def test_a_saved_plan_is_applied_by_a_second_clone(company: Company) -> None:
    company.add("1.0.0")
    plan = str(company.folder / "plan.json")
    company.run("plan", "--out", plan)
    assert company.apply(plan) == ["adopt production", "train sandbox 1.0.0", "deploy sandbox 1.0.0"]
    before = company.refs(), company.belongings()
    refused = company.run("apply", plan, code=4)
    assert "moved from" in refused.err and "plan again" in refused.err
    assert (company.refs(), company.belongings()) == before


def test_a_saved_plan_is_refused_once_main_moved(local: Company) -> None:
    local.add("1.0.0")
    plan = str(local.folder / "plan.json")
    local.run("plan", "--out", plan)
    old = local.desk.tip()
    local.commit({"README.md": "something else\n"})
    refused = local.run("apply", plan, code=4)
    assert f"main moved from {old[:12]} to {local.desk.tip()[:12]} since this plan" in refused.err
    assert local.serves("sandbox") is None


def test_a_saved_plan_of_an_unmerged_branch_is_pending(remote_shop: Company) -> None:
    remote_shop.add("1.1.0")
    remote_shop.apply()
    remote_shop.desk.git("checkout", "-q", "-b", "proposal")
    remote_shop.desk.commit(remote_shop.promoted("1.1.0"))
    plan = str(remote_shop.folder / "plan.json")
    told = remote_shop.run("plan", "--out", plan, "-o", "json").json
    assert [(each["action"], each["pending"]) for each in told["actions"]] == [
        ("deploy", "the merge must be a merge commit")
    ]
    refused = remote_shop.run("apply", plan, code=4, at=remote_shop.desk)
    assert "this plan waits for a merge" in refused.err
    remote_shop.desk.git("checkout", "-q", "main")
    assert remote_shop.serves() == "1.0.0"


def test_a_plan_edited_by_hand_is_refused(local_shop: Company) -> None:
    local_shop.add("1.1.0")
    plan = local_shop.folder / "plan.json"
    local_shop.run("plan", "--out", str(plan))
    document = json.loads(plan.read_text())
    (train, deploy) = document["plan"]["actions"]
    document["plan"]["actions"] = [train, {**deploy, "environment": "production"}]
    plan.write_text(json.dumps(document))
    refused = local_shop.run("apply", str(plan), code=4)
    assert "plan.json is not as it was written" in refused.err
    plan.write_text(plan.read_text()[:100])
    assert "is not a saved plan" in local_shop.run("apply", str(plan), code=3).err
    assert local_shop.serves() == "1.0.0"


def test_an_environment_without_auto_apply_wants_a_saved_plan(found: Found) -> None:
    company = found(production={"autoApply": False})
    company.add("1.0.0")
    assert company.apply(code=3) == ["train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge production 1.0.0"]
    assert company.receipts() == []
    plan = str(company.folder / "plan.json")
    company.run("plan", "-e", "production", "--out", plan)
    assert company.apply(plan) == ["adopt production"]

    company.promote()
    assert company.apply(code=3) == []
    assert company.serves() is None
    company.run("plan", "-e", "production", "--out", plan)
    assert company.apply(plan) == ["deploy production 1.0.0"]
    company.settled()


def test_a_refresh_adopts_no_rules_where_only_a_saved_plan_may(found: Found) -> None:
    company = found(sandbox={"autoApply": False})
    adopted = company.file("rules.json", "sandbox")
    company.merge(company.rules("sandbox", data={"copyOf": "production", "maxAge": "9d"}))
    told = company.run("data", "refresh", "sandbox")
    assert "sandbox's file on main is not in force" in told.err + told.out
    assert "reconciler plan -e sandbox --out FILE" in told.err + told.out
    assert company.receipts("sandbox")[-1].startswith("refresh")
    assert company.file("rules.json", "sandbox") == adopted


def test_switching_auto_apply_on_wants_a_saved_plan_too(local: Company) -> None:
    local.merge(local.rules("production", autoApply=False))
    plan = str(local.folder / "plan.json")
    assert local.apply(code=3) == []
    local.run("plan", "--out", plan)
    assert local.apply(plan) == ["adopt production"]
    local.add("1.0.0")
    local.merge(local.rules("production", autoApply=True))
    assert local.apply(code=3) == ["train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge production 1.0.0"]
    local.run("plan", "-e", "production", "--out", plan)
    assert local.apply(plan) == ["adopt production"]
    local.settled()
