"""Stories of taking something back: withdrawals, rollbacks, holds, retraining, a rewritten main."""

from __future__ import annotations

import re
from datetime import date

from tests.support.company import Company, tamper
from tests.support.receivables_yaml import MODEL


def test_withdraw_and_pin_again(shop: Company) -> None:
    shop.merge(shop.release("production", "{state: withdrawn}"))
    assert shop.apply() == ["withdraw production 1.0.0"]
    assert shop.serves() is None
    shop.settled()

    shop.promote()
    (deploy,) = shop.run("plan", "-o", "json").json["actions"]
    assert (deploy["action"], deploy["going_back"]) == ("deploy", False)  # left by Withdraw: a promotion again
    assert shop.apply() == ["deploy production 1.0.0"]
    assert shop.receipts() == [
        "adopt production", "deploy production 1.0.0", "withdraw production 1.0.0", "deploy production 1.0.0",
    ]  # fmt: skip
    shop.settled()


def test_a_pin_that_vanished_keeps_serving(local_shop: Company) -> None:
    local_shop.merge(local_shop.release("production", None))
    assert local_shop.apply(code=3) == []
    assert [reason for reason, _ in local_shop.held()] == ["orphaned"]
    assert local_shop.serves() == "1.0.0"


def test_a_pin_changed_twice_between_two_applies(shop: Company) -> None:
    shop.add("1.1.0")
    shop.apply()
    shop.promote()
    shop.merge(shop.release("sandbox", "{version: 1.0.0}"))
    shop.add("1.2.0")
    shop.apply("-e", "sandbox")
    shop.promote()
    assert shop.apply() == ["judge production 1.2.0", "deploy production 1.2.0"]
    assert shop.receipts() == [
        "adopt production", "deploy production 1.0.0", "deploy production 1.2.0",
    ]  # fmt: skip
    shop.settled()


def test_a_pin_changed_and_changed_back_is_nothing_to_do(remote_shop: Company) -> None:
    remote_shop.add("1.1.0")
    remote_shop.apply()
    merge = remote_shop.promote()
    remote_shop.revert(merge)
    assert remote_shop.apply() == []
    remote_shop.settled()


def test_a_direct_revert_is_held_and_names_the_way_back(local_shop: Company) -> None:
    local_shop.add("1.1.0")
    local_shop.apply()
    merge = local_shop.promote()
    local_shop.apply()
    local_shop.desk.git("revert", "--no-edit", "-m", "1", merge, at=local_shop.desk.ticks.next())
    local_shop.apply(code=3)
    (held,) = local_shop.run("plan", "-o", "json").json["held"]
    command = f"reconciler rollback {MODEL} -e production --to 1.0.0"
    assert held["reason"] == "no-evidence"
    assert held["next_step"] == f"revert it, run {command} again, and merge its branch with git merge --no-ff"

    local_shop.desk.git("revert", "--no-edit", "HEAD", at=local_shop.desk.ticks.next())
    local_shop.run(*command.split()[1:])
    local_shop.merge_branch(f"reconciler/rollback/production/{MODEL}")
    assert local_shop.apply() == ["deploy production 1.0.0"]
    local_shop.settled()


def test_rollback_and_promote_again(shop: Company) -> None:
    shop.in_production("1.1.0")
    proposed = shop.run("rollback", MODEL, "-e", "production", "-o", "json").json
    assert "answers its probe" in proposed["facts"][0]
    shop.merge_branch(f"reconciler/rollback/production/{MODEL}")
    assert shop.apply() == ["deploy production 1.0.0"]
    assert shop.serves() == "1.0.0"

    refused = shop.run("rollback", MODEL, "-e", "production", code=3)
    assert "state: withdrawn" in refused.err  # 1.1.0 was left by going back
    shop.promote()
    (deploy,) = shop.run("plan", "-o", "json").json["actions"]
    assert (deploy["version"], deploy["going_back"]) == ("1.1.0", False)
    assert shop.apply() == ["deploy production 1.1.0"]
    assert shop.box.trained == [(MODEL, "1.0.0"), (MODEL, "1.1.0")]
    shop.settled()


def test_going_back_asks_no_gate_of_today(local_shop: Company) -> None:
    local_shop.in_production("1.1.0")
    stricter = [{"kind": "threshold", "figure": "log_loss", "atMost": 0.01}, {"kind": "deployed-below"}]
    local_shop.merge(local_shop.rules("production", gates=stricter))
    assert local_shop.apply() == ["adopt production"]
    judged = list(local_shop.box.judged)
    local_shop.run("rollback", MODEL, "-e", "production")
    local_shop.merge_branch(f"reconciler/rollback/production/{MODEL}")
    assert local_shop.apply() == ["deploy production 1.0.0"]
    assert local_shop.serves() == "1.0.0"
    assert local_shop.box.judged == judged
    local_shop.settled()


