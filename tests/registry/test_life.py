"""A company that keeps its copies in a real registry, which asks for a password; every command that writes runs in a
clone of its own, which never saw a copy."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests.registry.test_registry_access import HTPASSWD, PASSWORD, USER, WHO, auth_of
from tests.support.company import Company
from tests.support.components import needs
from tests.support.described import described
from tests.support.planted import found
from tests.support.receivables_yaml import MODEL, habits
from tests.support.registry import blob_file, registry
from tests.support.registry_bench import flip
from tests.support.registry_proxy import Proxy, proxy
from tests.support.repositories import BOB, Workbench, environment

pytestmark = pytest.mark.real

REFUSED, VERIFICATION = 3, 5
UNTIL = date(2026, 2, 28)


@dataclass
class Life:
    """The company, its registry behind a proxy, and where that keeps its own."""

    company: Company
    proxy: Proxy
    data: Path
    place: str
    clones: int = 0

    def newest(self) -> str:
        """The digest of the newest snapshot; its files are at the desk then."""
        company = self.company
        company.desk.git("fetch", "-q", "--prune", "origin")
        return str(company.run("data", "show", "-o", "json", at=company.desk).json["snapshot"]["digest"])

    def run(self, *argv: str, code: int = 0) -> str:
        """What a command says in a clone that knows the ledgers and has no copy."""
        assert self.company.origin
        self.clones += 1
        clone = Workbench(self.company.folder).clone(self.company.origin, f"clone-{self.clones}")
        clone.git("fetch", "-q", "origin", "+refs/heads/ledger/*:refs/remotes/origin/ledger/*")
        told = self.company.run(*argv, code=code, at=clone)
        return told.out + told.err

    def blob(self, digest: str) -> Path:
        """The file of a snapshot's first month in the registry."""
        store = next(self.company.desk.path.glob(".git/reconciler/snapshots/*/store"))
        manifest = described(store / digest[7:])
        return blob_file(self.data, manifest["tables"]["invoices"]["parts"][0]["file_digest"])


@contextmanager
def away(path: Path) -> Iterator[None]:
    """A file that is not there for a while."""
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@contextmanager
def altered(path: Path) -> Iterator[None]:
    """A file with another byte for a while."""
    flip(path)
    try:
        yield
    finally:
        flip(path)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A model was trained on a copy in the registry, and judged and deployed, by a stand-in for the box."""
    needs("docker-registry")
    data = tmp_path_factory.mktemp("registry")
    (data / "htpasswd").write_text(HTPASSWD + "\n")
    guarded = f'auth: {{htpasswd: {{realm: "r", path: "{data / "htpasswd"}"}}}}'
    with registry(data, more=guarded) as host, proxy(int(host.rpartition(":")[2])) as before:
        allowed = {"RECONCILER_DATA_ALLOW": f"//{before.host}/finance", **auth_of(before.host)}
        place = f"oci://{before.host}/finance/snapshots"
        folder = tmp_path_factory.mktemp("life")
        company = Company.found(folder, "remote", sandbox={"snapshots": place}, variables=allowed)
        company.add("1.0.0")
        assert company.apply()[1:] == ["train sandbox 1.0.0", "deploy sandbox 1.0.0", "judge production 1.0.0"]
        yield Life(company, before, data, place)
        # whatever was done: the password is written nowhere
        assert any(one.authorization for one in before.seen)
        assert found(folder, [PASSWORD], USER) == []
        assert WHO not in "".join(one.path for one in before.seen)


@pytest.fixture
def company(life: Life) -> Company:
    return life.company


def test_what_a_pull_request_names_gets_no_row_before_the_runner_allows_it(life: Life, company: Company) -> None:
    before = len(life.proxy.seen)
    company.merge(company.rules("sandbox", snapshots=f"oci://{life.proxy.host}/elsewhere/snapshots"))
    told = company.run("data", "refresh", "sandbox", code=REFUSED)
    assert f"dataAllow //{life.proxy.host}/elsewhere/snapshots" in told.err
    assert len(life.proxy.seen) == before
    company.merge(company.rules("sandbox", snapshots=life.place))
    company.run("data", "refresh", "sandbox")


def test_planning_and_looking_ask_no_registry(life: Life) -> None:
    before = len(life.proxy.seen)
    for words in (["plan"], ["status"], ["history"], ["show", f"{MODEL}@1.0.0"], ["validate"], ["drift"]):
        life.company.run(*words)
    assert len(life.proxy.seen) == before


def test_what_is_there_is_shown_and_verified_and_doctor_finds_it(life: Life) -> None:
    assert life.newest()
    assert "no faults" in life.company.run("verify").out
    assert f"{life.place} is allowed, answers, and lets snapshots be read" in life.run("doctor")


def test_a_copy_that_is_altered_or_gone_is_exit_5_with_its_digest(life: Life) -> None:
    digest = life.newest()
    life.company.add("1.0.1")
    for how, what in ((altered, "was altered"), (away, "is gone")):
        with how(life.blob(digest)):
            for words in (["verify"], ["data", "show"], ["apply", "--yes"]):
                told = life.run(*words, code=VERIFICATION)
                assert digest in told and what in told and life.place in told
    assert "train sandbox 1.0.1" in life.company.apply()


def test_a_registry_that_is_away_is_told_by_doctor_and_stops_no_plan(life: Life) -> None:
    life.proxy.dead = 0
    try:
        assert f"{life.place} cut the connection" in life.run("doctor", code=1)
        life.company.run("plan")
    finally:
        life.proxy.dead = None


def test_a_refresh_killed_while_it_sends_leaves_the_old_copy_in_use_and_a_rerun_completes(life: Life) -> None:
    company, old = life.company, life.newest()
    company.books(habits(UNTIL, 310))
    clone, last = company.runner(), life.proxy.writes
    variables = environment(BOB) | company.environment | {"PYTHONPATH": str(Path(__file__).parents[2])}

    def kill(number: int) -> None:
        if number == last + 5:
            process.kill()
            process.wait()

    life.proxy.at_write = kill
    argv = [sys.executable, "-m", "reconciler", "-C", str(clone.path), "data", "refresh", "sandbox"]
    process = subprocess.Popen(argv, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = b"".join(process.communicate(timeout=120))
    life.proxy.at_write = lambda _number: None
    assert process.returncode == -signal.SIGKILL, said
    assert life.newest() == old
    company.run("data", "refresh", "sandbox", at=clone)
    assert life.newest() != old
    company.run("verify")


def test_copies_that_nothing_needs_leave_the_registry(life: Life) -> None:
    for count in (320, 330, 340):
        life.company.books(habits(UNTIL, count))
        life.company.run("data", "refresh", "sandbox")
    going = life.company.run("data", "gc", "--dry-run", "-o", "json").json["going"]
    assert going and all(each["bytes"] > 0 for each in going)
    life.company.run("data", "gc", "--yes")
    assert life.company.run("data", "gc", "--dry-run", "-o", "json").json["going"] == []
    deleted = {one.path for one in life.proxy.asked("DELETE", "manifests") if one.authorization}
    assert len(deleted) >= 2 * len(going)  # each with the lists of files that were its own
    life.company.run("verify")
