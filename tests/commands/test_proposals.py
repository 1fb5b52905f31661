"""promote, rollback and retrain: what a proposal says of what follows its merge."""

from __future__ import annotations

from tests.support.company import Company
from tests.support.receivables_yaml import GATES, MODEL


def test_a_promotion_says_which_gates_are_shut(company: Company) -> None:
    strict = {"kind": "threshold", "figure": "accuracy", "atLeast": 0.999}
    company.merge(company.rules("production", gates=[*GATES, strict]))
    company.add("1.0.0")
    company.apply()
    told = company.run("promote", MODEL, "--to", "production", "-o", "json").json["facts"]
    assert [fact for fact in told if fact.startswith("held once merged: accuracy ")] == told[1:] and len(told) == 2
    company.merge_branch(f"reconciler/promote/production/{MODEL}")
    assert [f"held once merged: {detail}" for _, detail in company.held()] == told[1:]


def test_a_promotion_again_says_what_it_replaced_and_refuses_to_replace_a_person_s_work(company: Company) -> None:
    company.add("1.0.0")
    company.apply()
    branch = f"reconciler/promote/production/{MODEL}"
    ask = ("promote", MODEL, "--to", "production")
    first = company.run(*ask, "-o", "json").json
    assert first["replaced"] is None and company.run(*ask, "-o", "json").json["replaced"] is None
    company.add("1.1.0")
    company.apply()
    again = company.run(*ask).out
    assert f"in the place of {first['commit'][:12]}" in again
    company.desk.git("switch", "-q", branch)
    company.desk.git("commit", "-q", "--allow-empty", "-m", "Why we do this")
    tip = company.desk.tip(branch)
    company.desk.git("switch", "-q", "main")
    assert "--replace" in company.run(*ask, code=3).err and company.desk.tip(branch) == tip
    assert f"in the place of {tip[:12]}" in company.run(*ask, "--replace").out


def test_a_promotion_through_open_gates_says_only_how_it_was_judged(company: Company) -> None:
    company.add("1.0.0")
    company.apply()
    (fact,) = company.run("promote", MODEL, "--to", "production", "-o", "json").json["facts"]
    assert fact.startswith("judged: ")


def test_where_only_a_saved_plan_is_applied_the_next_steps_save_one(company: Company) -> None:
    company.merge(company.rules("production", autoApply=False))
    company.add("1.0.0")
    company.apply(code=3)
    steps = company.run("promote", MODEL, "--to", "production", "-o", "json").json["next_steps"]
    assert steps[1:] == ["reconciler plan -e production --out FILE", "reconciler apply FILE"]


def test_a_withdrawn_model_is_shown_as_wanted_so_and_served_again_by_a_promotion(company: Company) -> None:
    company.in_production("1.0.0")
    company.merge(company.release("production", "{state: withdrawn}"))
    company.apply()
    assert (company.status()["version"], company.status()["wanted"]) == (None, "withdrawn")
    told = company.run("rollback", MODEL, "-e", "production", code=3).err
    assert f"reconciler promote {MODEL} --to production --version 1.0.0" in told and "state: withdrawn" not in told


def test_a_copy_whose_data_ends_earlier_is_told_and_is_no_reason_to_retrain(company: Company) -> None:
    company.add("1.0.0")
    company.apply()
    told = company.run("data", "refresh", "sandbox", "--as-of", "2026-01-31").err
    assert "data ends on 2026-01-31, and that of an earlier one on 2026-02-28" in told
    refused = company.run("retrain", MODEL, code=3).err
    assert "nothing new" in refused and "2026-01-31" in refused and "2026-02-28" in refused


def test_a_refresh_by_rules_that_main_does_not_say_any_more_says_so(company: Company) -> None:
    company.add("1.0.0")
    company.apply()
    assert "not in force" not in company.run("data", "refresh", "sandbox").err
    company.commit(company.rules("production", autoApply=False))
    told = company.run("data", "refresh", "sandbox").err
    assert "production's file on main is not in force" in told and "a direct commit" in told
