"""Source moves forward only; a saved plan is done exactly, or refused with what moved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.domain.errors import AuthorMustFix, NeedsPerson, PlanAgain
from reconciler.testing import fake_house
from reconciler.usecases.apply import Applied
from reconciler.usecases.plan import read_saved, saved_plan
from reconciler.usecases.survey import Ask
from tests.support.worlds import Shop, actions, told


def ready() -> Shop:
    """1.0.0 is merged and pinned in the sandbox."""
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    return shop


def saved(shop: Shop, revision: str | None = "HEAD", **asked: Any) -> dict[str, Any]:
    """What `plan --out` writes and `apply FILE` reads."""
    return read_saved(saved_plan(shop.planned(revision, **asked), Ask(revision=revision, **asked)), "plan.json")


def apply_saved(shop: Shop, plan: dict[str, Any]) -> Applied:
    return shop.apply(saved=plan)


# --- source ------------------------------------------------------------------------------------------------


def test_an_older_main_is_refused_and_says_what_was_applied() -> None:
    shop = ready()
    old = shop.git.main_tip()
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.apply()
    newer = shop.git.main_tip()
    shop.git.reset_main(old)
    with pytest.raises(PlanAgain, match=f"main is at {old[:12]}, and .* was applied from the newer {newer[:12]}"):
        shop.apply()
    assert shop.serves("sandbox") == "1.1.0"


def test_a_rewritten_main_needs_a_person_and_names_the_commit_to_merge_back() -> None:
    shop = ready()
    root = shop.git.objects[shop.git.main_tip()].commit.parents[0]
    shop.apply()
    applied = shop.git.main_tip()
    shop.git.reset_main(root)
    shop.git.commit({"README.md": b"another story"})
    with pytest.raises(NeedsPerson, match="main was rewritten") as refused:
        shop.apply()
    assert f"git merge -s ours {applied}" in refused.value.next_step
    assert shop.git.kept["sandbox"] == applied


def test_merging_the_old_tip_back_mends_a_rewritten_main() -> None:
    shop = ready()
    root = shop.git.objects[shop.git.main_tip()].commit.parents[0]
    shop.apply()
    old = shop.git.main_tip()
    files = shop.git.files(old)
    shop.git.reset_main(root)
    other = shop.git.commit({**files, "README.md": b"another story"})
    mended = shop.git.write([other, old], shop.git.files(other), subject="ours")
    shop.git.reset_main(mended)
    assert shop.apply().exit_code == 0


def test_the_tip_of_main_is_applied_whatever_is_checked_out() -> None:
    shop = ready()
    shop.git.working_tree = {}
    assert shop.apply().source_commit == shop.git.main_tip()
    assert shop.serves("sandbox") == "1.0.0"


# --- saved plans -------------------------------------------------------------------------------------------


def test_a_saved_plan_does_exactly_its_actions_in_one_pass() -> None:
    shop = ready()
    plan = saved(shop)
    applied = apply_saved(shop, plan)
    assert [told(each.action) for each in applied.done] == [
        "adopt production",
        "train sandbox payment 1.0.0",
        "deploy sandbox payment 1.0.0",
    ]
    assert actions(shop.plan()) == ["judge production payment 1.0.0"]


def test_a_saved_plan_of_some_environments_does_only_those() -> None:
    shop = ready()
    applied = apply_saved(shop, saved(shop, environments=frozenset({"sandbox"})))
    assert {each.action.environment for each in applied.done} == {"sandbox"}


def test_a_saved_plan_is_refused_when_main_moved() -> None:
    shop = ready()
    plan, old = saved(shop), shop.git.main_tip()
    new = shop.git.commit({"README.md": b"hello"})
    with pytest.raises(PlanAgain, match=f"main moved from {old[:12]} to {new[:12]} since this plan"):
        apply_saved(shop, plan)


def test_a_saved_plan_is_refused_when_a_ledger_moved() -> None:
    shop = ready()
    plan = saved(shop)
    old = shop.ledger.read("sandbox").tip or ""
    shop.refresh()
    new = shop.ledger.read("sandbox").tip or ""
    with pytest.raises(PlanAgain, match=f"ledger/sandbox moved from {old[:12]} to {new[:12]} since this plan") as stale:
        apply_saved(shop, plan)
    assert stale.value.next_step == "plan again"
    assert stale.value.exit_code == 4


def test_a_saved_plan_is_refused_when_it_was_applied_already() -> None:
    shop = ready()
    plan = saved(shop)
    apply_saved(shop, plan)
    with pytest.raises(PlanAgain, match="moved from"):
        apply_saved(shop, plan)


def test_a_saved_plan_is_refused_when_the_target_changed_what_is_to_be_done() -> None:
    shop = Shop().in_production("1.0.0")
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    plan = saved(shop)
    shop.target("production").remove("payment")
    with pytest.raises(PlanAgain, match="the actions are not those of this plan any more"):
        apply_saved(shop, plan)


def test_a_plan_that_waits_for_a_merge_is_refused() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    files = {**shop.git.files(shop.git.main_tip()), **shop.promotion("1.0.0")}
    topic = shop.git.write([shop.git.main_tip()], files, subject="promote")
    shop.git.branches["topic"] = topic
    plan = saved(shop, "topic")
    with pytest.raises(PlanAgain, match="this plan waits for a merge"):
        apply_saved(shop, plan)
    shop.git.reset_main(topic)  # a fast-forward brings the same commit, and no merge
    with pytest.raises(PlanAgain, match="this plan waits for a merge"):
        apply_saved(shop, plan)
    assert shop.serves("production") is None


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan["plan"]["actions"].pop(),
        lambda plan: plan["plan"]["actions"].append(plan["plan"]["actions"][0]),
        lambda plan: plan["plan"]["actions"][1].update(version="9.9.9"),
        lambda plan: plan["plan"]["actions"][-1].update(pending="nothing", digest="sha256:" + "0" * 64),
        lambda plan: plan["plan"].update(source_commit="0" * 40),
        lambda plan: plan["plan"].update(source_commit=None),
        lambda plan: plan["plan"].update(ledgers={}),
        lambda plan: plan["plan"].update(ledgers=[]),
        lambda plan: plan["plan"].update(actions={"0": "all"}),
        lambda plan: plan["plan"].update(actions=[1, None, "x"]),
        lambda plan: plan.update(environments=["production"]),
        lambda plan: plan.update(models=[]),
    ],
)
def test_a_plan_edited_by_hand_is_refused_and_nothing_is_done(edit: Any) -> None:
    shop = ready()
    plan = saved(shop)
    edit(plan)
    before = shop.ledger.count()
    with pytest.raises(PlanAgain):
        apply_saved(shop, plan)
    with pytest.raises(PlanAgain, match="is not as it was written"):
        apply_saved(shop, read_saved(json.dumps(plan).encode(), "plan.json"))
    assert shop.ledger.count() == before
    assert not any(state.held for state in shop.fakes.leases.states.values())


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.update(unheard_of=1),
        lambda plan: plan["plan"].update(unheard_of=1),
        lambda plan: plan["plan"]["actions"][0].update(unheard_of=1),
        lambda plan: plan["plan"]["actions"][0].update(reason="because"),
        lambda plan: plan["plan"]["summary"].update(held=7),
        lambda plan: plan["plan"].update(notes=["all is well"]),
        lambda plan: plan.pop("digest"),
        lambda plan: plan.update(digest=None),
        lambda plan: plan.update(models=float("nan")),
    ],
)
def test_what_somebody_read_in_a_saved_plan_is_what_was_written(edit: Any) -> None:
    shop = ready()
    content = saved_plan(shop.planned("HEAD"), Ask(revision="HEAD"))
    assert read_saved(content, "plan.json")["kind"] == "reconciler-plan"
    plan = json.loads(content)
    edit(plan)
    with pytest.raises((PlanAgain, AuthorMustFix), match=r"plan\.json is not"):
        read_saved(json.dumps(plan).encode(), "plan.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"kind": "reconciler-plan"}',
        b'{"kind": "reconciler-plan", "plan": []}',
        b"[" * 100_000,
        b'{"kind": "reconciler-plan", "format_version": 1, "environments": "sandbox", "models": null,'
        b' "plan": {"source_commit": null, "ledgers": {}, "actions": []}}',
    ],
)
def test_a_file_that_is_no_plan_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(AuthorMustFix, match=r"plan\.json is not a saved plan"):
        read_saved(content, "plan.json")


def test_a_plan_of_a_newer_format_asks_to_plan_again() -> None:
    plan = saved(ready()) | {"format_version": 99}
    with pytest.raises(PlanAgain, match="another format"):
        read_saved(json.dumps(plan).encode(), "plan.json")


# --- autoApply: false --------------------------------------------------------------------------------------


def test_an_environment_without_automatic_apply_takes_only_a_saved_plan() -> None:
    shop = Shop(production={"autoApply": False})
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    applied = shop.apply()
    assert applied.exit_code == 3
    assert shop.serves("sandbox") == "1.0.0"
    apply_saved(shop, saved(shop))
    shop.promote("1.0.0")
    shop.apply()
    assert shop.serves("production") is None
    apply_saved(shop, saved(shop))
    assert shop.serves("production") == "1.0.0"


def test_a_merge_that_switches_automatic_apply_on_is_not_applied_by_itself() -> None:
    shop = Shop(production={"autoApply": False})
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    apply_saved(shop, saved(shop))
    shop.merge(
        {**shop.promotion("1.0.0"), "environments/production.yaml": shop.environment("production", autoApply=True)}
    )
    assert {held.reason for held in shop.apply().held} == {"saved-plan-only"}
    assert shop.serves("production") is None


def test_two_houses_over_one_repository_see_the_same_plan() -> None:
    shop = ready()
    other = fake_house(shop.fakes, who="somebody else")
    shop.apply()
    assert other.ledger.read("sandbox") == shop.ledger.read("sandbox")
