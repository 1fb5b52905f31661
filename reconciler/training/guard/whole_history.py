"""Which declared field of a customer was made of that customer's outcomes, earlier and later ones together.

Evidence that needs one snapshot only. Each customer's mature invoices are cut in the middle of their time. A value that
was there before them, such as a group, a limit or a rating, may explain how late both halves are, and what it leaves
unexplained of the two is unrelated, or alike: a customer that is worse than its group is so in both. A value that was
computed of both halves binds them: of two customers with one value, who is worse in the earlier half has to be better
in the later one. So the unexplained parts of the two halves run against each other, and only so. Asked of every field
that has one value per customer, known of the days late and of each outcome's share; by ranks, so that no single
customer decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reconciler.domain.guard import GuardFinding
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.training.guard.fields import known_fields
from reconciler.training.study import Study

Numbers = npt.NDArray[np.float64]

#: Fewest mature invoices of a customer, and fewest such customers, that say something.
_LEAST_ROWS, _LEAST_CUSTOMERS, _LEAST_FREEDOM = 6, 20, 10
_MOST_CUSTOMERS = 20_000
#: Share of the rows that may have another value than the customer's own: corrections, and what was filled in late.
_ODD = 0.02
#: How strongly the halves have to run against each other: as a rank correlation, and in standard errors.
_AGAINST, _DEVIATIONS = -0.4, 4.5
#: Customers that share a value, in the mean, for it to be read as a category.
_SHARED = 2.0


@dataclass(frozen=True)
class _Halves:
    """Of each customer the mean of one measure in the earlier and in the later half, and how many rows there are."""

    early: Numbers
    late: Numbers
    rows: Numbers


def made_of_outcomes(this: Study) -> tuple[str, list[GuardFinding]]:
    """The state of the check, and a finding for each declared field that runs so."""
    chosen = _with_enough(this)
    who = this.tables.customer[this.rows[chosen]]
    customers, who = np.unique(who, return_inverse=True)
    if len(customers) < _LEAST_CUSTOMERS:
        return f"{len(customers)} customers with {_LEAST_ROWS} settled invoices: not checked", []
    halves = list(_halves(this, chosen, who))
    found = []
    for name in known_fields(this.tables):
        value = _own_value(this, name, this.rows[chosen], who)
        if value is not None and (against := _most_against(value, halves)) is not None:
            found.append(_finding(name, len(customers), against))
    return "passed", found


def _with_enough(this: Study) -> Days:
    """Positions in the study of rows whose customer has enough of them; of a seeded choice of customers."""
    who = this.tables.customer[this.rows]
    count = np.bincount(who, minlength=1)
    there = np.flatnonzero(count >= _LEAST_ROWS)
    if len(there) > _MOST_CUSTOMERS:
        there = np.random.default_rng(0).choice(there, _MOST_CUSTOMERS, replace=False)
    enough = np.zeros(len(count), dtype=np.bool_)
    enough[there] = True
    return np.flatnonzero(enough[who])


def _halves(this: Study, chosen: Days, who: Days) -> Iterator[_Halves]:
    """The halves by days late (mature and open counts as the whole time until the data ends) and by each outcome."""
    order = np.lexsort((this.invoiced[chosen], who))
    count = np.bincount(who)
    place = np.empty(len(who), dtype=np.int64)
    place[order] = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
    later = 2 * place >= count[who]
    for measure in _measures(this, chosen):
        early, late = (
            np.bincount(who, measure * part, minlength=len(count)) / np.bincount(who, part, minlength=len(count))
            for part in (~later, later)
        )
        yield _Halves(early, late, count.astype(np.float64))


def _measures(this: Study, chosen: Days) -> Iterator[Numbers]:
    settled = np.minimum(this.tables.days("settled_date")[this.rows[chosen]], this.tables.data_date)
    yield (settled - this.due[chosen]).astype(np.float64)
    for each in range(1, len(this.outcomes.names)):
        yield (this.truth[chosen] >= each).astype(np.float64)


def _own_value(this: Study, name: str, rows: Days, who: Days) -> Numbers | None:
    """The customer's value of a field; None for one that is the invoice's, or the same of (nearly) all."""
    column = this.tables.invoices[name]
    if column.dtype.kind in "biuf":
        values = np.nan_to_num(column.to_numpy(dtype=np.float64)[rows], nan=NO_DAY)
    else:
        values = _of_texts(this.tables.texts(name, rows).astype(str))
    order = np.lexsort((values, who))
    count = np.bincount(who)
    middle = values[order][np.cumsum(count) - count + count // 2]
    odd = float((values != middle[who]).mean())
    return middle if odd <= _ODD and len(np.unique(middle)) > 1 else None


def _of_texts(texts: npt.NDArray[np.str_]) -> Numbers:
    """Numbers where they are written as such, else a number for each text."""
    names, codes = np.unique(texts, return_inverse=True)
    try:
        return np.nan_to_num(names.astype(np.float64))[codes]
    except ValueError:
        return codes.astype(np.float64)


def _most_against(value: Numbers, halves: list[_Halves]) -> float | None:
    """The rank correlation of what the value leaves unexplained of the two halves, where it is beyond chance."""
    found = []
    for half in halves:
        for explain, freedom in _readings(value):
            if freedom < _LEAST_FREEDOM:
                continue
            weight = np.sqrt(half.rows)
            r = _rank_correlation(explain(half.early, half.rows) * weight, explain(half.late, half.rows) * weight)
            if r < _AGAINST and np.arctanh(max(r, -0.999999)) * np.sqrt(freedom) < -_DEVIATIONS:
                found.append(r)
    return min(found, default=None)


class _AsNumber:
    """What is left of a mean beside straight lines in the value and in its rank, both also by how few rows there are:
    means of few rows are shrunk."""

    def __init__(self, value: Numbers) -> None:
        self.value = np.stack([np.ones_like(value), _scaled(value), _scaled(_ranks(value))], axis=1)

    def __call__(self, mean: Numbers, rows: Numbers) -> Numbers:
        columns = np.hstack([self.value, self.value[:, :2] * (rows.min() / rows)[:, None]])
        weight = np.sqrt(rows)
        fitted = np.linalg.lstsq(columns * weight[:, None], mean * weight, rcond=None)[0]
        return np.asarray(mean - columns @ fitted)


class _AsCategory:
    """What is left of a mean beside that of the customers with the same value."""

    def __init__(self, codes: Days) -> None:
        self.codes = codes

    def __call__(self, mean: Numbers, rows: Numbers) -> Numbers:
        shared = np.bincount(self.codes, mean * rows) / np.bincount(self.codes, rows)
        return np.asarray(mean - shared[self.codes])


def _readings(value: Numbers) -> Iterator[tuple[_AsNumber | _AsCategory, int]]:
    """The ways to explain by a value, with the degrees of freedom that they leave."""
    distinct, codes = np.unique(value, return_inverse=True)
    yield _AsNumber(value), len(value) - 8
    if len(distinct) * _SHARED <= len(value):
        yield _AsCategory(codes), len(value) - len(distinct) - 3


def _scaled(values: Numbers) -> Numbers:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1.0))


def _ranks(values: Numbers) -> Numbers:
    """Ranks from 0; equal values share their mean rank."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    return np.asarray((first + (counts - 1) / 2)[codes])


def _rank_correlation(one: Numbers, other: Numbers) -> float:
    first, second = _scaled(_ranks(one)), _scaled(_ranks(other))
    return float((first * second).mean())


def _finding(name: str, customers: int, against: float) -> GuardFinding:
    return GuardFinding(
        check="whole-history",
        subject=name,
        what=f"was made of outcomes that came later: beside it the earlier and the later half of the invoices of "
        f"{customers} customers run against each other (rank correlation {against:.2f}), as a mean over both has it",
        figures={"customers": customers, "rank_correlation": against},
        next_step=f"declare {name} knownAt: later in the data's mapping, then refresh; or say under "
        "data.guard.accepted why this is no leak, then reconciler apply --retry",
    )
