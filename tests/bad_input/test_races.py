"""Two people who promote at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.support.bad_input import process, refused
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL

BRANCH = f"reconciler/promote/production/{MODEL}"


def test_two_people_who_promote_different_versions_leave_one_whole_branch(remote: Company) -> None:
    remote.add("1.0.0")
    remote.apply()
    remote.add("1.1.0")
    remote.apply()
    desks = [remote.runner(), remote.runner()]
    numbers = ("1.0.0", "1.1.0")
    with ThreadPoolExecutor(2) as people:
        both = list(
            people.map(
                lambda desk, number: process(
                    desk.path, "promote", MODEL, "--to", "production", "--version", number,
                    RECONCILER_DATA_ALLOW=str(remote.folder),
                ),
                desks,
                numbers,
            )
        )  # fmt: skip
    assert all(done.returncode in (0, 4) for done in both), [done.stderr for done in both]
    assert any(done.returncode == 0 for done in both)
    for done in both:
        assert "Traceback" not in done.stderr
        if done.returncode == 4:
            assert "next:" in done.stderr and "plan again" in done.stderr
    assert remote.origin is not None
    changed = remote.origin.git("diff", "--name-only", f"main..{BRANCH}")
    assert changed == "manifests/releases/production.yaml"
    remote.merge_branch(BRANCH)
    remote.apply()
    assert remote.serves() in numbers
    remote.settled()


def test_the_second_of_two_merged_promotions_is_the_one_that_serves(company: Company) -> None:
    company.add("1.0.0")
    company.apply()
    company.run("promote", MODEL, "--to", "production")
    company.desk.git("branch", "first", BRANCH)
    company.add("1.1.0")
    company.apply()
    company.run("promote", MODEL, "--to", "production")
    company.merge_branch(BRANCH)
    before = company.refs()
    company.desk.git("merge", "-q", "--no-ff", "first", check=False)
    assert company.desk.git("ls-files", "--unmerged") != ""
    company.desk.git("merge", "--abort")
    assert company.refs() == before
    company.apply()
    assert company.serves() == "1.1.0"
    told = company.run("promote", MODEL, "--to", "production", code=3)
    refused(told, "pins payment-prediction 1.1.0 already", "reconciler plan")
