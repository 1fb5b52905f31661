"""show, diff, history, status, doctor, completion: what people and programs read of a repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.domain.jobs import JobFailure
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL, version
from tests.support.repositories import Repo

# --- show --------------------------------------------------------------------------------------------------


def test_show_tells_recipe_artifact_judgement_and_where_it_serves(shop: Company) -> None:
    shown = shop.run("show", f"{MODEL}@1.0.0", "-o", "json").json
    assert shown["artifact"]["digest"] == shop.digest("1.0.0")
    assert [judged["environment"] for judged in shown["judgements"]] == ["production"]
    assert [(served["environment"], served["last"] is None) for served in shown["served"]] == [
        ("production", True),
        ("sandbox", False),
    ]


def test_show_without_a_version_shows_the_newest_and_what_its_recipe_changed(shop: Company) -> None:
    shown = shop.run("show", MODEL, "-o", "json").json
    assert (shown["version"], shown["previous"]) == ("1.1.0", "1.0.0")
    text = shop.run("show", MODEL).out
    assert "against    1.0.0:" in text and shop.digest("1.1.0") in text


@pytest.mark.parametrize(
    ("named", "said"), [(f"{MODEL}@9.9.9", "versions of"), ("no-such-model", f"models here: {MODEL}")]
)
def test_show_of_what_is_not_there_names_what_is(shop: Company, named: str, said: str) -> None:
    assert said in shop.run("show", named, code=3).err


def test_show_tells_why_a_training_failed(company: Company) -> None:
    company.box.fail("train", "1.0.0", "recipe")
    company.add("1.0.0")
    company.apply(code=1)
    assert "the last try failed" in company.run("show", MODEL).out


# --- diff --------------------------------------------------------------------------------------------------


def test_diff_of_two_environments_says_what_each_serves(shop: Company) -> None:
    lines = shop.run("diff", "sandbox", "production", "-o", "json").json["lines"]
    assert len(lines) == 1 and "sandbox serves 1.1.0" in lines[0] and "production serves 1.0.0" in lines[0]


def test_diff_of_two_versions_names_the_changed_fields(company: Company) -> None:
    company.add("1.0.0", trees=10)
    company.add("1.1.0", trees=20)
    found = company.run("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.1.0", "-o", "json").json
    assert found["kind"] == "versions"
    assert [line for line in found["lines"] if "10 → 20" in line] == found["lines"]


def test_diff_of_two_commits_tells_versions_pins_and_rules(company: Company) -> None:
    before = company.desk.git("rev-parse", "HEAD").strip()
    company.add("1.0.0")
    company.merge(company.rules("production", autoApply=False))
    lines = company.run("diff", before, "HEAD", "-o", "json").json["lines"]
    assert f"{MODEL} 1.0.0 is new" in lines
    assert f"sandbox pins {MODEL}: not pinned → 1.0.0" in lines
    assert "rules of production: changed" in lines


def test_diff_of_equals_says_so_and_of_an_unknown_version_names_the_known_ones(shop: Company) -> None:
    assert shop.run("diff", "HEAD", "HEAD").out == "no difference\n"
    assert "1.0.0, 1.1.0" in shop.run("diff", f"{MODEL}@1.0.0", f"{MODEL}@7.0.0", code=3).err


# --- history and status ------------------------------------------------------------------------------------


def test_history_is_newest_first_and_can_be_cut(shop: Company) -> None:
    entries = shop.run("history", "-o", "json").json["entries"]
    times = [entry["at"] for entry in entries]
    assert times == sorted(times, reverse=True)
    assert {entry["action"] for entry in entries} == {"adopt", "refresh", "train", "deploy", "judge"}
    assert len(shop.run("history", "-n", "2", "-o", "json").json["entries"]) == 2


def test_history_of_a_model_is_its_deployments(shop: Company) -> None:
    entries = shop.run("history", MODEL, "-e", "production", "-o", "json").json["entries"]
    assert [(entry["action"], entry["version"]) for entry in entries] == [("deploy", "1.0.0")]
    assert "merge" in shop.run("history", MODEL, "-e", "production").out
    assert "environments: production, sandbox" in shop.run("history", "-e", "staging", code=3).err


def test_the_history_of_a_new_repository_says_that_there_is_none(company: Company) -> None:
    assert company.run("history", "-e", "production").out == "Nothing has been recorded yet.\n"


def test_the_history_of_an_unknown_model_is_refused_with_those_that_are_known(shop: Company) -> None:
    assert f"models: {MODEL}" in shop.run("history", "payment", code=3).err


def test_a_plan_after_an_apply_does_not_tell_changes_that_were_applied(shop: Company) -> None:
    # The sandbox's ledger is at this commit, production's at an older one.
    assert shop.run("plan", "-o", "json").json["notes"] == []


def test_status_says_weak_evidence_and_first_rules(shop: Company) -> None:
    text = shop.run("status").out
    assert "merge (weak)" in text and "first rules, trusted" in text


def test_status_for_programs_has_the_rules_in_force_and_the_snapshot(shop: Company) -> None:
    found = shop.run("status", "-o", "json").json["environments"]
    rules, adopted = found["production"]["rules"], shop.file("rules.json", "production")
    assert adopted is not None and rules == {
        "source_commit": adopted["rules"][-1]["source_commit"],
        "adopted_at": adopted["rules"][-1]["adopted_at"],
        "first": True,
        "pull_request": None,
        "evidence": adopted["rules"][-1]["evidence"]["kind"],
    }
    newest = shop.run("data", "show", "-o", "json").json["snapshot"]
    told = ("digest", "data_date", "taken_at", "rows", "entities", "newest", "findings")
    assert found["sandbox"]["snapshot"] == {name: newest[name] for name in told}
    assert found["production"]["snapshot"] is None


def test_before_the_first_apply_status_has_no_rules(company: Company) -> None:
    found = company.run("status", "-o", "json").json["environments"]
    assert found["production"]["rules"] is None


@pytest.mark.parametrize(
    "command", [["status"], ["history"], ["show", MODEL], ["lease", "list"], ["data", "show"]], ids=" ".join
)
def test_a_time_that_programs_read_is_in_utc_and_ends_in_z(shop: Company, command: list[str]) -> None:
    times = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', shop.run(*command, "-o", "json").out)
    assert times and all(re.fullmatch(r"[0-9T:.-]+Z", time) for time in times), times


# --- doctor and completion ---------------------------------------------------------------------------------


def test_doctor_tells_git_the_signatures_main_and_every_environment(shop: Company) -> None:
    found = shop.run("doctor", "-o", "json").json["findings"]
    assert {"git", "ssh-keygen", "main", "environment production", "environment sandbox"} <= {
        each["what"] for each in found
    }
    assert "evidence merge is weak" in shop.run("doctor").out


def test_doctor_counts_what_validate_would_refuse(company: Company) -> None:
    company.commit({"environments/sandbox.yaml": "kind: Nonsense\n"})
    told = company.run("doctor", code=1)
    assert "reconciler validate" in told.err


def test_doctor_tells_of_the_machine_outside_of_any_repository(shop: Company, tmp_path: Path) -> None:
    nowhere = Repo(tmp_path)
    found = shop.run("doctor", "-o", "json", at=nowhere, code=1).json["findings"]
    assert {"git", "ssh-keygen", "box", "repository"} == {each["what"] for each in found}
    assert [each["what"] for each in found if each["state"] == "error"] == ["repository"]


def test_doctor_tells_a_fault_of_main_once_and_by_its_name(company: Company) -> None:
    company.desk.git("branch", "-m", "main", "trunk")
    told = company.run("doctor", code=1)
    assert len(re.findall(r"^next \(", told.err, re.MULTILINE)) == 1 and "next (main): " in told.err
    assert len(re.findall(r"^ERROR +main ", told.out, re.MULTILINE)) == told.out.count("ERROR") == 1


def test_status_without_environments_says_so(company: Company) -> None:
    company.desk.git("rm", "-rqf", "environments", "manifests")
    company.desk.git("commit", "-qm", "Begin anew")
    assert "There are no environments at HEAD" in company.run("status").out
    assert company.run("status", "-o", "json").json["environments"] == {}


def test_completion_without_a_shell_names_the_shells_in_plain_text(shop: Company) -> None:
    told = shop.run("completion", code=64).err
    assert "Choose from: bash, zsh, fish" in told and "x09" not in told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shop: Company, shell: str) -> None:
    assert "_RECONCILER_COMPLETE" in shop.run("completion", shell).out


def test_a_misspelt_command_is_a_usage_error_that_suggests(shop: Company) -> None:
    assert "Did you mean status?" in shop.run("statsu", code=64).err


def test_a_long_reason_of_a_failure_is_cut_in_the_text_of_history_and_whole_in_json(company: Company) -> None:
    reason = "the fit did not end, " * 10
    company.box.failures[("train", "1.0.0")] = [JobFailure(whose="recipe", reason=reason)]
    company.add("1.0.0")
    company.apply(code=1)
    (failed,) = [each for each in company.run("history", "-o", "json").json["entries"] if each["outcome"] == "failed"]
    told = company.run("history").out
    assert reason in failed["reason"]
    assert "…" in told and reason[:50] in told and reason[:70] not in told


def test_verify_counts_one_thing_in_the_singular(shop: Company) -> None:
    told = shop.run("verify").out
    assert "2 artifacts, 2 targets, 1 snapshot: no faults." in told


def test_the_reasons_of_a_plan_name_no_file_that_is_not_here(company: Company) -> None:
    company.add("1.0.0")
    told = company.run("plan", "--explain").out
    assert "whose move it is" in told and "docs/" not in told


def test_the_changes_that_a_plan_tells_are_those_of_the_models_asked_for(company: Company) -> None:
    company.add("1.0.0")
    company.apply()
    company.merge(version("1.0.0", model="other") | version("1.1.0"))
    assert company.run("plan", "-o", "json", "--select", "other").json["notes"] == ["other 1.0.0 is new"]
