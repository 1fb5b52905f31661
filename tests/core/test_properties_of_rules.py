"""No sequence of commits lets a pin pass without what the rules in force ask, by an oracle that shares no code."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.core.fold import fold
from reconciler.domain.receipts import AdoptReceipt, DeployReceipt, WithdrawReceipt
from tests.support import stories
from tests.support.oracle import Oracle
from tests.support.stories import Step
from tests.support.worlds import MODEL, Shop

COMMITS = (
    stories.pins("production")
    | stories.withdrawals("production")
    | stories.rules()
    | stories.pins_with_rules()
    | stories.pins("sandbox", ["merge"])
)
STEPS = st.lists(COMMITS | stories.promotions | stories.machines, min_size=6, max_size=24)


def in_the_sandbox(shop: Shop, versions: list[str]) -> None:
    for version in versions:
        shop.pin("sandbox", version)
        shop.apply()


@stories.examples(80)
@given(
    steps=STEPS,
    policy=st.sampled_from(["none", "merge", "signed"]),
    trained=st.permutations(stories.VERSIONS),
)
def test_no_sequence_of_commits_lets_a_pin_pass_without_what_the_rules_ask(
    steps: list[Step], policy: str, trained: list[str]
) -> None:
    shop = stories.shop(production={"policy": {"evidence": policy, "requireDigest": True}})
    in_the_sandbox(shop, trained)
    for step in steps:
        step(shop)
    shop.apply()
    receipts = shop.receipts("production")
    for kind in (AdoptReceipt, DeployReceipt, WithdrawReceipt):
        event(f"{kind.__name__}: {min(3, sum(isinstance(receipt, kind) for receipt in receipts))}")
    assert list(Oracle(shop).complaints()) == []


def forged(shop: Shop, version: str) -> None:
    """Somebody writes a Deploy into the ledger past all rules."""
    state = shop.ledger.read("production")
    receipt = DeployReceipt(
        environment="production",
        source_commit=shop.git.main_tip(),
        at=shop.clock.now(),
        by="mallory",
        model=MODEL,
        version=version,
        digest=shop.digest(version),
    )
    shop.ledger.append(state, receipt, fold(state.record, receipt))


@pytest.mark.parametrize(
    ("version", "way", "complaint"),
    [
        ("1.0.0", "direct", "deployed without merge evidence"),
        ("1.0.0", "evil", "deployed without merge evidence"),
        ("1.0.0", "foxtrot", "deployed without merge evidence"),
        ("1.1.0", "merge", "deployed through a shut gate"),
        ("1.0.0", "merge", ""),
    ],
)
def test_the_oracle_complains_where_something_slipped_through(version: str, way: str, complaint: str) -> None:
    shop = stories.shop()
    in_the_sandbox(shop, [version])
    stories.land(shop, shop.promotion(version), way)
    forged(shop, version)
    found = "; ".join(Oracle(shop).complaints())
    assert (complaint in found) if complaint else (found == "")
