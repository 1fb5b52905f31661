"""The same world gives the same plan, byte for byte, whatever the order of files and mappings."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from reconciler.core.diff import diff
from reconciler.core.plan_format import plan_document
from reconciler.testing import model_version, version_path
from tests.support import stories
from tests.support.stories import Step
from tests.support.worlds import as_json

STEPS = st.lists(
    stories.pins("sandbox", ["merge"])
    | stories.pins("production")
    | stories.withdrawals("production")
    | stories.rules()
    | stories.machines
    | stories.accidents,
    max_size=8,
)


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same value with every mapping in another order."""
    if isinstance(value, Mapping):
        items = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        return value.model_copy(update={name: shuffled(getattr(value, name), chance) for name in names})
    if isinstance(value, (list, tuple)):
        return type(value)(shuffled(item, chance) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {field.name: shuffled(getattr(value, field.name), chance) for field in fields(value)}
        return replace(value, **changed)
    return value


@stories.examples(40)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_the_order_of_files_and_mappings_never_matters(steps: list[Step], seed: int) -> None:
    shop = stories.shop()
    for step in steps:
        step(shop)
    others = ("zeta", "fraud", "beta")
    shop.merge({version_path(model, "1.0.0"): model_version(model, "1.0.0") for model in others})
    for model in others:
        shop.pin("sandbox", "1.0.0", model=model)
    world = shop.planned().world
    before = as_json(plan_document(diff(world)))
    assert as_json(plan_document(diff(world))) == before
    assert as_json(plan_document(diff(shuffled(world, random.Random(seed))))) == before  # noqa: S311


@stories.examples(15)
@given(steps=STEPS)
def test_the_same_story_gives_the_same_bytes(steps: list[Step]) -> None:
    told = []
    for _ in range(2):
        shop = stories.shop()
        for step in steps:
            step(shop)
        told.append((as_json(plan_document(shop.plan())), shop.ledger.commits))
    assert told[0] == told[1]
