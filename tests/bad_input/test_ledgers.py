"""A ledger that is gone, was rewritten, or is newer than this reconciler."""

from __future__ import annotations

import json

from tests.support.bad_input import refused, untouched
from tests.support.company import Company

LEDGER = "refs/heads/ledger/production"


def edited(company: Company, path: str, content: str) -> None:
    """Somebody commits another content of a file to production's ledger, and keeps the last message."""
    git = company.desk.git
    git("checkout", "-q", "--detach", LEDGER)
    company.desk.write({path: content})
    git("commit", "-q", "-a", "-C", LEDGER)
    git("update-ref", LEDGER, "HEAD")
    git("checkout", "-q", "main")


def test_a_missing_ledger_over_an_occupied_target_holds_everything_until_it_is_restored(serving: Company) -> None:
    kept = serving.desk.tip(LEDGER)
    serving.desk.git("update-ref", "-d", LEDGER)
    with untouched(serving):
        assert serving.held()[0][0] == "ledger-missing"
        told = serving.run("apply", "--yes", code=5)
        refused(told, "the target of production is occupied", "restore ledger/production from a copy")
        told = serving.run("predict", "-e", "production", code=5)
        refused(told, "ledger/production is missing or was rewritten", "restore ledger/production")
        refused(serving.run("verify", code=5), "target of production")
    serving.desk.git("update-ref", LEDGER, kept)
    serving.settled()


def test_a_ledger_set_back_is_refused_until_it_is_restored(serving: Company) -> None:
    kept = serving.desk.tip(LEDGER)
    serving.desk.git("update-ref", LEDGER, f"{LEDGER}~2")
    with untouched(serving):
        told = serving.run("apply", "--yes", code=5)
        refused(told, "does not contain the commit that the target remembers", "restore ledger/production")
        serving.run("predict", "-e", "production", code=5)
    serving.desk.git("update-ref", LEDGER, kept)
    serving.settled()


def test_a_ledger_whose_past_was_rewritten_is_refused(serving: Company) -> None:
    tree = serving.desk.git("rev-parse", f"{LEDGER}^{{tree}}")
    message = serving.desk.git("log", "-1", "--format=%B", LEDGER)
    forged = serving.desk.git("commit-tree", tree, "-m", message)
    serving.desk.git("update-ref", LEDGER, forged)
    with untouched(serving):
        refused(serving.run("apply", "--yes", code=5), "ledger/production does not contain")
        refused(serving.run("verify", code=5), "ledger/production", "not what its receipts add up to")


def test_a_record_that_was_changed_by_hand_is_found_by_verify(serving: Company) -> None:
    path = "deployments/payment-prediction.json"
    record = serving.file(path, "production")
    edited(serving, path, json.dumps({**record, "version": "1.0.0"}))
    refused(serving.run("verify", code=5), "ledger/production", "not what its receipts add up to")


def test_a_ledger_of_a_newer_format_asks_for_an_upgrade(serving: Company) -> None:
    edited(serving, "format.json", json.dumps({"environment": "production", "format_version": 99}))
    model = "payment-prediction"
    with untouched(serving):
        for argv in (
            ("plan",),
            ("apply", "--yes"),
            ("status",),
            ("verify",),
            ("promote", model, "--to", "production"),
            ("rollback", model, "-e", "production"),
            ("predict", "-e", "production"),
        ):
            told = serving.run(*argv, code=5)
            refused(told, "ledger/production has format 99", "upgrade the reconciler; nothing was changed")


def test_a_ledger_that_holds_something_else_is_named_with_its_commit(serving: Company) -> None:
    serving.desk.git("update-ref", LEDGER, serving.desk.tip("main"))
    with untouched(serving):
        for argv in (("plan",), ("apply", "--yes"), ("history",)):
            refused(serving.run(*argv, code=5), serving.desk.tip("main"), "nothing was changed")
