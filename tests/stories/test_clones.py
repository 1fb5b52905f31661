"""Clones that know too little, or stand at an old commit: told the line to type, never told what is not so."""

from __future__ import annotations

import shlex

from tests.support.company import Company
from tests.support.receivables_yaml import MODEL
from tests.support.repositories import Repo

COMMANDS = [["plan"], ["status"], ["history"], ["history", MODEL, "-e", "production"], ["show", f"{MODEL}@1.0.0"]]


def test_a_clone_without_ledgers_is_told_which_line_to_type(remote_shop: Company) -> None:
    clone = remote_shop.runner()
    for command in (*COMMANDS, ["drift"], ["verify"]):
        refused = remote_shop.run(*command, code=1, at=clone)
        assert "the ledgers of origin were never fetched" in refused.err
        assert refused.out == ""
        line = _line(refused.err)
        assert line.startswith("git fetch origin ")
    _type(clone, line)
    assert "1.0.0" in remote_shop.run("history", MODEL, "-e", "production", at=clone).out
    assert "1.0.0" in remote_shop.run("status", at=clone).out


def test_a_history_that_is_too_shallow_is_told_which_line_to_type(remote_shop: Company) -> None:
    remote_shop.add("1.1.0")
    remote_shop.commit({"README.md": "a commit that changes no pin\n"})
    clone = remote_shop.runner()
    _type(clone, _line(remote_shop.run("plan", code=1, at=clone).err))
    for command in ("plan", "status"):
        refused = remote_shop.run(command, code=1, at=clone)
        assert "the history of this clone is too short to answer" in refused.err
        assert _line(refused.err) == "git fetch --unshallow origin"
    _type(clone, "git fetch --unshallow origin")
    actions = remote_shop.run("plan", "-o", "json", at=clone).json["actions"]
    assert [action["action"] for action in actions] == ["train", "deploy"]


def test_a_shallow_clone_whose_pins_are_all_served_is_not_asked_for_more_history(remote_shop: Company) -> None:
    remote_shop.commit({"README.md": "a commit that changes no pin\n"})
    clone = remote_shop.runner()
    _type(clone, _line(remote_shop.run("status", code=1, at=clone).err))
    shown = remote_shop.run("status", "-o", "json", at=clone).json["environments"]
    assert [shown[name]["models"][MODEL]["sync"] for name in ("production", "sandbox")] == ["synced", "synced"]
    assert (clone.path / ".git/shallow").exists()


def test_apply_says_what_it_fetched_into_a_shallow_clone(remote: Company) -> None:
    remote.add("1.0.0")
    done = remote.run("apply", "--yes", at=remote.runner())
    assert "fetched the whole history from origin: this clone was shallow" in done.err


def test_a_remote_without_any_ledger_yet_can_be_planned(remote: Company) -> None:
    assert remote.origin is not None
    remote.origin.git("update-ref", "-d", "refs/heads/ledger/sandbox")
    clone = remote.runner()
    refused = remote.run("plan", code=1, at=clone)
    _type(clone, _line(refused.err))
    actions = remote.run("plan", "-o", "json", at=clone).json["actions"]
    assert [(action["action"], action["environment"]) for action in actions] == [
        ("adopt", "sandbox"),
        ("adopt", "production"),
    ]


def test_last_months_job_run_again_finds_nothing_to_do(remote: Company) -> None:
    remote.add("1.0.0")
    last_month = remote.runner()
    remote.apply(at=remote.runner())
    remote.promote()
    remote.add("1.1.0")
    remote.apply()
    remote.wait(days=30)
    before = remote.refs(), remote.belongings()
    assert remote.apply(at=last_month) == []
    assert (remote.refs(), remote.belongings()) == before
    assert last_month.git("show", "HEAD:manifests/releases/sandbox.yaml").count("1.0.0") == 1  # what it checked out


def test_an_older_tip_of_main_is_refused(shop: Company) -> None:
    shop.add("1.1.0")
    shop.apply()
    shop.desk.git("reset", "-q", "--hard", "HEAD~1")
    shop.push(force=True)
    before = shop.refs(), shop.belongings()
    refused = shop.run("apply", "--yes", code=4)
    assert "was applied from the newer" in refused.err
    shop.run("data", "refresh", "sandbox", code=4)
    assert (shop.serves("sandbox"), shop.belongings()) == ("1.1.0", before[1])
    leases = {name for name in shop.refs() if "/leases/" in name}
    assert {name: ref for name, ref in shop.refs().items() if name not in leases} == {
        name: ref for name, ref in before[0].items() if name not in leases
    }


def test_a_second_apply_takes_no_lease_and_writes_nothing(shop: Company) -> None:
    before = shop.refs(), shop.belongings()
    generations = [lease["generation"] for lease in shop.run("lease", "list", "-o", "json").json["leases"]]
    done = shop.run("apply", "--yes")
    assert "Nothing to do." in done.out
    assert (shop.refs(), shop.belongings()) == before
    shop.wait(hours=1)
    assert shop.apply() == []
    leases = shop.run("lease", "list", "-o", "json").json["leases"]
    assert [lease["generation"] for lease in leases] == generations


def _line(err: str) -> str:
    """The line after `next:`."""
    (line,) = [line.removeprefix("next:").strip() for line in err.splitlines() if line.startswith("next:")]
    return line


def _type(clone: Repo, line: str) -> None:
    words = shlex.split(line)
    assert words[0] == "git"
    clone.git(*words[1:])
