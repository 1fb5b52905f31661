"""The feature table: one function for training, judging and prediction, so that they cannot differ.

Every value is known at the row's as-of date; nothing is ever NaN; numbers are cast to float32 once, here, and
everything after (fit, figures, parity, scoring) sees the same float32 table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import FeatureSelection
from reconciler.domain.task import FeatureSpec
from reconciler.tasks.customer_payment.history import history, unusual_terms
from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days, Outcomes
from reconciler.tasks.customer_payment.portfolio import portfolio
from reconciler.tasks.customer_payment.settlements import Rows
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables

Column = npt.NDArray[np.float32] | npt.NDArray[np.object_]


@dataclass(frozen=True)
class FeatureTable:
    """Feature name → values, one a row: float32 for numbers, str for texts, in the order of the catalogue."""

    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def take(self, rows: npt.NDArray[np.bool_] | Days) -> FeatureTable:
        """Some of the rows."""
        return FeatureTable({name: values[rows] for name, values in self.columns.items()})

    def frame(self) -> pd.DataFrame:
        """As scikit-learn reads it; texts stay Python strings."""
        return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in self.columns.items()})


def select(selection: FeatureSelection, known: frozenset[str], *, there: frozenset[str]) -> tuple[str, ...]:
    """The features that a recipe asks for, in the order of the catalogue.

    Deny by default: of a group, only what is known at the invoice date in this data (`known`), and of other invoices
    what the data has at all (`there`); a single feature that is not is refused by name. Raises AuthorMustFix for
    that, for unknown names, and where nothing is left.
    """
    unknown = [n for n in (*selection.include, *selection.exclude) if n not in SPEC.features and n not in SPEC.groups]
    if unknown:
        raise AuthorMustFix(
            f"{SPEC.name} has no feature or group {', '.join(unknown)}",
            next_step=f"groups are {', '.join(SPEC.groups)}",
        )
    chosen = []
    for name, feature in SPEC.features.items():
        if name in selection.exclude or feature.group in selection.exclude:
            continue
        missing = [need for need in feature.needs if not _is_known(need, known)]
        if name in selection.include:
            _require_there(feature, there)
        if name in selection.include and missing:
            raise AuthorMustFix(
                f"feature {name} needs {', '.join(missing)}, not known at the invoice date in this data",
                next_step=f"declare knownAt: invoice-date where {missing[0]} is mapped, if it is, or leave {name} out",
            )
        grouped = feature.group in selection.include and not feature.by_name and there.issuperset(feature.only_with)
        if (name in selection.include or grouped) and not missing:
            chosen.append(name)
    if not chosen:
        raise AuthorMustFix(
            "no feature is left: everything included is excluded, or not known at the invoice date",
            next_step="include another group, such as customer-history",
        )
    return tuple(chosen)


def _require_there(feature: FeatureSpec, there: frozenset[str]) -> None:
    for name in feature.only_with:
        if name not in there:
            raise AuthorMustFix(
                f"feature {feature.name} reads {name} of settled invoices, which this data does not have",
                next_step=f"map {name} in the environment's data.invoices.mapping, or leave {feature.name} out",
            )


def _is_known(need: str, known: frozenset[str]) -> bool:
    return need in known or f"customers.{need}" in known


def feature_table(tables: Tables, *, rows: Days, as_of: Days, names: Sequence[str], outcomes: Outcomes) -> FeatureTable:
    """The named features of the invoices at positions `rows`, each as known at its own `as_of` day."""
    asked = Rows(np.asarray(rows, dtype=np.int64), np.asarray(as_of, dtype=np.int64))
    past = _past(tables, asked, names, outcomes)
    columns: dict[str, Column] = {}
    for name in names:
        if name == "account_age_days":
            columns[name] = _float32(_account_age(tables, asked, past["tenure_days"]))
        elif name in _OWN:
            columns[name] = _OWN[name](tables, asked.positions)
        else:
            columns[name] = _float32(past[name])
    return FeatureTable(columns)


def _past(tables: Tables, rows: Rows, names: Sequence[str], outcomes: Outcomes) -> dict[str, npt.NDArray[np.float64]]:
    """What needs other invoices or the as-of date, of the groups that are asked for."""
    groups = {SPEC.features[name].group for name in names}
    past: dict[str, npt.NDArray[np.float64]] = {}
    if "customer-history" in groups or "account_age_days" in names:
        past |= history(tables, rows, outcomes)
    if "portfolio" in groups:
        past |= portfolio(tables, rows, outcomes)
    if "terms_unusual_days" in names:
        past["terms_unusual_days"] = unusual_terms(tables, rows)
    if "days_to_due" in names:
        past["days_to_due"] = (tables.days("due_date")[rows.positions] - rows.as_of).astype(np.float64)
    return past


def _float32(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        out = values.astype(np.float32)
    return out if bool(np.isfinite(out).all()) else np.nan_to_num(out)  # infinite: the largest there is


def _amount(tables: Tables, rows: Days) -> npt.NDArray[np.float64]:
    return np.asarray(np.nan_to_num(tables.invoices["amount"].to_numpy(dtype=np.float64)[rows]), dtype=np.float64)


def _amount_log(tables: Tables, rows: Days) -> Column:
    amount = _amount(tables, rows)
    return _float32(np.sign(amount) * np.log1p(np.abs(amount)))


def _terms(tables: Tables, rows: Days) -> Column:
    return _float32((tables.days("due_date") - tables.days("invoice_date"))[rows].astype(np.float64))


def _weekday(tables: Tables, rows: Days) -> Column:
    return _float32(((tables.days("due_date")[rows] + 3) % 7).astype(np.float64))  # 1970-01-01 was a Thursday


def _day_of_month(tables: Tables, rows: Days) -> Column:
    day = tables.days("due_date")[rows].astype("datetime64[D]")
    return _float32((day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.float64) + 1.0)


def _account_age(tables: Tables, rows: Rows, tenure: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    opened = tables.days("customer_since")[rows.positions]
    return np.asarray(np.where(opened < NO_DAY, np.maximum(rows.as_of - opened, 0), tenure), dtype=np.float64)


def _text(*names: str) -> Callable[[Tables, Days], Column]:
    """The first of these fields that is known at the invoice date and filled; empty where none is."""

    def read(tables: Tables, rows: Days) -> Column:
        out = np.full(len(rows), "", dtype=np.object_)
        for name in reversed(names):
            if name in tables.known and name in tables.invoices:
                values = tables.texts(name, rows)
                filled = np.asarray(values != "", dtype=np.bool_)
                out[filled] = values[filled]
        return out

    return read


_OWN: dict[str, Callable[[Tables, Days], Column]] = {
    "amount": lambda tables, rows: _float32(_amount(tables, rows)),
    "amount_log": _amount_log,
    "terms_days": _terms,
    "currency": _text("currency"),
    "delivery": _text("delivery"),
    "country": _text("country", "customers.country"),
    "due_weekday": _weekday,
    "due_day": _day_of_month,
    "customer_group": _text("customer_group"),
}
