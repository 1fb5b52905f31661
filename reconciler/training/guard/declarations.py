"""What is declared known at the invoice date, what is therefore denied, and what speaks against a declaration.

Evidence is of two kinds: a field that open invoices never have although settled ones of the same weeks do, and a value
of an old invoice that an earlier snapshot has otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.domain.guard import Guard, GuardFinding
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.tasks.customer_payment.spec import INVOICE_KEY, SPEC
from reconciler.tasks.customer_payment.tables import Tables
from reconciler.training.guard.fields import ANSWERS, FRAME, known_fields

#: Fewest customers with open invoices, and fewest settled invoices, that say something.
_LEAST_CUSTOMERS, _LEAST_SETTLED = 10, 20
#: How unlikely it has to be that open invoices are all alike by chance.
_CHANCE = 1e-6
#: One value on all open invoices, and on no more than this share of settled ones: it says that they are open.
_RARE = 0.05
#: Rows of the newer snapshot that are looked up in the earlier one.
_MOST_COMPARED = 200_000
#: Columns that a table may have without any being mapped.
_NOT_THE_SOURCES = frozenset({*FRAME, "known_date"})


def denied(tables: Tables) -> dict[str, str]:
    """Field of the snapshot → why it may not enter. Undeclared means later."""
    return {name: _why(name) for name in map(str, tables.invoices) if name not in tables.known | _NOT_THE_SOURCES}


def _why(name: str) -> str:
    if name in ANSWERS:
        return "the outcome, or what follows from it"
    field = SPEC.fields.get(name)
    if field is not None and field.table == "customers":
        return "today's value, and not declared knownAt: invoice-date"
    return "not declared knownAt: invoice-date"


def answers(tables: Tables) -> Iterator[GuardFinding]:
    """A finding for each field that is the outcome and is declared known."""
    for name in sorted(ANSWERS & tables.known & set(map(str, tables.invoices))):
        yield GuardFinding(
            check="declaration",
            subject=name,
            what="is declared known at the invoice date, and it is the outcome or follows from it",
            next_step=f"take knownAt: invoice-date off {name} in the data's mapping, then refresh",
        )


# --- open invoices ---------------------------------------------------------------------------------------------


def on_open_invoices(tables: Tables) -> tuple[str, list[GuardFinding]]:
    """The state of the check, and a finding for each field that is empty or constant on open invoices alone."""
    settled = tables.days("settled_date") < NO_DAY
    still_open = np.flatnonzero(~settled)
    customers = len(np.unique(tables.customer[still_open]))
    if customers < _LEAST_CUSTOMERS:
        return f"{customers} customers with open invoices: not checked", []
    beside = _beside(tables, still_open, np.flatnonzero(settled))
    if len(beside) < _LEAST_SETTLED:
        return f"{len(beside)} settled invoices beside the open ones: not checked", []
    found = [_only_settled(tables, name, still_open, beside) for name in known_fields(tables)]
    return "passed", [finding for finding in found if finding is not None]


def _beside(tables: Tables, still_open: Days, settled: Days) -> Days:
    """Settled invoices of the weeks that the open ones are of, and as many as those at least: what changed over the
    years is no evidence."""
    day = tables.days("invoice_date")
    first = int(np.quantile(day[still_open], 0.05, method="lower"))
    newest = settled[np.argsort(-day[settled], kind="stable")]
    enough = max(_LEAST_SETTLED, len(still_open), int((day[settled] >= first).sum()))
    return newest[:enough]


def _only_settled(tables: Tables, name: str, still_open: Days, settled: Days) -> GuardFinding | None:
    values = _comparable(tables, name)
    first = values[still_open[0]]
    if not bool((values[still_open] == first).all()):
        return None
    alike = int((values[settled] == first).sum())
    share = (alike + 0.5) / (len(settled) + 1)
    customers = len(np.unique(tables.customer[still_open]))
    empty = first == _NOTHING
    if customers * math.log(share) > math.log(_CHANCE) or (not empty and alike > _RARE * len(settled)):
        return None
    filled = len(settled) - alike
    return GuardFinding(
        check="open-invoices",
        subject=name,
        what=f"is {'empty' if empty else 'the same'} on all {len(still_open)} open invoices and "
        f"{'filled' if empty else 'another'} on {filled} of {len(settled)} settled ones of the same time",
        figures={"open": len(still_open), "settled": len(settled), "differ": filled},
        next_step=f"declare {name} knownAt: later in the data's mapping, then refresh; or say under "
        "data.guard.accepted why this is no leak, then reconciler apply --retry",
    )


_NOTHING = ""


def _comparable(tables: Tables, name: str) -> npt.NDArray[np.object_]:
    """The column as texts and numbers, with one value for what is missing."""
    column = tables.invoices[name]
    missing = column.isna().to_numpy() | ((column == NO_DAY).to_numpy() if column.dtype.kind in "iu" else False)
    return np.asarray(column.astype(object).mask(missing, _NOTHING).to_numpy(), dtype=np.object_)


# --- an earlier snapshot ---------------------------------------------------------------------------------------


def against_earlier(tables: Tables, earlier: Tables, limits: Guard) -> tuple[str, list[GuardFinding]]:
    """The state of the check, and a finding for each declared field that old invoices had otherwise before."""
    mine, theirs = _matched(tables, earlier)
    if not len(mine):
        return "no invoice is in both snapshots: not checked", []
    found = []
    for name in known_fields(tables):
        if name in earlier.invoices:
            differ = int((_comparable(tables, name)[mine] != _comparable(earlier, name)[theirs]).sum())
            if differ > limits.changed_share * len(mine):
                found.append(_changed(name, differ, len(mine)))
    return f"passed: {len(mine)} invoices in both", found


def _matched(tables: Tables, earlier: Tables) -> tuple[Days, Days]:
    """Positions of the same invoices in both."""
    chosen = np.arange(len(tables.invoices))
    if len(chosen) > _MOST_COMPARED:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, _MOST_COMPARED, replace=False))
    keys = list(INVOICE_KEY)
    left = tables.invoices[keys].iloc[chosen].assign(_mine=chosen)
    right = earlier.invoices[keys].assign(_theirs=np.arange(len(earlier.invoices)))
    both: pd.DataFrame = left.merge(right.drop_duplicates(keys), on=keys)
    return both["_mine"].to_numpy(dtype=np.int64), both["_theirs"].to_numpy(dtype=np.int64)


def _changed(name: str, differ: int, rows: int) -> GuardFinding:
    return GuardFinding(
        check="earlier-snapshot",
        subject=name,
        what=f"differs on {differ} of {rows} invoices from what an earlier snapshot has of them",
        figures={"invoices": rows, "differ": differ, "share": differ / rows},
        next_step=f"declare {name} knownAt: later in the data's mapping, then refresh; if these are corrections, raise "
        "data.guard.changedShare or say why under data.guard.accepted, then reconciler apply --retry",
    )
