"""judge makes and records a judgement on request; lease list and lease break look at who writes."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.adapters.git import Repository
from reconciler.adapters.git.lease import GitLease, Holder
from reconciler.testing import FakeClock
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL


def test_judge_shows_the_current_judgement_and_makes_none_anew(shop: Company) -> None:
    before = shop.receipts("sandbox")
    judged = shop.run("judge", f"{MODEL}@1.1.0", "--for", "production", "-o", "json").json
    assert judged["made_now"] is False
    assert judged["judgement"]["digest"] == shop.digest("1.1.0")
    assert shop.receipts("sandbox") == before


def test_judge_makes_a_judgement_of_an_older_version_and_records_it(shop: Company) -> None:
    # 1.0.0 is the champion: apply never judges it against itself.
    before = len(shop.receipts("sandbox"))
    judged = shop.run("judge", f"{MODEL}@1.0.0", "--for", "production", "-o", "json").json
    assert judged["judgement"]["version"] == "1.0.0"
    assert len(shop.receipts("sandbox")) == before + judged["made_now"]


def test_judge_in_text_shows_baselines_and_the_confusion_matrix(shop: Company) -> None:
    text = shop.run("judge", MODEL, "--for", "production").out
    assert "baseline: naive" in text and "own-shares" not in text and "→ on time" in text


def test_judge_of_what_has_no_artifact_says_where_to_pin_it(company: Company) -> None:
    assert "has no artifact" in company.run("judge", f"{MODEL}@1.0.0", "--for", "production", code=3).err


def test_a_failed_judging_is_told_and_can_be_tried_again(company: Company) -> None:
    company.add("1.0.0")
    company.box.fail("judge", "1.0.0", "recipe", times=2)
    company.apply(code=1)
    told = company.run("judge", MODEL, "--for", "production", code=1)
    assert "judging failed" in told.err
    assert company.run("judge", MODEL, "--for", "production", "-o", "json").json["made_now"] is True


def test_lease_list_says_free_after_an_apply_and_names_the_holder(shop: Company) -> None:
    leases = shop.run("lease", "list", "-o", "json").json["leases"]
    assert [(lease["environment"], lease["held"], lease["process"]) for lease in leases] == [
        ("production", False, os.getpid()),
        ("sandbox", False, os.getpid()),
    ]


def test_lease_list_tells_a_holder_whose_process_has_ended(company: Company) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with Repository.discover(company.desk.path) as repository:
        holder = Holder.present("ann", os.getpid())
        GitLease(repository, replace(holder, process=gone.pid), FakeClock()).acquire("production", timedelta(0))
    told = company.run("lease", "list")
    assert "production: held by a process that has ended; the next apply takes it over" in told.out
    found = {each["environment"]: each for each in company.run("lease", "list", "-o", "json").json["leases"]}
    assert (found["production"]["ended"], found["sandbox"]["ended"]) == (True, False)


def test_breaking_a_lease_that_nobody_holds_is_refused(shop: Company) -> None:
    assert "nobody holds" in shop.run("lease", "break", "production", "--reason", "tidy", code=3).err


@pytest.mark.parametrize("name", ["staging", "NO_SUCH_ENV"])
def test_breaking_the_lease_of_an_unknown_environment_names_those_there_are(shop: Company, name: str) -> None:
    told = shop.run("lease", "break", name, "--reason", "tidy", code=3).err
    assert "environments: production, sandbox" in told


@pytest.mark.parametrize("reason", ["", "  \t"])
def test_breaking_a_lease_without_a_reason_says_what_to_write(shop: Company, reason: str) -> None:
    before = shop.receipts("production")
    told = shop.run("lease", "break", "production", "--reason", reason, code=64).err
    assert 'such as --reason "the runner was shut down"' in told
    assert shop.receipts("production") == before
