"""Rules change by their own rules: attempts to get a pin past what the rules in force ask, each refused and told."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.testing import environment_path, signers, signers_path
from tests.support.worlds import MODEL, OTHER_DIGEST, Shop, actions, only_held, reasons

ALICE, BOB = "alice@example.com", "bob@example.com"
SIGNED = {"policy": {"evidence": "signed", "requireDigest": True}}
SHUT = [{"kind": "beats-baselines"}]


def bad_model(**shop: Any) -> Shop:
    """1.0.0 serves in the sandbox and does not beat the baselines that production asks it to beat."""
    made = Shop(**shop)
    made.trainer.log_loss["1.0.0"] = 0.9
    made.add("1.0.0")
    made.pin("sandbox", "1.0.0")
    made.apply()
    return made


def never_serves(shop: Shop, *wanted: str) -> None:
    """However often it is applied, production serves nothing, for these reasons and no others."""
    for _ in range(3):
        shop.apply()
        assert shop.serves("production") is None
    assert {reason for name, reason in reasons(shop.plan()) if name == "production"} == set(wanted)


def looser(shop: Shop, **spec: Any) -> dict[str, bytes | None]:
    return {environment_path("production"): shop.environment("production", **spec)}


# --- one merge ---------------------------------------------------------------------------------------------


def test_a_pin_and_looser_gates_in_one_merge_do_not_pass() -> None:
    shop = bad_model()
    shop.merge({**shop.promotion("1.0.0"), **looser(shop, gates=[])})
    never_serves(shop, "gate")


def test_a_pin_and_a_policy_that_asks_nothing_in_one_fast_forward_do_not_pass() -> None:
    shop = bad_model()
    shop.git.fast_forward({**shop.promotion("1.0.0"), **looser(shop, gates=[], policy={"evidence": "none"})})
    never_serves(shop, "rules-not-adopted", "no-evidence", "gate")


def test_a_pin_and_a_policy_that_asks_nothing_in_one_merge_still_need_the_old_evidence() -> None:
    shop = bad_model(production=SIGNED, approvers=(ALICE,))
    shop.merge({**shop.promotion("1.0.0"), **looser(shop, gates=[], policy={"evidence": "none"})})
    never_serves(shop, "rules-not-adopted", "no-evidence", "gate")


@pytest.mark.parametrize("spec", [{"policy": {"evidence": "merge"}}, {"promotesFrom": None}])
def test_a_pin_without_digest_and_no_more_need_of_one_in_one_merge_do_not_pass(spec: dict[str, Any]) -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    gates = [] if "promotesFrom" in spec else shop.specs["production"]["gates"]
    policy = {"evidence": "merge"}
    shop.merge({**shop.pinned("production", "1.0.0"), **looser(shop, **{"policy": policy, "gates": gates, **spec})})
    never_serves(shop, "digest-required")


def test_a_pin_and_another_environment_to_promote_from_in_one_merge_do_not_pass() -> None:
    shop = Shop(production={"gates": [{"kind": "deployed-below"}]})
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0", hold={"reason": "not yet", "by": "credit"})
    shop.apply()
    assert shop.serves("sandbox") is None
    shop.merge({**shop.promotion("1.0.0"), **looser(shop, gates=[], promotesFrom=None)})
    never_serves(shop, "gate")


def test_a_pin_and_a_longer_life_of_judgements_in_one_merge_do_not_pass() -> None:
    shop = Shop(production={"data": {**Shop().specs["production"]["data"], "maxAge": "7d"}})
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.wait(days=8)
    shop.merge({**shop.promotion("1.0.0"), **looser(shop, data={**shop.specs["production"]["data"], "maxAge": "100d"})})
    never_serves(shop, "snapshot-stale")


def test_a_going_back_and_a_longer_rollback_window_in_one_merge_are_a_promotion() -> None:
    policy = {"evidence": "merge", "rollbackWindow": "1d"}
    shop = Shop(production={"policy": policy}).in_production("1.0.0", "1.1.0")
    shop.wait(days=2)
    shop.merge({**shop.promotion("1.0.0"), **looser(shop, policy={**policy, "rollbackWindow": "400d"})})
    assert actions(shop.plan()) == ["adopt production", "judge production payment 1.0.0"]
    assert ("production", "judgement-missing") in reasons(shop.plan())


def test_reverting_the_pin_and_promoting_again_is_the_way_out() -> None:
    shop = bad_model()
    shop.merge({**shop.promotion("1.0.0"), **looser(shop, gates=[])})
    shop.apply()
    shop.pin("production", None)
    shop.promote("1.0.0")
    assert actions(shop.plan()) == ["deploy production payment 1.0.0"]


def test_a_looser_rule_that_was_adopted_before_the_pin_counts() -> None:
    shop = bad_model()
    shop.merge(looser(shop, gates=[]))
    shop.apply()
    shop.promote("1.0.0")
    shop.apply()
    assert shop.serves("production") == "1.0.0"


def test_a_looser_rule_merged_before_the_pin_and_applied_with_it_does_not_help_that_pin() -> None:
    shop = bad_model()
    shop.merge(looser(shop, gates=[]))
    shop.promote("1.0.0")
    never_serves(shop, "gate")


def test_a_stricter_rule_merged_after_the_pin_counts_at_once() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.promote("1.0.0")
    shop.merge(looser(shop, gates=[{"kind": "threshold", "figure": "log_loss", "atMost": 0.1}]))
    never_serves(shop, "gate")


# --- direct pushes -----------------------------------------------------------------------------------------


def test_rules_pushed_directly_one_pass_before_the_pin_are_not_adopted() -> None:
    shop = bad_model()
    shop.push(looser(shop, gates=[]))
    shop.apply()
    shop.promote("1.0.0")
    never_serves(shop, "rules-not-adopted", "gate")
    assert len(shop.record("production").rules) == 1


def test_a_merge_on_top_of_pushed_rules_does_not_make_them_good() -> None:
    shop = bad_model()
    shop.push(looser(shop, gates=[]))
    shop.merge(looser(shop, autoApply=True))
    shop.promote("1.0.0")
    never_serves(shop, "rules-not-adopted", "gate")


def test_pushed_rules_that_were_put_back_leave_the_way_free() -> None:
    shop = bad_model()
    gates = shop.specs["production"]["gates"]
    shop.push(looser(shop, gates=[]))
    shop.push(looser(shop, gates=gates))
    assert shop.plan().held == ()
    shop.merge(looser(shop, exam={"latestShare": 0.3}))
    assert actions(shop.plan())[0] == "adopt production"


def test_a_direct_push_of_the_pin_does_not_pass() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.push(shop.promotion("1.0.0"))
    never_serves(shop, "no-evidence")


def test_a_pushed_pin_does_not_become_good_by_a_later_merge_that_leaves_it_alone() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.push(shop.promotion("1.0.0"))
    shop.merge(shop.pinned("production", "1.0.0", model="other", digest=OTHER_DIGEST))
    shop.apply()
    assert shop.serves("production") is None
    assert ("production", "no-evidence") in reasons(shop.plan())


def test_a_pin_written_by_the_merge_commit_itself_does_not_pass() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.merge({"README.md": b"a harmless change"}, evil=shop.promotion("1.0.0"))
    never_serves(shop, "no-evidence")


def test_a_hold_lifted_by_a_push_holds_still() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    shop.promote("1.0.0", hold={"reason": "audit", "by": "credit"})
    shop.push(shop.promotion("1.0.0"))
    never_serves(shop, "no-evidence")


def test_a_branch_that_has_main_as_its_second_parent_is_a_fast_forward_and_no_evidence() -> None:
    shop = Shop()
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    base = shop.git.main_tip()
    main = shop.git.commit({"README.md": b"main goes on"})
    files = {**shop.git.files(base), **shop.promotion("1.0.0")}
    branch = shop.git.write([base], files, subject="promote")
    foxtrot = shop.git.write([branch, main], {**files, "README.md": b"main goes on"}, subject="Merge main")
    shop.git.reset_main(foxtrot)
    never_serves(shop, "no-evidence")


# --- signatures --------------------------------------------------------------------------------------------


def signed_shop() -> Shop:
    shop = Shop(production=SIGNED, approvers=(ALICE, BOB))
    shop.add("1.0.0")
    shop.pin("sandbox", "1.0.0")
    shop.apply()
    return shop


def test_a_merge_that_an_approver_signs_passes_and_is_recorded() -> None:
    shop = signed_shop()
    shop.promote("1.0.0", how={"signed_by": ALICE})
    shop.apply()
    evidence = shop.record("production").deployments[MODEL].evidence
    assert (evidence.kind, evidence.approver) == ("signed", ALICE)


def test_a_merge_whose_author_signs_it_does_not_pass() -> None:
    shop = signed_shop()
    shop.promote("1.0.0", how={"signed_by": BOB, "by": "bob"})
    assert "an author of the change" in only_held(shop.plan()).detail
    never_serves(shop, "no-evidence")


def test_a_merge_signed_by_a_stranger_or_by_nobody_does_not_pass() -> None:
    for signer in (None, "mallory@example.com"):
        shop = signed_shop()
        shop.promote("1.0.0", how={"signed_by": signer})
        never_serves(shop, "no-evidence")


def test_a_signer_added_in_the_merge_that_he_signs_does_not_count() -> None:
    shop = signed_shop()
    mallory = "mallory@example.com"
    shop.merge({**shop.promotion("1.0.0"), signers_path("production"): signers(ALICE, BOB, mallory)}, signed_by=mallory)
    never_serves(shop, "rules-not-adopted", "no-evidence")


def test_a_signer_added_by_an_approver_together_with_a_pin_does_not_count_for_that_pin() -> None:
    shop = signed_shop()
    carol = "carol@example.com"
    shop.merge({signers_path("production"): signers(ALICE, BOB, carol)}, signed_by=ALICE)
    shop.promote("1.0.0", how={"signed_by": carol})
    never_serves(shop, "no-evidence")
    shop.apply()
    shop.pin("production", None)
    shop.promote("1.0.0", how={"signed_by": carol})
    shop.apply()
    assert shop.serves("production") == "1.0.0"


def test_a_signer_who_was_taken_out_does_not_count_any_more() -> None:
    shop = signed_shop()
    shop.promote("1.0.0", how={"signed_by": ALICE})
    shop.merge({signers_path("production"): signers(BOB)}, by="carol", signed_by=BOB)
    never_serves(shop, "no-evidence")


def test_a_signature_on_a_merge_that_another_commit_changed_afterwards_does_not_cover_it() -> None:
    shop = signed_shop()
    shop.add("1.1.0")
    shop.pin("sandbox", "1.1.0")
    shop.apply()
    shop.promote("1.0.0", how={"signed_by": ALICE})
    shop.push(shop.promotion("1.1.0"))
    never_serves(shop, "no-evidence")


# --- two pull requests -------------------------------------------------------------------------------------


def test_two_pull_requests_for_the_two_files_of_the_rules_may_be_merged_one_after_the_other() -> None:
    shop = signed_shop()
    base = shop.git.main_tip()
    files = shop.git.files(base)
    one = shop.git.write([base], {**files, **looser(shop, gates=[])}, subject="gates")  # type: ignore[dict-item]
    two = shop.git.write([base], {**files, signers_path("production"): signers(ALICE)}, subject="signers")
    shop.git.merge_of(one, signed_by=ALICE)
    shop.git.merge_of(two, signed_by=ALICE)
    assert actions(shop.plan()) == ["adopt production"]


# --- bytes -------------------------------------------------------------------------------------------------


def test_the_digest_of_another_version_does_not_pass() -> None:
    shop = Shop()
    for version in ("1.0.0", "1.1.0"):
        shop.add(version)
        shop.pin("sandbox", version)
        shop.apply()
    shop.merge(shop.pinned("production", "1.1.0", digest=shop.digest("1.0.0")))
    never_serves(shop, "digest-mismatch")


def test_a_self_made_artifact_in_the_store_does_not_pass() -> None:
    shop, stranger = Shop(), Shop()
    for made in (shop, stranger):
        made.add("1.0.0")
        made.pin("sandbox", "1.0.0")
    stranger.trainer.libraries = "of a stranger"
    shop.apply()
    stranger.apply()
    planted = stranger.digest("1.0.0")
    assert planted != shop.digest("1.0.0")
    shop.store.content.update(stranger.store.content)
    shop.store.tags.update(stranger.store.tags)
    shop.merge(shop.pinned("production", "1.0.0", digest=planted))
    never_serves(shop, "digest-mismatch")


def test_a_self_made_artifact_of_a_version_that_nobody_trained_does_not_pass() -> None:
    shop, stranger = Shop(), Shop()
    stranger.add("1.0.0")
    stranger.pin("sandbox", "1.0.0")
    stranger.apply()
    shop.add("1.0.0")
    shop.fakes.stores[".reconciler/store"] = stranger.store
    shop.merge(shop.pinned("production", "1.0.0", digest=stranger.digest("1.0.0")))
    never_serves(shop, "not-trained")
