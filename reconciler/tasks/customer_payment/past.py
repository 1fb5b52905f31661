"""What was once believed of invoices and no longer is, so that history at a day is what was known on that day.

A payment that was taken back had settled its invoice until then; an invoice that was credited or written off was open
until then, and is no row to learn from. The copy has both as *episodes*. Arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days

Flags = npt.NDArray[np.bool_]

_KEY = ["legal_entity", "invoice", "instalment"]
_DATES = ("settled_date", "known_date", "until_date")


@dataclass(frozen=True)
class Past:
    """`invoices`: those that are left out, one row each, with the columns of the others; `customer`: their numbers,
    as the others have them. The rest is one value an episode: `positions` of its invoice, among the kept ones, or
    behind them among those left out; `settled`: the day on which it was believed to be paid, `NO_DAY` where it was
    left out; `known`: since when; `until`: the day on which something else was known, `NO_DAY` where nothing was."""

    invoices: pd.DataFrame
    customer: Days
    positions: Days
    settled: Days
    known: Days
    until: Days

    def take(self, chosen: Flags, positions: Days) -> Past:
        """Some of the episodes, whose invoices lie at other positions."""
        return Past(
            self.invoices,
            self.customer,
            positions[self.positions[chosen]],
            self.settled[chosen],
            self.known[chosen],
            self.until[chosen],
        )

    def last_opened(self, count: int) -> Days:
        """For each of `count` invoices the last day on which it was opened again, far back where it never was."""
        out = np.full(count, -NO_DAY, dtype=np.int64)
        np.maximum.at(out, self.positions, self.until)
        return out

    def opened(self) -> Days:
        """For each episode the day on which its invoice had been opened again before it, far back where it was not."""
        order = np.lexsort((self.known, self.positions))
        out = np.full(len(order), -NO_DAY, dtype=np.int64)
        same = self.positions[order][1:] == self.positions[order][:-1]
        out[order[1:]] = np.where(same, self.until[order][:-1], -NO_DAY)
        return out

    def at(self, positions: Days, as_of: Days) -> tuple[Days, Days]:
        """Where an invoice was in an episode that was known strictly before as-of and had not ended strictly before
        it: which of `positions` that is so of, and the episodes."""
        order = np.lexsort((self.known, self.positions))
        keys = _key(self.positions[order], self.known[order])
        found = np.searchsorted(keys, _key(positions, as_of)) - 1
        some = np.flatnonzero(found >= 0)
        episode = order[found[some]]
        rows = some[(self.positions[episode] == positions[some]) & (self.until[episode] >= as_of[some])]
        return rows, order[found[rows]]


def _key(positions: Days, day: Days) -> Days:
    """One number that sorts by position, then by day."""
    return positions * 2**32 + np.clip(day, -NO_DAY, NO_DAY) + NO_DAY


def find_past(invoices: pd.DataFrame, episodes: pd.DataFrame) -> Past:
    """The episodes beside the invoices that are kept, which are in the order of their key. The customers' numbers are
    left to the caller: they are 0."""
    key = [name for name in _KEY if name in episodes]
    numbers = invoices.loc[invoices["invoice"].isin(episodes["invoice"]), key]
    numbers = numbers.assign(_position=numbers.index)
    kept = episodes[key].merge(numbers, how="left", on=key)["_position"].to_numpy(dtype=np.float64)
    out = np.isnan(kept)
    left_out = episodes.loc[out].drop_duplicates(key, ignore_index=True)
    theirs = episodes.loc[out, key].merge(left_out[key].assign(_position=left_out.index), how="left", on=key)
    positions = np.nan_to_num(kept).astype(np.int64)
    positions[out] = theirs["_position"].to_numpy() + len(invoices)
    settled, known, until = (episodes[name].to_numpy(dtype=np.int64) for name in _DATES)
    nothing = left_out.assign(settled_date=NO_DAY, known_date=NO_DAY)
    return Past(nothing, np.zeros(len(nothing), dtype=np.int64), positions, settled, known, until)
