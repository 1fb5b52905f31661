"""What every ledger keeps, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from reconciler.domain.errors import PlanAgain
from reconciler.domain.record import Record
from reconciler.domain.summary import line_of
from reconciler.ports import Ledger, LedgerState
from tests.support.ledgers import LEDGER_HOUSES, LedgerHouse, deploy, deployed, refresh


@pytest.fixture(params=LEDGER_HOUSES, ids=lambda make: make.__name__)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerHouse]:
    with request.param(tmp_path) as made:
        yield made


def append_two(house: LedgerHouse) -> tuple[LedgerState, LedgerState]:
    empty = house.first.read("production")
    one = house.first.append(empty, deploy(letter="a"), deployed(empty.record))
    return one, house.first.append(one, deploy(letter="b", minute=1), deployed(one.record, letter="b", minute=1))


def test_a_ledger_that_nobody_wrote_is_empty(house: LedgerHouse) -> None:
    assert house.first.read("production") == LedgerState(None, Record(environment="production"))
    assert list(house.first.receipts("production")) == []
    assert list(house.first.trees("production")) == []


def test_what_was_appended_is_read_again(house: LedgerHouse) -> None:
    _, second = append_two(house)
    assert house.first.read("production") == second


def test_the_other_user_reads_the_same(house: LedgerHouse) -> None:
    _, second = append_two(house)
    house.refresh()
    assert house.second.read("production") == second


def test_receipts_come_newest_first_with_their_commits(house: LedgerHouse) -> None:
    one, two = append_two(house)
    expected = [(two.tip, deploy(letter="b", minute=1)), (one.tip, deploy(letter="a"))]
    assert list(house.first.receipts("production")) == expected


def test_receipts_of_a_model_are_those_that_touched_its_deployment(house: LedgerHouse) -> None:
    one, two = append_two(house)
    three = house.first.append(two, deploy(model="other"), deployed(two.record, "other"))
    house.first.append(three, refresh(), three.record)
    assert [tip for tip, _ in house.first.receipts("production", "payment-prediction")] == [two.tip, one.tip]
    assert [tip for tip, _ in house.first.receipts("production", "other")] == [three.tip]
    assert list(house.first.receipts("production", "unheard-of")) == []


def test_lines_tell_the_receipts_in_their_order(house: LedgerHouse) -> None:
    _, two = append_two(house)
    three = house.first.append(two, deploy(model="other", by='"Ann"'), deployed(two.record, "other"))
    house.first.append(three, refresh(), three.record)
    for model in (None, "payment-prediction", "other", "unheard-of"):
        told = [line_of(*found) for found in house.first.receipts("production", model)]
        assert list(house.first.lines("production", model)) == told
    assert list(house.first.lines("sandbox")) == []


def test_a_receipt_that_changes_nothing_is_kept_too(house: LedgerHouse) -> None:
    _, two = append_two(house)
    three = house.first.append(two, refresh(minute=2), two.record)
    assert three.tip != two.tip
    assert next(tip for tip, _ in house.first.receipts("production")) == three.tip


def test_what_leaves_the_record_leaves_the_tree(house: LedgerHouse) -> None:
    _, two = append_two(house)
    bare = two.record.model_copy(update={"deployments": {}})
    three = house.first.append(two, refresh(), bare)
    assert house.first.read("production") == LedgerState(three.tip, bare)


def test_the_second_of_two_writers_must_plan_again_and_leaves_nothing(house: LedgerHouse) -> None:
    empty = house.first.read("production")
    one = house.first.append(empty, deploy(letter="a"), deployed(empty.record))
    with pytest.raises(PlanAgain, match="ledger/production"):
        house.second.append(empty, deploy(letter="b"), deployed(empty.record, letter="b"))
    house.refresh()
    assert house.second.read("production") == one
    assert [tip for tip, _ in house.second.receipts("production")] == [one.tip]


def test_a_writer_who_missed_a_receipt_must_plan_again(house: LedgerHouse) -> None:
    empty = house.first.read("production")
    one = house.first.append(empty, deploy(letter="a"), deployed(empty.record))
    house.refresh()
    seen = house.second.read("production")
    two = house.first.append(one, refresh(), one.record)
    with pytest.raises(PlanAgain):
        house.second.append(seen, refresh(minute=1), seen.record)
    house.refresh()
    assert house.second.read("production") == two


def test_the_ledgers_of_two_environments_are_apart(house: LedgerHouse) -> None:
    _, production = append_two(house)
    empty = house.first.read("sandbox")
    assert empty.tip is None
    house.first.append(empty, deploy("sandbox"), deployed(Record(environment="sandbox")))
    assert house.first.read("production") == production


def test_a_ledger_contains_its_commits_and_no_others(house: LedgerHouse) -> None:
    one, two = append_two(house)
    assert one.tip and two.tip
    assert house.first.contains(two.tip, [one.tip])
    assert house.first.contains(two.tip, [two.tip, one.tip])
    assert not house.first.contains(two.tip, [one.tip, "f" * 40])
    assert not house.first.contains(two.tip, [one.tip, "HEAD"])
    assert not house.first.contains(one.tip, [two.tip])
    assert not house.first.contains(None, [one.tip])
    assert house.first.contains(None, [])


def test_many_ledgers_are_read_at_once_as_each_alone(house: LedgerHouse) -> None:
    append_two(house)
    house.first.append(house.first.read("sandbox"), deploy("sandbox"), deployed(Record(environment="sandbox")))
    names = ["production", "sandbox", "staging", "prod"]
    assert house.first.read_all(names) == {name: house.first.read(name) for name in names}
    assert house.first.read_all([]) == {}


def test_trees_replay_the_ledger_oldest_first(house: LedgerHouse) -> None:
    one, two = append_two(house)
    house.refresh()
    replayed = list(house.second.trees("production"))
    assert replayed == [
        (one.tip, deploy(letter="a"), one.record),
        (two.tip, deploy(letter="b", minute=1), two.record),
    ]


def test_receipts_may_be_left_half_way(house: LedgerHouse) -> None:
    _, two = append_two(house)
    newest = next(iter(house.first.receipts("production")))
    assert newest[0] == two.tip
    assert next(iter(house.first.lines("production"))).commit == two.tip
    assert house.first.read("production") == two


def test_of_two_writers_at_the_same_moment_exactly_one_wins(house: LedgerHouse) -> None:
    start = Barrier(2)

    def write(ledger: Ledger, letter: str) -> LedgerState | None:
        empty = ledger.read("production")
        start.wait()
        try:
            return ledger.append(empty, deploy(letter=letter), deployed(empty.record, letter=letter))
        except PlanAgain:
            return None

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(write, (house.first, house.second), "ab"))
    won = [state for state in ends if state is not None]
    house.refresh()
    assert [house.first.read("production")] == won
