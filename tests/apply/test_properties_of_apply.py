"""After apply ends, planning finds nothing to do; and the ledger is the fold of its receipts, whatever went wrong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.fold import replay
from reconciler.core.standing import runnable
from reconciler.domain.plan import Deploy
from tests.support import stories
from tests.support.stories import Step
from tests.support.worlds import MODEL, Shop, actions, told

STEPS = st.lists(
    stories.pins("sandbox", ["merge"])
    | stories.pins("production")
    | stories.withdrawals("sandbox", ["merge"])
    | stories.withdrawals("production")
    | stories.rules()
    | stories.machines
    | stories.accidents,
    min_size=4,
    max_size=14,
)


def told_by(steps: list[Step]) -> Shop:
    shop = stories.shop()
    for step in steps:
        step(shop)
    return shop


def ledgers_are_folds(shop: Shop) -> None:
    for name in ("sandbox", "production"):
        assert shop.record(name) == replay(name, shop.receipts(name))


@stories.examples(150)
@given(steps=STEPS)
def test_after_apply_only_what_failed_in_it_is_left_to_do(steps: list[Step]) -> None:
    shop = told_by(steps)
    applied = shop.apply()
    failed = {told(done.action) for done in applied.done if done.outcome == "failed"}
    followed = {what.replace("train", "deploy", 1) for what in failed}
    assert {told(action) for action in runnable(shop.plan())} <= failed | followed
    ledgers_are_folds(shop)


@stories.examples(150)
@given(steps=STEPS)
def test_once_nothing_fails_any_more_apply_leaves_nothing_to_do_and_its_rerun_writes_nothing(steps: list[Step]) -> None:
    shop = told_by(steps)
    shop.trainer.failures.clear()
    for place in (*shop.fakes.stores.values(), *shop.fakes.targets.values()):
        place.full = 0
    shop.apply()
    assert actions(shop.plan()) == []
    before = shop.ledger.count(), shop.fakes.leases.taken
    shop.apply()
    assert (shop.ledger.count(), shop.fakes.leases.taken) == before
    for name in ("sandbox", "production"):
        shop.serves(name)
    ledgers_are_folds(shop)


@stories.examples(40)
@given(steps=STEPS)
def test_a_version_keeps_its_first_bytes_and_failures_move_no_deployment(steps: list[Step]) -> None:
    shop = told_by(steps)
    shop.apply()
    bound: dict[str, str] = {}
    served: dict[str, str | None] = {}
    for _, receipt, record in (*shop.ledger.trees("sandbox"), *shop.ledger.trees("production")):
        for version, artifact in record.artifacts.get(MODEL, {}).items():
            if artifact.digest:
                assert bound.setdefault(version, artifact.digest) == artifact.digest
        deployment = record.deployments.get(MODEL)
        now = deployment.digest if deployment else None
        if receipt.outcome == "failed":
            assert served.get(receipt.environment) == now
        served[receipt.environment] = now
    assert len(shop.trainer.trained) >= len(bound)


def test_a_deploy_follows_its_train() -> None:
    shop = stories.shop()
    shop.pin("sandbox", "1.0.0")
    assert isinstance(shop.plan().actions[-1], Deploy)
