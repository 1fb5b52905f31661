"""Rows of docs/planning.md: Adopt: rules in force."""

from __future__ import annotations

from reconciler.testing import signers, signers_path
from tests.core.rows import held, nothing_to_do, only, row
from tests.support.worlds import Shop, reasons


@row("P01")
def first_rules() -> None:
    plan = Shop(refreshed=False).plan()
    only(plan, "adopt sandbox", "adopt production")
    assert "trusted" in plan.actions[0].reason


@row("P02")
def rules_merged() -> None:
    shop = Shop().in_production("1.0.0")
    shop.change("production", gates=[])
    only(shop.plan(), "adopt production")
    shop.apply()
    nothing_to_do(shop.plan())


@row("P03")
def rules_not_in_main_yet() -> None:
    shop = Shop().in_production("1.0.0")
    files = {
        **shop.git.files(shop.git.main_tip()),
        "environments/production.yaml": shop.environment("production", gates=[]),
    }
    shop.git.branches["topic"] = shop.git.write([shop.git.main_tip()], files, subject="looser")
    plan = shop.plan("topic")
    only(plan, "adopt production")
    assert plan.actions[0].pending == "the merge must be a merge commit"
    shop.git.working_tree = files
    only(shop.plan(None), "adopt production")
    assert shop.plan(None).actions[0].pending


@row("P04")
def rules_pushed() -> None:
    shop = Shop().in_production("1.0.0")
    shop.change("production", direct=True, gates=[])
    plan = shop.plan()
    only(plan)
    held(plan, "production", "rules-not-adopted", "approver")


@row("P05")
def rules_at_fault() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.merge({**shop.pinned("sandbox", "1.1.0"), "environments/production.yaml": b"not a manifest"})
    plan = shop.plan()
    only(plan, "train sandbox payment 1.1.0", "deploy sandbox payment 1.1.0")
    assert ("production", "manifest-invalid") in reasons(plan)
    assert {reason for name, reason in reasons(plan) if name == "production"} == {"manifest-invalid"}


@row("P06")
def signers_that_changed() -> None:
    shop = Shop(production={"policy": {"evidence": "signed"}}, approvers=("alice@example.com",))
    shop.apply()
    shop.merge({signers_path("production"): signers("alice@example.com", "mallory@example.com")})
    held(shop.plan(), "production", "rules-not-adopted", "approver")
    signed = Shop(production={"policy": {"evidence": "signed"}}, approvers=("alice@example.com",))
    signed.apply()
    change = {signers_path("production"): signers("alice@example.com", "carol@example.com")}
    signed.merge(change, signed_by="alice@example.com")
    only(signed.plan(), "adopt production")
    assert "signers" in signed.plan().actions[0].reason
