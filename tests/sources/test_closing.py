"""When an invoice with settlements is settled, and since when that is known: examples, and the slow reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reconciler.domain.inputs import EnvironmentData
from reconciler.ports import Extract
from tests.sources.closing_reference import Episode, Outcome, Settled, episodes, outcome
from tests.support.csv_files import nothing, rows_of, source_in

FIRST = date(2024, 1, 1)
DATA: dict[str, Any] = {
    "invoices": {
        "source": {"kind": "csv", "path": "invoices.csv"},
        "mapping": {
            "legal_entity": {"constant": "m"},
            "customer": {"constant": "K"},
            "invoice": "invoice",
            "invoice_date": "day",
            "due_date": "day",
            "amount": "amount",
        },
    },
    "settlements": {
        "source": {"kind": "csv", "path": "settlements.csv"},
        "mapping": {
            "legal_entity": {"constant": "m"},
            "invoice": "invoice",
            "amount": "amount",
            "kind": "kind",
            "paid_on": "paid",
            "recorded_on": "recorded",
        },
    },
}
Case = tuple[int, Sequence[Settled]]


def told(
    cases: Sequence[Case], as_of: int | None = None
) -> tuple[list[Outcome], Mapping[str, int], list[list[Episode]]]:
    """What reading says of each case (an invoice in cents and its settlements), how many are left out and why, and
    the episodes of each case."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        invoices = [f"{i:05d},{FIRST},{_money(amount)}" for i, (amount, _) in enumerate(cases)]
        # an invoice that stays: without one good invoice there is no copy
        (folder / "invoices.csv").write_text("\n".join(["invoice,day,amount", *invoices, f"zz,{FIRST},1"]) + "\n")
        rows = [
            f"{i:05d},{_money(each.cents)},{each.kind},{_day(each.paid)},{_day(each.recorded)}"
            for i, (_, settlements) in enumerate(cases)
            for each in settlements
        ]
        (folder / "settlements.csv").write_text("\n".join(["invoice,amount,kind,paid,recorded", *rows]) + "\n")
        day = _day(as_of) if as_of is not None else None
        with source_in(folder).extract(EnvironmentData.model_validate(DATA), day, nothing) as extract:
            return list(_outcomes(extract, len(cases))), extract.excluded, list(_episodes(extract, len(cases)))


def _outcomes(extract: Extract, count: int) -> Iterator[Outcome]:
    kept = {row[0]: row[1:] for row in rows_of(extract, columns="invoice, settled_date, known_date")}
    for number in range(count):
        found = kept.get(f"{number:05d}")
        if found is None:
            yield Outcome(None, None, "left out")
        else:
            settled, known = ((each - FIRST).days if each else None for each in found)
            yield Outcome(settled, known, None)


def _episodes(extract: Extract, count: int) -> Iterator[list[Episode]]:
    found: list[list[Episode]] = [[] for _ in range(count)]
    for row in rows_of(extract, "episodes", columns="invoice, settled_date, known_date, until_date"):
        days = ((each - FIRST).days if each else None for each in row[1:])
        found[int(row[0])].append(Episode(*days))
    for each in found:
        yield sorted(each, key=lambda episode: episode.known)


def _as_told(expected: Outcome) -> Outcome:
    return expected if expected.left_out is None else Outcome(None, None, "left out")


def _counted(expected: Sequence[Outcome]) -> dict[str, int]:
    return dict(Counter(each.left_out for each in expected if each.left_out is not None))


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


def pay(cents: int, paid: int, recorded: int | None = None, *, kind: str = "payment") -> Settled:
    return Settled(kind, cents, paid, paid if recorded is None else recorded)


def of(amount: int, *settlements: Settled, as_of: int | None = None) -> Outcome:
    """The one outcome, which the reference has to agree with."""
    expected = outcome(amount, settlements, as_of)
    (found,), left_out, (past,) = told([(amount, settlements)], as_of)
    assert (found, dict(left_out)) == (_as_told(expected), _counted([expected]))
    assert past == episodes(amount, settlements, as_of)
    return found


def test_the_settling_payment_decides_and_part_payments_before_it_do_not() -> None:
    assert of(10_000, pay(6_000, 10), pay(4_000, 40)) == Outcome(40, 40, None)
    assert of(10_000, pay(6_000, 10)) == Outcome(None, None, None)


def test_it_is_known_when_the_last_settlement_that_is_needed_was_recorded() -> None:
    assert of(10_000, pay(6_000, 10, 50), pay(4_000, 40, 41)) == Outcome(40, 50, None)
    assert of(10_000, pay(10_000, 40, 41), pay(500, 60, 61)) == Outcome(40, 41, None)


def test_what_is_recorded_before_it_happens_is_known_when_it_has() -> None:
    assert of(10_000, pay(10_000, 40, 20)) == Outcome(40, 40, None)


