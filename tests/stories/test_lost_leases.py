"""Leases that were lost or damaged: a remote that never got them, a pruned ref, a ref that holds something else."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.support.company import Company
from tests.support.receivables_yaml import MODEL
from tests.support.repositories import Repo, Workbench

ENVIRONMENTS = ("sandbox", "production")


def place(company: Company) -> Repo:
    """The repository whose refs count."""
    return company.origin or company.desk


def generation(company: Company, name: str) -> int:
    """The newest generation that wrote to a target, by its marker."""
    return int(json.loads((company.home / "targets" / name / ".reconciler-target.json").read_bytes())["generation"])


def goes_on(company: Company) -> None:
    """A next version reaches production."""
    before = [generation(company, name) for name in ENVIRONMENTS]
    company.in_production("1.1.0")
    assert company.serves() == "1.1.0"
    assert all(generation(company, name) > old for name, old in zip(ENVIRONMENTS, before, strict=True))
    company.settled()


def test_leases_that_were_pruned(shop: Company) -> None:
    for name in ENVIRONMENTS:
        place(shop).git("update-ref", "-d", f"refs/reconciler/leases/{name}")
    goes_on(shop)


def test_main_and_ledgers_move_to_another_remote(remote_shop: Company) -> None:
    assert remote_shop.origin is not None
    new = Workbench(remote_shop.folder).bare("new-host.git")
    remote_shop.origin.git("push", "-q", "--force", new.url, "main", "refs/heads/ledger/*")
    remote_shop.desk.git("remote", "set-url", "origin", new.url)
    moved = replace(remote_shop, origin=new)
    assert not any("leases" in ref for ref in new.refs())
    goes_on(moved)


def test_a_target_that_has_seen_more_than_the_ledger_knows(local_shop: Company) -> None:
    marker = local_shop.home / "targets/production/.reconciler-target.json"
    marker.write_text(json.dumps({"environment": "production", "format_version": 1, "generation": 5000}))
    goes_on(local_shop)


def test_a_damaged_lease_is_broken_with_a_reason(shop: Company) -> None:
    garbage = place(shop).git("rev-parse", "main:environments/production.yaml")
    place(shop).git("update-ref", "refs/reconciler/leases/production", garbage)
    shop.add("1.1.0")
    (shop.home / "targets/production" / MODEL).unlink()
    for command in (("apply", "--yes"), ("lease", "list")):
        assert "reconciler lease break production --reason " in shop.run(*command, code=5).err
    told = shop.run("lease", "break", "production", "--reason", "a disk went bad").out
    assert "held by somebody unknown" in told
    assert shop.receipts("production")[-1] == "lease-break production"
    assert shop.run("lease", "list").out.count("free") == 2
    before = generation(shop, "production")
    shop.apply()
    assert generation(shop, "production") > before
    shop.settled()
