"""Which two raw fields tell the outcomes only together: an exclusive or, a difference, a pair of codes.

A greedy tree of depth 2 starts with the field that says most alone, and of an exclusive or neither says anything. So
every pair of ways to read two fields is laid out as a table, its numbers in quantiles and its texts in their most
common values, and each cell is scored by rows of other quarters of time, as `separation` does for one field: of noise
a table says nothing, however fine it is. Two numbers are also looked at by their difference. Rows are those that
`suspects` sampled, so that time is bounded by them and by the number of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from reconciler.domain.guard import TOGETHER, Guard, GuardFinding
from reconciler.tasks.customer_payment.outcomes import Days
from reconciler.training.guard.fields import View
from reconciler.training.guard.separation import Numbers, Question, skill_added, skill_alone

#: Cells on each side of a table: few for what two halves tell, many for codes.
_GRIDS = (6, 32)
_MISSING = -1


@dataclass(frozen=True)
class PairSkill:
    """What two fields say together, by the way to read them that says most, and what that adds to history."""

    fields: tuple[str, str]
    view: str
    alone: float
    added: float


def measure_pairs(ways: dict[str, list[View]], asked: Question, known: Numbers, least: float) -> list[PairSkill]:
    """Of each two fields their best way to be read, where that says more than `least`."""
    coded = {name: [_Coded.of(view) for view in views] for name, views in ways.items()}
    found = []
    for (one, firsts), (other, seconds) in combinations(coded.items(), 2):
        best, skill = None, least
        for view in _together(firsts, seconds):
            if (alone := skill_alone(asked, view)) > skill:
                best, skill = view, alone
        if best is not None:
            found.append(PairSkill((one, other), best.name, skill, skill_added(asked, best, known)))
    return found


def separating_pairs(pairs: Sequence[PairSkill], limits: Guard) -> list[GuardFinding]:
    """A finding for each pair that separates."""
    return [_separates(pair) for pair in pairs if _beyond(pair, limits)]


def _beyond(pair: PairSkill, limits: Guard) -> bool:
    """As for one field; of what they add each of the two has its own room."""
    return pair.alone > limits.field_skill and pair.added > 2 * limits.added_skill


def _separates(pair: PairSkill) -> GuardFinding:
    one, other = pair.fields
    return GuardFinding(
        check="separation",
        subject=subject(one, other),
        what=f"tell the outcomes together (skill {pair.alone:.2f}, read as {pair.view}), and neither does alone",
        figures={"skill": pair.alone, "added_skill": pair.added},
        next_step=f"find out which of {one} and {other} is filled in later, declare it knownAt: later in the data's "
        "mapping, then refresh; or say under data.guard.accepted of both why this is no leak, then "
        "reconciler apply --retry",
    )


def subject(one: str, other: str) -> str:
    """How findings name a pair."""
    return f"{one}{TOGETHER}{other}"


@dataclass(frozen=True)
class _Coded:
    """A way to read a field, with its codes in each grid."""

    view: View
    codes: tuple[Days, ...]

    @classmethod
    def of(cls, view: View) -> _Coded:
        return cls(view, tuple(_codes(view, cells) for cells in _GRIDS))


def _codes(view: View, cells: int) -> Days:
    if view.codes is not None:
        return np.minimum(view.codes, cells - 1)  # by how common they are: the rare ones share the last
    assert view.numbers is not None  # noqa: S101  a view is one of the two
    there = ~np.isnan(view.numbers)
    codes = np.full(len(view.numbers), _MISSING, dtype=np.int64)
    if bool(there.any()):
        edges = np.unique(np.quantile(view.numbers[there], np.arange(1, cells) / cells))
        codes[there] = np.searchsorted(edges, view.numbers[there], side="right")
    return codes


def _together(firsts: Sequence[_Coded], seconds: Sequence[_Coded]) -> Iterator[View]:
    for one, other in product(firsts, seconds):
        name = f"{one.view.name} × {other.view.name}"
        for mine, theirs in zip(one.codes, other.codes, strict=True):
            yield View(name, codes=_dense((mine + 1) * (int(theirs.max()) + 2) + theirs + 1))
        if one.view.numbers is not None and other.view.numbers is not None:
            yield View(f"{one.view.name} − {other.view.name}", numbers=one.view.numbers - other.view.numbers)


def _dense(cells: Days) -> Days:
    return np.asarray(np.unique(cells, return_inverse=True)[1], dtype=np.int64)