def test_a_discount_pays_and_a_reversal_opens_again() -> None:
    discount, back = pay(200, 10, kind="discount"), pay(9_800, 20, kind="reversal")
    assert of(10_000, pay(9_800, 10), discount) == Outcome(10, 10, None)
    assert of(10_000, pay(9_800, 10), discount, back) == Outcome(None, None, None)
    assert of(10_000, pay(9_800, 10), discount, back, pay(9_800, 30)) == Outcome(30, 30, None)


def test_a_reversal_of_what_was_paid_too_much_changes_nothing() -> None:
    assert of(10_000, pay(12_000, 10), pay(2_000, 30, kind="reversal")) == Outcome(10, 10, None)


def test_a_negative_payment_is_taken_back_as_a_reversal_is() -> None:
    assert of(10_000, pay(10_000, 10), pay(-10_000, 20)) == Outcome(None, None, None)
    assert of(10_000, pay(10_000, 10), pay(-10_000, 20, kind="reversal")) == Outcome(None, None, None)


def test_rows_of_one_day_count_together_whatever_their_order() -> None:
    assert of(10_000, pay(10_000, 10, kind="reversal"), pay(10_000, 5), pay(10_000, 10)) == Outcome(5, 5, None)


def test_cents_do_not_keep_an_invoice_open() -> None:
    assert of(10_000, pay(9_995, 10)) == Outcome(10, 10, None)
    assert of(10_000, pay(9_994, 10)) == Outcome(None, None, None)
    assert of(100, pay(99, 10)) == Outcome(10, 10, None)
    assert of(100, pay(98, 10)) == Outcome(None, None, None)


def test_an_invoice_that_was_written_off_or_credited_is_left_out() -> None:
    for kind in ("write-off", "credit-note"):
        assert of(10_000, pay(10_000, 50, kind=kind)).left_out
        assert of(10_000, pay(8_900, 10), pay(1_100, 50, kind=kind)).left_out
        assert not of(10_000, pay(5_000, 50, kind=kind)).left_out, "half of it can still be paid"


def test_a_small_credit_lowers_what_is_to_be_paid_and_says_nothing_of_the_day() -> None:
    assert of(10_000, pay(9_000, 10), pay(1_000, 50, kind="credit-note")) == Outcome(10, 50, None)
    assert of(10_000, pay(1_000, 5, kind="credit-note"), pay(9_000, 10)) == Outcome(10, 10, None)
    assert of(10_000, pay(10_000, 10), pay(500, 50, kind="credit-note")) == Outcome(10, 10, None)


def believed(amount: int, *settlements: Settled) -> list[Episode]:
    of(amount, *settlements)
    return told([(amount, settlements)])[2][0]


def test_what_was_believed_before_a_reversal_is_an_episode() -> None:
    paid, back = pay(10_000, 10, 12), pay(10_000, 20, 25, kind="reversal")
    assert believed(10_000, paid) == []
    assert believed(10_000, paid, back) == [Episode(10, 12, 25)]
    assert believed(10_000, paid, back, pay(10_000, 40)) == [Episode(10, 12, 25)]
    assert of(10_000, paid, back, pay(10_000, 20, 45)) == Outcome(10, 45, None), "known anew"


def test_what_is_left_out_was_open_until_that_was_known_and_may_have_been_settled() -> None:
    assert believed(10_000, pay(10_000, 50, 55, kind="write-off")) == [Episode(None, 55, None)]
    refunded = believed(10_000, pay(10_000, 10), pay(2_000, 30, kind="credit-note"))
    assert refunded == [Episode(10, 10, 30), Episode(None, 30, None)]


@pytest.mark.parametrize(("as_of", "settled"), [(9, None), (39, None), (40, None), (49, None), (50, 40), (60, 40)])
def test_taken_back_to_a_date_only_what_was_recorded_by_then_counts(as_of: int, settled: int | None) -> None:
    found = of(10_000, pay(6_000, 10, 12), pay(4_000, 40, 50), as_of=as_of)
    assert found.settled == settled


_SETTLED = st.builds(
    Settled,
    st.sampled_from(["payment", "payment", "payment", "discount", "reversal", "credit-note", "write-off"]),
    st.one_of(st.integers(-300, 1200), st.sampled_from([5, 50, 95, 100, 100, 500, 895, 900, 950, 995, 1000])),
    st.integers(0, 8),
    st.integers(0, 12),
)
_CASES = st.lists(
    st.tuples(st.sampled_from([1, 7, 99, 499, 500, 501, 1000, 1000]), st.lists(_SETTLED, max_size=7)),
    min_size=40,
    max_size=80,
)


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(_CASES, st.one_of(st.none(), st.integers(0, 13)))
def test_any_payments_discounts_reversals_and_credits_give_what_the_slow_reference_says(
    cases: list[Case], as_of: int | None
) -> None:
    expected = [outcome(amount, each, as_of) for amount, each in cases]
    found, left_out, past = told(cases, as_of)
    differ = [
        (case, one, other)
        for case, one, other in zip(cases, found, map(_as_told, expected), strict=True)
        if one != other
    ]
    assert not differ[:1]
    assert left_out == _counted(expected)
    assert past == [episodes(amount, each, as_of) for amount, each in cases]
