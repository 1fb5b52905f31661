"""Stories of taking something back: withdrawals, rollbacks, holds, retraining, a rewritten main."""

from __future__ import annotations

from datetime import date

from tests.support.company import Company, tamper
from tests.support.receivables_yaml import MODEL


def test_withdraw_and_pin_again(company: Company) -> None:
    company.in_production("1.0.0")
    company.merge(company.release("production", "{state: withdrawn}"))
    assert company.apply() == ["withdraw production 1.0.0"]
    assert company.serves() is None
    company.settled()

    company.promote()
    (deploy,) = company.run("plan", "-o", "json").json["actions"]
    assert (deploy["action"], deploy["going_back"]) == ("deploy", False)  # left by Withdraw: a promotion again
    assert company.apply() == ["deploy production 1.0.0"]
    assert company.receipts() == [
        "adopt production", "deploy production 1.0.0", "withdraw production 1.0.0", "deploy production 1.0.0",
    ]  # fmt: skip
    company.settled()


def test_a_pin_that_vanished_keeps_serving(local: Company) -> None:
    local.in_production("1.0.0")
    local.merge(local.release("production", None))
    assert local.apply(code=3) == []
    assert [reason for reason, _ in local.held()] == ["orphaned"]
    assert local.serves() == "1.0.0"


def test_a_pin_changed_twice_between_two_applies(company: Company) -> None:
    company.in_production("1.0.0")
    company.add("1.1.0")
    company.apply()
    company.promote()
    company.merge(company.release("sandbox", "{version: 1.0.0}"))
    company.add("1.2.0")
    company.apply("-e", "sandbox")
    company.promote()
    assert company.apply() == ["judge production 1.2.0", "deploy production 1.2.0"]
    assert company.receipts() == [
        "adopt production", "deploy production 1.0.0", "deploy production 1.2.0",
    ]  # fmt: skip
    company.settled()


def test_a_pin_changed_and_changed_back_is_nothing_to_do(remote: Company) -> None:
    remote.in_production("1.0.0")
    remote.add("1.1.0")
    remote.apply()
    merge = remote.promote()
    remote.revert(merge)
    assert remote.apply() == []
    remote.settled()


def test_rollback_and_promote_again(company: Company) -> None:
    company.in_production("1.0.0", "1.1.0")
    proposed = company.run("rollback", MODEL, "-e", "production", "-o", "json").json
    assert "answers its probe" in proposed["facts"][0]
    company.merge_branch(f"reconciler/rollback/production/{MODEL}")
    assert company.apply() == ["deploy production 1.0.0"]
    assert company.serves() == "1.0.0"

    refused = company.run("rollback", MODEL, "-e", "production", code=3)
    assert "state: withdrawn" in refused.err  # 1.1.0 was left by going back
    company.promote()
    (deploy,) = company.run("plan", "-o", "json").json["actions"]
    assert (deploy["version"], deploy["going_back"]) == ("1.1.0", False)
    assert company.apply() == ["deploy production 1.1.0"]
    assert company.box.trained == [(MODEL, "1.0.0"), (MODEL, "1.1.0")]
    company.settled()


def test_going_back_asks_no_gate_of_today(local: Company) -> None:
    local.in_production("1.0.0", "1.1.0")
    stricter = [{"kind": "threshold", "figure": "log_loss", "atMost": 0.01}, {"kind": "deployed-below"}]
    local.merge(local.rules("production", gates=stricter))
    assert local.apply() == ["adopt production"]
    judged = list(local.box.judged)
    local.run("rollback", MODEL, "-e", "production")
    local.merge_branch(f"reconciler/rollback/production/{MODEL}")
    assert local.apply() == ["deploy production 1.0.0"]
    assert local.serves() == "1.0.0"
    assert local.box.judged == judged
    local.settled()


def test_the_revert_of_a_merge_goes_back_like_a_rollback(remote: Company) -> None:
    remote.in_production("1.0.0")
    remote.add("1.1.0")
    remote.apply()
    merge = remote.promote()
    remote.apply()
    remote.revert(merge)
    (deploy,) = remote.run("plan", "-o", "json").json["actions"]
    assert (deploy["version"], deploy["going_back"]) == ("1.0.0", True)
    assert remote.apply() == ["deploy production 1.0.0"]
    remote.settled()


