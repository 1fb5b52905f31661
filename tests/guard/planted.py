"""Ledgers with a leak in them, and feature code that looks ahead: what the guard has to find by name."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.domain.guard import Guard
from reconciler.domain.written import Condition as Condition
from reconciler.tasks.customer_payment.example import END, VERY_LATE, generate
from reconciler.tasks.customer_payment.features import FeatureTable
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.tasks.customer_payment.tables import Tables, tables_from, to_day
from reconciler.tasks.customer_payment.tables import load as load
from reconciler.training.guard.guard import Beside, Guarded, guard, task_builder
from reconciler.training.guard.recomputation import Builder
from reconciler.training.study import Study as Study
from reconciler.training.study import recipe_of, study
from tests.training.made import recipe

#: Every feature of the task that comes with its group: the honest set.
HONEST = ["invoice", "terms", "calendar", "customer", "customer-history", "portfolio"]
_KNOWN = (
    "legal_entity", "invoice", "customer", "invoice_date", "due_date", "amount", "currency", "accounting_amount",
    "delivery", "customers.country", "customer_group", "customer_since",
)  # fmt: skip
Numbers = npt.NDArray[np.float64]


def example(seed: int, *, share: int = 1) -> Tables:
    """The example company's receivables, as `init --example` maps them; of one in `share` customers."""
    with tempfile.TemporaryDirectory() as folder:
        made = generate(Path(folder), seed)
        rows = pd.read_csv(made.invoices, dtype=str, keep_default_na=False).drop_duplicates("InvoiceId")
        people = pd.read_csv(made.customers, dtype=str, keep_default_na=False)
    invoices = pd.DataFrame(
        {
            "legal_entity": rows.LegalEntity,
            "invoice": rows.InvoiceId,
            "customer": rows.InvoiceAccount,
            "invoice_date": _days(rows.InvoiceDate),
            "due_date": _days(rows.DueDate),
            "settled_date": _days(rows.LastSettleDate),
            "amount": rows.AmountCur.astype(float),
            "currency": rows.CurrencyCode,
            "accounting_amount": rows.AmountMST.astype(float),
            "open_amount": rows.RemainAmountCur.astype(float),
            "delivery": rows.DlvMode,
            "disputed": (rows.InDispute == "yes").astype(float),
        }
    )
    good = (invoices.due_date < NO_DAY) & (invoices.due_date >= invoices.invoice_date)
    good &= invoices.customer.isin(people.AccountNum[::share])
    customers = pd.DataFrame(
        {
            "legal_entity": people.LegalEntity,
            "customer": people.AccountNum,
            "country": people.CountryRegionId,
            "customer_group": people.CustGroup,
            "customer_since": _days(people.CustomerSince),
        }
    )
    return tables_from(invoices[good], customers, known=frozenset(_KNOWN), data_date=to_day(END))


def _days(texts: pd.Series) -> pd.Series:
    found = pd.to_datetime(texts, errors="coerce", format="%Y-%m-%d") - pd.Timestamp("1970-01-01")
    return found.dt.days.fillna(NO_DAY).astype(np.int64)


def of(tables: Tables, *, very_late: int = VERY_LATE, **features: object) -> Study:
    """The honest features of a ledger; `features` are more keys of the recipe's block."""
    spec = recipe(outcomes={"veryLateAfterDays": very_late}, features={"include": HONEST, **features})
    return study(tables, recipe_of(spec))


def found(this: Study, limits: Guard | None = None, **beside: object) -> list[tuple[str, str]]:
    """(check, subject) of every finding."""
    return named(guard(this, limits or Guard(), Beside(**beside)))  # type: ignore[arg-type]


def named(guarded: Guarded) -> list[tuple[str, str]]:
    return [(finding.check, finding.subject) for finding in guarded.findings]


# --- fields ----------------------------------------------------------------------------------------------------


def declared(tables: Tables, name: str, values: object | None = None) -> Tables:
    """The ledger with a field, of the rows as they are, that is said to be known at the invoice date."""
    invoices = tables.invoices if values is None else tables.invoices.assign(**{name: values})
    return replace(tables, invoices=invoices, known=tables.known | {name})


def days_late(tables: Tables) -> Numbers:
    """Days late, missing while open."""
    settled, due = tables.days("settled_date"), tables.days("due_date")
    return np.where(settled < NO_DAY, (settled - due).astype(np.float64), np.nan)


def outcome(tables: Tables) -> Days:
    """0 on time, 1 late, 2 very late; open invoices are very late once they are overdue by as much."""
    late = np.nan_to_num(days_late(tables), nan=1e4)
    return np.asarray((late > 0).astype(np.int64) + (late >= VERY_LATE))