def test_the_revert_of_a_merge_goes_back_like_a_rollback(remote_shop: Company) -> None:
    remote_shop.add("1.1.0")
    remote_shop.apply()
    merge = remote_shop.promote()
    remote_shop.apply()
    remote_shop.revert(merge)
    (deploy,) = remote_shop.run("plan", "-o", "json").json["actions"]
    assert (deploy["version"], deploy["going_back"]) == ("1.0.0", True)
    assert remote_shop.apply() == ["deploy production 1.0.0"]
    remote_shop.settled()


def test_rollback_without_an_earlier_digest_names_the_way_out(local_shop: Company) -> None:
    refused = local_shop.run("rollback", MODEL, "-e", "production", code=3)
    assert "state: withdrawn" in refused.err


def test_rollback_proves_the_older_bytes_first(remote_shop: Company) -> None:
    remote_shop.in_production("1.1.0")
    tamper(remote_shop.blob(remote_shop.digest("1.0.0")))
    branches = {name for name in remote_shop.refs() if "rollback" in name}
    refused = remote_shop.run("rollback", MODEL, "-e", "production", code=5)
    assert remote_shop.digest("1.0.0")[7:19] in refused.err
    assert {name for name in remote_shop.refs() if "rollback" in name} == branches


def test_a_hold_with_its_date_passing(shop: Company) -> None:
    shop.add("1.1.0")
    shop.apply()
    shop.merge(shop.promoted("1.1.0", also=", hold: {reason: quarter end, by: cfo, until: 2026-03-06}"))
    assert shop.apply() == []  # exit 0: time clears it
    assert shop.held() == [("hold", "held by cfo until 2026-03-06: quarter end")]
    refused = shop.run("promote", MODEL, "--to", "production", code=3)
    assert "on hold" in refused.err
    shop.wait(days=3, hours=14)  # 2026-03-05 23:00
    assert shop.apply() == []
    shop.wait(hours=1)
    assert shop.held() == []
    assert shop.apply() == ["deploy production 1.1.0"]
    shop.settled()


def test_a_hold_does_not_stop_going_back(local_shop: Company) -> None:
    local_shop.in_production("1.1.0")
    local_shop.merge(local_shop.promoted("1.0.0", also=", hold: {reason: frozen, by: cfo}"))
    assert local_shop.apply() == ["deploy production 1.0.0"]
    assert local_shop.serves() == "1.0.0"
    local_shop.settled()


def test_retrain(shop: Company) -> None:
    same = shop.run("retrain", MODEL, code=3)
    assert "gives the same bytes" in same.err
    shop.wait(days=5)
    shop.sales(date(2026, 3, 6), count=65)
    shop.run("data", "refresh", "sandbox")
    shop.run("retrain", MODEL)
    shop.merge_branch(f"reconciler/retrain/{MODEL}")
    assert shop.apply() == ["train sandbox 1.0.1", "deploy sandbox 1.0.1", "judge production 1.0.1"]
    recipes = [shop.file(f"artifacts/{MODEL}/{number}.json", "sandbox")["recipe"] for number in ("1.0.0", "1.0.1")]
    assert recipes[0] == recipes[1]
    shop.promote()
    assert shop.apply() == ["deploy production 1.0.1"]
    shop.settled()


def test_main_rewritten_and_mended(shop: Company) -> None:
    old = _rewrite_main(shop)
    before = shop.refs(), shop.belongings()
    refused = shop.run("apply", "--yes", code=1)
    assert "main was rewritten" in refused.err
    assert f"git merge -s ours {old}" in refused.err
    assert (shop.refs(), shop.belongings()) == before
    assert shop.serves() == "1.0.0"

    shop.desk.git("merge", "-q", "-s", "ours", "-m", "Bring the old main back", old)
    shop.push()
    assert shop.apply() == []
    shop.settled()


def test_main_rewritten_right_after_the_first_refresh(company: Company) -> None:
    company.commit({"README.md": "Payment predictions"})
    company.run("data", "refresh", "sandbox")
    old = _rewrite_main(company)
    refused = company.run("apply", "--yes", code=1)
    assert f"git merge -s ours {old}" in refused.err
    refused = company.run("data", "refresh", "sandbox", code=1)
    assert f"git merge -s ours {old}" in refused.err


def test_main_rewritten_to_an_unrelated_root_is_mended_by_the_line_as_it_is_printed(shop: Company) -> None:
    old = _rewrite_main(shop, unrelated=True)
    refused = shop.run("apply", "--yes", code=1)
    (line,) = re.findall(r"git (merge -s ours .*?) \(kept by", refused.err)
    assert old in line
    shop.desk.git(*line.split(), "--no-edit")
    shop.push()
    assert shop.apply() == []
    shop.settled()


def _rewrite_main(company: Company, *, unrelated: bool = False) -> str:
    """Main becomes one commit of the same files, on top of its root or a root itself; returns the tip that was."""
    old = company.desk.tip()
    parents = [] if unrelated else ["-p", _root(company)]
    lone = company.desk.git("commit-tree", "-m", "Another past", *parents, "HEAD^{tree}")
    company.desk.git("reset", "-q", "--hard", lone)
    company.push(force=True)
    return old


def _root(company: Company) -> str:
    return company.desk.git("rev-list", "--max-parents=0", "HEAD")
