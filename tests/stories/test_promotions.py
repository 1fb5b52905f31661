"""Stories of promotions: the first one, the next one, and what happens to a judgement in between."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.stories.conftest import Found
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL, version

FIRST = ["adopt production", "train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge production 1.0.0"]


def test_a_first_promotion(company: Company) -> None:
    company.add("1.0.0")
    assert company.apply() == FIRST
    assert company.serves("sandbox") == "1.0.0"
    assert company.serves() is None

    proposed = company.run("promote", MODEL, "--to", "production", "-o", "json").json
    assert proposed["added"][-1] == f'    {MODEL}: {{version: 1.0.0, digest: "{company.digest("1.0.0")}"}}'
    merge = company.merge_branch(f"reconciler/promote/production/{MODEL}")
    assert company.apply() == ["deploy production 1.0.0"]
    assert company.serves() == "1.0.0"
    status = company.status()
    assert (status["evidence"], status["sync"], status["health"]) == ("merge", "synced", "healthy")
    assert status["source_commit"] == merge
    assert company.receipts() == ["adopt production", "deploy production 1.0.0"]
    company.settled()


def test_a_new_version_while_production_serves_another(shop: Company) -> None:
    shop.add("1.1.0")
    assert shop.apply() == ["train sandbox 1.1.0", "deploy sandbox 1.1.0", "judge production 1.1.0"]
    assert (shop.serves("sandbox"), shop.serves()) == ("1.1.0", "1.0.0")
    judged = shop.run("show", f"{MODEL}@1.1.0", "-o", "json").json["judgements"][0]
    assert (judged["champion_version"], judged["champion"]) == ("1.0.0", shop.digest("1.0.0"))
    shop.promote()
    assert shop.apply() == ["deploy production 1.1.0"]
    assert shop.serves() == "1.1.0"
    shop.settled()


def test_productions_champion_changes_after_the_judgement(shop: Company) -> None:
    shop.add("1.1.0")
    shop.apply()
    shop.add("1.2.0")
    shop.apply()
    shop.promote(number="1.2.0")
    shop.apply()
    assert shop.serves() == "1.2.0"

    shop.promote(number="1.1.0")  # judged, but against 1.0.0
    assert [reason for reason, _ in shop.held()] == ["judgement-missing"]
    assert shop.apply() == ["judge production 1.1.0", "deploy production 1.1.0"]
    judged = shop.run("show", f"{MODEL}@1.1.0", "-o", "json").json["judgements"]
    assert [each["champion_version"] for each in judged] == ["1.0.0", "1.2.0"]
    shop.settled()


def test_a_refresh_after_the_judgement_voids_nothing(shop: Company) -> None:
    shop.add("1.1.0")
    shop.apply()
    shop.wait(days=3)
    shop.sales(date(2026, 3, 5), count=64)
    refreshed = shop.run("data", "refresh", "sandbox", "-o", "json").json
    assert not refreshed["known"]
    assert shop.apply() == []
    shop.promote()
    assert shop.apply() == ["deploy production 1.1.0"]
    shop.settled()


def test_a_judgement_on_too_old_a_copy_is_made_again_after_a_refresh(local_shop: Company) -> None:
    local_shop.add("1.1.0")
    local_shop.apply()
    local_shop.promote()
    local_shop.wait(days=36)
    assert local_shop.apply(code=3) == []
    assert [reason for reason, _ in local_shop.held()] == ["snapshot-stale"]
    local_shop.sales(date(2026, 4, 5), count=70)
    local_shop.run("data", "refresh", "sandbox")
    assert local_shop.apply() == ["judge production 1.1.0", "deploy production 1.1.0"]
    local_shop.settled()


def test_rules_and_pin_in_one_merge(shop: Company) -> None:
    shop.box.log_loss["1.1.0"] = 0.9  # worse than both baselines
    shop.add("1.1.0")
    shop.apply()
    shop.merge(shop.rules("production", gates=[{"kind": "deployed-below"}]) | shop.promoted("1.1.0"))
    assert shop.apply(code=3) == ["adopt production"]
    ((reason, detail),) = shop.held()
    assert (reason, "log-loss 0.900 is not below" in detail) == ("gate", True)
    assert shop.serves() == "1.0.0"

    shop.merge(shop.promoted("1.0.0"), "Take the pin back")
    assert shop.apply() == []
    shop.promote()
    assert shop.apply() == ["deploy production 1.1.0"]
    shop.settled()


@pytest.mark.parametrize("how", ["fast-forward", "direct"])
def test_what_the_hold_of_a_fast_forward_says_is_a_whole_way_out(company: Company, how: str) -> None:
    company.add("1.0.0")
    company.apply()
    if how == "direct":
        company.commit(company.promoted("1.0.0"))
    else:
        company.run("promote", MODEL, "--to", "production")
        branch = f"reconciler/promote/production/{MODEL}"
        if company.origin:
            company.desk.git("fetch", "-q", "origin", f"{branch}:{branch}")
        company.desk.git("merge", "-q", "--ff-only", branch)
        company.push()
    company.apply(code=3)
    (held,) = company.run("plan", "-o", "json").json["held"]
    command = f"reconciler promote {MODEL} --to production --version 1.0.0"
    assert held["next_step"] == f"revert it, run {command} again, and merge its branch with git merge --no-ff"

    company.desk.git("revert", "--no-edit", "HEAD", at=company.desk.ticks.next())
    company.push()
    company.run(*command.split()[1:])
    company.merge_branch(f"reconciler/promote/production/{MODEL}")
    assert company.apply() == ["deploy production 1.0.0"]
    company.settled()


def test_three_environments_in_a_chain(found: Found) -> None:
    company = found(staging={})
    company.add("1.0.0")
    assert company.apply() == [
        "adopt staging", "adopt production", "train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge staging 1.0.0",
    ]  # fmt: skip
    refused = company.run("promote", MODEL, "--to", "production", code=3)
    assert f"{MODEL} has never been deployed in staging" in refused.err
    company.promote("staging")
    assert company.apply() == ["deploy staging 1.0.0", "judge production 1.0.0"]
    assert (company.serves("staging"), company.serves()) == ("1.0.0", None)
    company.promote("production")
    assert company.apply() == ["deploy production 1.0.0"]
    assert company.serves() == "1.0.0"
    company.settled()


def test_production_cannot_jump_over_staging(tmp_path: Path) -> None:
    company = Company.found(tmp_path, "local", staging={})
    company.add("1.0.0")
    company.apply()
    company.merge(company.promoted("1.0.0"))
    assert company.apply(code=3) == ["judge production 1.0.0"]
    assert company.held() == [("gate", "it has not been deployed in the environment it comes from")]
    company.promote("staging")
    assert company.apply() == ["deploy staging 1.0.0", "deploy production 1.0.0"]
    company.settled()


def test_two_models_are_independent(remote: Company) -> None:
    other = version("2.0.0", model="other")
    remote.box.fail("train", "2.0.0", "recipe")
    pins = remote.release("sandbox", "{version: 1.0.0}\n    other: {version: 2.0.0}")
    remote.merge(version("1.0.0") | other | pins)
    done = remote.apply(code=1)
    assert done == [
        "adopt production", "train sandbox 2.0.0 failed", "train sandbox 1.0.0", "deploy sandbox 1.0.0",
        "judge production 1.0.0",
    ]  # fmt: skip
    assert remote.apply(code=3) == []  # held by the recipe's failure, until a new version
    remote.apply("--retry")
    remote.settled()


def test_each_environment_has_a_store_of_its_own(tmp_path: Path) -> None:
    stores = {name: {"artifacts": str(tmp_path / f"store-{name}")} for name in ("sandbox", "production")}
    company = Company.found(tmp_path, "remote", sandbox=stores["sandbox"], production=stores["production"])
    company.in_production("1.0.0", "1.1.0")
    company.settled()
    (tmp_path / "store-sandbox").rename(tmp_path / "lost")
    company.run("rollback", MODEL, "-e", "production")  # production's own store has the older bytes
    company.merge_branch(f"reconciler/rollback/production/{MODEL}")
    company.apply("-e", "production")
    assert company.serves() == "1.0.0"
    assert company.run("verify", code=5).out.count("1.1.0") >= 1