def of_customers(tables: Tables, values: npt.ArrayLike, *, leaving_out: bool = False) -> Numbers:
    """The mean of a value over all settled invoices of each row's customer; `leaving_out`: but the row itself."""
    settled = tables.days("settled_date") < NO_DAY
    value = np.where(settled, np.asarray(values, dtype=np.float64), 0.0)
    total, count = np.bincount(tables.customer, value), np.bincount(tables.customer, settled)
    own = (value, settled) if leaving_out else (0.0, 0)
    return np.asarray((total[tables.customer] - own[0]) / np.maximum(count[tables.customer] - own[1], 1))


def habits(seed: int, *, customers: int = 40, each: int = 20) -> tuple[Tables, Numbers]:
    """A company whose customers have a habit that nobody's outcomes were needed to know, and that habit by row."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(customers), each)
    habit = random.normal(4, 10, customers)[who]
    made = 18_000 + random.integers(0, 700, len(who))
    invoices = pd.DataFrame(
        {
            "legal_entity": "main",
            "invoice": [f"I{number}" for number in range(len(who))],
            "customer": [f"C{number:03d}" for number in who],
            "invoice_date": made,
            "due_date": made + 30,
            "settled_date": np.maximum(made + 1, made + 30 + np.rint(habit + random.standard_t(4, len(who)) * 9)),
            "amount": random.lognormal(6, 1, len(who)).round(2),
        }
    ).astype({"settled_date": np.int64})
    invoices["habit"] = habit
    tables = tables_from(invoices, pd.DataFrame(), known=frozenset(_KNOWN), data_date=19_000)
    return replace(tables, invoices=tables.invoices.drop(columns="habit")), tables.invoices["habit"].to_numpy()


# --- feature code that looks ahead -----------------------------------------------------------------------------


def with_feature(this: Study, name: str, looks: Builder) -> tuple[Study, Builder]:
    """The study with one more feature, and the code that makes it as it makes the honest ones."""
    honest = task_builder(this)

    def build(tables: Tables, rows: Days, as_of: Days) -> FeatureTable:
        return FeatureTable({**honest(tables, rows, as_of).columns, **looks(tables, rows, as_of).columns})

    assert name in looks(this.tables, this.rows[:1], this.invoiced[:1]).columns
    return replace(this, table=build(this.tables, this.rows, this.invoiced)), build


def _feature(name: str, values: npt.ArrayLike) -> FeatureTable:
    return FeatureTable({name: np.asarray(values).astype(np.float32)})


def settled_date(tables: Tables, rows: Days, as_of: Days) -> FeatureTable:
    return _feature("settled_date", tables.days("settled_date")[rows] - as_of)


def own_days_late(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    return _feature("days_late", np.nan_to_num(days_late(tables)[rows]))


def own_dispute(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    return _feature("own_dispute", np.nan_to_num(tables.invoices["disputed"].to_numpy()[rows]))


def customer_mean(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    """The customer's mean days late over the whole of the data."""
    total, count = _of_customer(tables)
    return _feature("customer_mean", (total / np.maximum(count, 1))[tables.customer[rows]])


def leave_one_out(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    """The same without the row itself."""
    total, count = _of_customer(tables)
    own = np.nan_to_num(days_late(tables)[rows])
    settled = tables.days("settled_date")[rows] < NO_DAY
    who = tables.customer[rows]
    return _feature("leave_one_out", (total[who] - own) / np.maximum(count[who] - settled, 1))


def shift_1(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    """Days late of the customer's invoice before, whether that had been settled by then or not."""
    late = pd.Series(np.nan_to_num(days_late(tables)))
    order = np.lexsort((tables.days("invoice_date"), tables.customer))
    before = late.iloc[order].groupby(tables.customer[order]).shift(1).sort_index()
    return _feature("shift_1", before.fillna(0.0).to_numpy()[rows])


def target_encoded(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    """The customer as the share of its invoices that were late."""
    late = pd.Series((outcome(tables) > 0).astype(np.float64)).where(tables.days("settled_date") < NO_DAY)
    share = late.groupby(tables.customer).transform("mean")
    return _feature("target_encoded", share.fillna(0.0).to_numpy()[rows])


def count_of_all(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    """How many invoices the customer has, those still to come among them."""
    return _feature("count_of_all", np.bincount(tables.customer)[tables.customer[rows]])


def age_of_data(tables: Tables, _: Days, as_of: Days) -> FeatureTable:
    """How long before the end of the data the row is."""
    return _feature("age_of_data", tables.data_date - as_of)


def group_today(tables: Tables, rows: Days, _: Days) -> FeatureTable:
    """The customer's group as its first invoice has it, whether it is declared or not."""
    order = np.lexsort((tables.days("invoice_date"), tables.customer))
    first = order[np.searchsorted(tables.customer[order], tables.customer[rows])]
    return FeatureTable({"group_today": tables.texts("customer_group")[first]})


def _of_customer(tables: Tables) -> tuple[Numbers, Numbers]:
    late = days_late(tables)
    settled = ~np.isnan(late)
    count = int(tables.customer.max()) + 1
    total = np.bincount(tables.customer, weights=np.nan_to_num(late), minlength=count)
    return total, np.bincount(tables.customer, weights=settled, minlength=count)