def test_rollback_without_an_earlier_digest_names_the_way_out(local: Company) -> None:
    local.in_production("1.0.0")
    refused = local.run("rollback", MODEL, "-e", "production", code=3)
    assert "state: withdrawn" in refused.err


def test_rollback_proves_the_older_bytes_first(remote: Company) -> None:
    remote.in_production("1.0.0", "1.1.0")
    tamper(remote.blob(remote.digest("1.0.0")))
    branches = {name for name in remote.refs() if "rollback" in name}
    refused = remote.run("rollback", MODEL, "-e", "production", code=5)
    assert remote.digest("1.0.0")[7:19] in refused.err
    assert {name for name in remote.refs() if "rollback" in name} == branches


def test_a_hold_with_its_date_passing(company: Company) -> None:
    company.in_production("1.0.0")
    company.add("1.1.0")
    company.apply()
    company.merge(company.promoted("1.1.0", also=", hold: {reason: quarter end, by: cfo, until: 2026-03-06}"))
    assert company.apply() == []  # exit 0: time clears it
    assert company.held() == [("hold", "held by cfo until 2026-03-06: quarter end")]
    refused = company.run("promote", MODEL, "--to", "production", code=3)
    assert "on hold" in refused.err
    company.wait(days=3, hours=14)  # 2026-03-05 23:00
    assert company.apply() == []
    company.wait(hours=1)
    assert company.held() == []
    assert company.apply() == ["deploy production 1.1.0"]
    company.settled()


def test_a_hold_does_not_stop_going_back(local: Company) -> None:
    local.in_production("1.0.0", "1.1.0")
    local.merge(local.promoted("1.0.0", also=", hold: {reason: frozen, by: cfo}"))
    assert local.apply() == ["deploy production 1.0.0"]
    assert local.serves() == "1.0.0"
    local.settled()


def test_retrain(company: Company) -> None:
    company.in_production("1.0.0")
    same = company.run("retrain", MODEL, code=3)
    assert "gives the same bytes" in same.err
    company.wait(days=5)
    company.sales(date(2026, 3, 6), count=45)
    company.run("data", "refresh", "sandbox")
    company.run("retrain", MODEL)
    company.merge_branch(f"reconciler/retrain/{MODEL}")
    assert company.apply() == ["train sandbox 1.0.1", "deploy sandbox 1.0.1", "judge production 1.0.1"]
    recipes = [company.file(f"artifacts/{MODEL}/{number}.json", "sandbox")["recipe"] for number in ("1.0.0", "1.0.1")]
    assert recipes[0] == recipes[1]
    company.promote()
    assert company.apply() == ["deploy production 1.0.1"]
    company.settled()


def test_main_rewritten_and_mended(company: Company) -> None:
    company.in_production("1.0.0")
    old = _rewrite_main(company)
    before = company.refs(), company.belongings()
    refused = company.run("apply", "--yes", code=1)
    assert "main was rewritten" in refused.err
    assert f"git merge -s ours {old}" in refused.err
    assert (company.refs(), company.belongings()) == before
    assert company.serves() == "1.0.0"

    company.desk.git("merge", "-q", "-s", "ours", "-m", "Bring the old main back", old)
    company.push()
    assert company.apply() == []
    company.settled()


def test_main_rewritten_right_after_the_first_refresh(company: Company) -> None:
    company.commit({"README.md": "Payment predictions"})
    company.run("data", "refresh", "sandbox")
    old = _rewrite_main(company)
    refused = company.run("apply", "--yes", code=1)
    assert f"git merge -s ours {old}" in refused.err
    refused = company.run("data", "refresh", "sandbox", code=1)
    assert f"git merge -s ours {old}" in refused.err


def _rewrite_main(company: Company) -> str:
    """Main becomes one commit of the same files on top of its root; returns the tip that was."""
    old = company.desk.tip()
    lone = company.desk.git("commit-tree", "-m", "Another past", "-p", _root(company), "HEAD^{tree}")
    company.desk.git("reset", "-q", "--hard", lone)
    company.push(force=True)
    return old


def _root(company: Company) -> str:
    return company.desk.git("rev-list", "--max-parents=0", "HEAD")
