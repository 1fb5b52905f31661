"""What somebody who may push, but may not approve, tries. Evidence is signed; alice and carol are the approvers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.oci_layout import OciLayout
from reconciler.core import packaging
from reconciler.core.identity import digest_of
from reconciler.domain import oci
from tests.stories.conftest import Beginnings
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL, Texts
from tests.support.repositories import ALICE, Key, Person, Workbench

POLICY = {"evidence": "signed", "requireDigest": True}
LOOSE = {"gates": [{"kind": "deployed-below"}], "policy": {"evidence": "none"}}
CAROL = Person("Carol Approver", "carol@example.com")
Attack = Callable[[Company], object]


def _guarded(folder: Path) -> tuple[Company, dict[str, Key]]:
    keys = {name: Workbench(folder).key(f"{name}@example.com") for name in ("alice", "carol", "mallory")}
    signers = keys["alice"].allowed + keys["carol"].allowed
    files: Texts = {"environments/production.allowed-signers": signers}
    company = Company.found(folder, "remote", production={"policy": POLICY}, files=files)
    company.add("1.0.0")
    company.apply()
    company.promote(sign=keys["alice"])
    assert company.apply() == ["deploy production 1.0.0"]
    assert company.status()["evidence"] == "signed"
    company.box.log_loss["1.1.0"] = 0.9
    company.add("1.1.0")
    company.apply()
    return company, keys


@pytest.fixture
def guarded_and_keys(beginnings: Beginnings) -> tuple[Company, dict[str, Key]]:
    return beginnings("guarded", _guarded)


@pytest.fixture
def guarded(guarded_and_keys: tuple[Company, dict[str, Key]]) -> Company:
    """1.0.0 serves; 1.1.0 is deployed in the sandbox, and worse than both baselines."""
    return guarded_and_keys[0]


@pytest.fixture
def keys(guarded_and_keys: tuple[Company, dict[str, Key]]) -> dict[str, Key]:
    """The keys of two approvers and of mallory, who is none."""
    return guarded_and_keys[1]


def held(company: Company) -> set[str]:
    """Apply once more; why production is held. It serves what it served."""
    company.apply(code=3)
    assert company.serves() == "1.0.0"
    return {reason for reason, _ in company.held()}


def test_a_pin_and_looser_rules_in_one_unsigned_merge(guarded: Company) -> None:
    guarded.merge(guarded.rules("production", **LOOSE) | guarded.promoted("1.1.0"))
    assert held(guarded) == {"rules-not-adopted", "no-evidence", "gate"}


def test_a_pin_and_looser_rules_in_one_fast_forward(guarded: Company) -> None:
    guarded.merge(guarded.rules("production", **LOOSE) | guarded.promoted("1.1.0"), fast_forward=True)
    assert held(guarded) == {"rules-not-adopted", "no-evidence", "gate"}


def test_even_an_approved_merge_does_not_benefit_from_what_it_loosens(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.merge(guarded.rules("production", **LOOSE) | guarded.promoted("1.1.0"), sign=keys["alice"])
    assert held(guarded) == {"gate"}
    guarded.merge(guarded.promoted("1.0.0"), sign=keys["alice"])
    assert guarded.apply() == []
    guarded.promote()  # a merge of its own, under the rules that alice approved
    assert guarded.apply() == ["deploy production 1.1.0"]


def test_looser_rules_pushed_directly_one_pass_before_the_pin(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.commit(guarded.rules("production", **LOOSE), sign=keys["alice"])
    assert held(guarded) == {"rules-not-adopted"}
    guarded.merge(guarded.promoted("1.1.0"), sign=keys["alice"])
    assert held(guarded) == {"rules-not-adopted", "gate"}


def test_a_direct_push_of_the_pin(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.box.log_loss.clear()
    guarded.commit(guarded.promoted("1.1.0"), sign=keys["alice"])
    assert "no-evidence" in held(guarded)


def test_a_merge_whose_author_signs_it(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.merge(guarded.promoted("1.1.0"), author=ALICE, by=ALICE, sign=keys["alice"])
    assert "no-evidence" in held(guarded)
    ((_, detail),) = [each for each in guarded.held() if each[0] == "no-evidence"]
    assert "signed by alice@example.com, who is an author of the change" in detail


def test_a_merge_signed_by_somebody_who_is_no_approver(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.merge(guarded.promoted("1.1.0"), sign=keys["mallory"])
    assert "no-evidence" in held(guarded)


def test_a_merge_that_brings_its_own_signer(guarded: Company, keys: dict[str, Key]) -> None:
    signers = "".join(key.allowed for key in keys.values())
    mine = {"environments/production.allowed-signers": signers}
    guarded.merge({**mine, **guarded.promoted("1.1.0")}, sign=keys["mallory"])
    assert held(guarded) == {"rules-not-adopted", "no-evidence", "gate"}


def test_a_merge_commit_with_a_value_that_its_branch_has_not(guarded: Company, keys: dict[str, Key]) -> None:
    desk = guarded.desk
    harmless, evil = guarded.promoted("1.0.0", also=", hold: {reason: x, by: y}"), guarded.promoted("1.1.0")
    desk.git("checkout", "-q", "-b", "harmless")
    desk.commit(harmless)
    desk.git("checkout", "-q", "main")
    desk.merge_branch("harmless")
    desk.write(evil)
    desk.git("add", "-A", "manifests")
    key = keys["alice"]
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key.private}")
    desk.git(*signing, "commit", "-q", "--amend", "--no-edit", "-S", by=ALICE)
    guarded.push()
    assert "no-evidence" in held(guarded)


def test_the_digest_of_another_version(guarded: Company, keys: dict[str, Key]) -> None:
    pin = f'{{version: 1.0.0, digest: "{guarded.digest("1.1.0")}"}}'
    guarded.merge(guarded.release("production", pin), sign=keys["alice"])
    assert held(guarded) == {"digest-mismatch"}


def test_an_artifact_of_ones_own_in_the_store_under_the_right_tag(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.box.fail("train", "1.2.0", "machine", times=3)
    guarded.add("1.2.0")
    guarded.apply(code=1)
    mark = guarded.file(f"artifacts/{MODEL}/1.2.0.json", "sandbox")["fingerprint"]
    card = (guarded.home / "targets/sandbox" / MODEL / oci.CARD_FILE).read_bytes()
    files = {oci.MODEL_FILE: b"a model of my own", oci.CARD_FILE: card}
    described = {name: (digest_of(content), len(content)) for name, content in files.items()}
    packed = packaging.package(model=MODEL, version="1.2.0", fingerprint=mark, files=described)
    blobs: dict[str, bytes | Path] = {described[name][0]: content for name, content in files.items()}
    OciLayout(guarded.home / "store").put(packed.manifest, {**blobs, packed.config_digest: packed.config}, mark)

    assert "train sandbox 1.2.0" in guarded.apply("--retry")
    assert guarded.digest("1.2.0") != packed.digest
    assert guarded.serves("sandbox") == "1.2.0"
    pin = f'{{version: 1.2.0, digest: "{packed.digest}"}}'
    guarded.merge(guarded.release("production", pin), sign=keys["alice"])
    assert held(guarded) == {"digest-mismatch"}


def test_two_approvers_approve_each_other(guarded: Company, keys: dict[str, Key]) -> None:
    guarded.box.log_loss.clear()
    guarded.add("1.2.0")
    guarded.apply()
    guarded.merge(guarded.promoted("1.2.0"), author=CAROL, by=ALICE, sign=keys["alice"])
    assert guarded.apply() == ["deploy production 1.2.0"]
    assert guarded.status()["evidence"] == "signed"
    guarded.settled()


def _signed(key: Key) -> tuple[str, ...]:
    return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key.private}")


def test_a_signed_merge_of_a_commit_that_main_already_had(guarded: Company, keys: dict[str, Key]) -> None:
    """The pin is pushed and taken back; then its author, an approver, signs a merge with the old commit as parent."""
    guarded.box.log_loss.clear()
    desk = guarded.desk
    pushed = desk.commit(guarded.promoted("1.1.0"), "Pin", by=ALICE)
    undone = desk.commit(guarded.promoted("1.0.0"), "Undo", by=ALICE)
    tree = desk.git("rev-parse", f"{pushed}^{{tree}}").strip()
    made = ("commit-tree", "-S", tree, "-p", undone, "-p", pushed, "-m", "Merge")
    desk.git("update-ref", "refs/heads/main", desk.git(*_signed(keys["alice"]), *made, by=ALICE).strip())
    desk.git("reset", "-q", "--hard", "main")
    guarded.push()
    assert "no-evidence" in held(guarded)


def test_a_signed_merge_of_an_innocent_branch_begun_while_the_pin_stood(guarded: Company, keys: dict[str, Key]) -> None:
    """The branch of a colleague began between the pin and its undoing, so it has the value and did not bring it."""
    guarded.box.log_loss.clear()
    desk = guarded.desk
    pushed = desk.commit(guarded.promoted("1.1.0"), "Pin", by=ALICE)
    desk.git("checkout", "-q", "-b", "innocent", pushed)
    innocent = desk.commit({"NOTES.md": "harmless"}, "Note")
    desk.git("checkout", "-q", "main")
    undone = desk.commit(guarded.promoted("1.0.0"), "Undo", by=ALICE)
    tree = desk.git("rev-parse", f"{innocent}^{{tree}}").strip()
    made = ("commit-tree", "-S", tree, "-p", undone, "-p", innocent, "-m", "Merge innocent")
    desk.git("update-ref", "refs/heads/main", desk.git(*_signed(keys["alice"]), *made, by=ALICE).strip())
    desk.git("reset", "-q", "--hard", "main")
    guarded.push()
    assert "no-evidence" in held(guarded)


def test_a_copy_of_other_data_than_production_s_judges_nothing_for_production(local: Company) -> None:
    """The sandbox's own rules ask for no evidence: whoever may push can have it copy doctored data."""
    local.in_production("1.0.0")
    rules, release = local.rules("production"), local.release("production", None)
    invoices = local.folder / "data/invoices.csv"
    (local.folder / "data/doctored.csv").write_text("".join(invoices.read_text().splitlines(keepends=True)[:-1]))
    local.commit(
        {
            "environments/fake.yaml": rules["environments/production.yaml"]
            .replace("production", "fake")
            .replace("invoices.csv", "doctored.csv"),
            "manifests/releases/fake.yaml": release["manifests/releases/production.yaml"].replace("production", "fake"),
            **local.rules("sandbox", data={"copyOf": "fake"}),
        }
    )
    local.run("apply", "--yes")
    local.run("data", "refresh", "sandbox")
    local.add("1.1.0")
    local.apply()
    entries = local.run("history", "-e", "sandbox", "-o", "json").json["entries"]
    copies = {e["snapshot"]["digest"]: e["snapshot"]["copy_of"] for e in entries if e["action"] == "refresh"}
    judged = [e for e in entries if e["action"] == "judge" and e["for_environment"] == "production"]
    assert set(copies.values()) == {"production", "fake"}
    assert {e["version"] for e in judged} == {"1.0.0", "1.1.0"}
    assert {copies[e["judgement"]["snapshot"]] for e in judged} == {"production"}
