"""The history of customers by hand in pandas: one number for customer and day, sorted, summed up, merged as of."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from measured import COLUMNS, measured

SPAN = 2**23
NEVER = SPAN - 3
READ = """
SELECT dense_rank() OVER (ORDER BY legal_entity, customer)::BIGINT AS who,
    (invoice_date - DATE '1970-01-01')::BIGINT AS invoiced, (due_date - DATE '1970-01-01')::BIGINT AS due,
    coalesce(settled_date - DATE '1970-01-01', $2)::BIGINT AS paid,
    coalesce(known_date - DATE '1970-01-01', $2)::BIGINT AS known,
    (coalesce(accounting_amount, amount) * 10000)::BIGINT AS units,
    (disputed IS NOT NULL)::BIGINT AS told, coalesce(disputed, false)::BIGINT AS disputed
FROM read_parquet($1) ORDER BY legal_entity, invoice
"""
SUMS = ["late", "is_late", "very", "told", "disputed"]


def read(folder: Path) -> pd.DataFrame:
    """The columns that are needed, with a number for each customer, in the order of the key. pandas reads Parquet
    with pyarrow, which this project does not have: DuckDB reads for it."""

    with duckdb.connect() as connection:
        return connection.execute(READ, [str(folder / "invoices/*.parquet"), NEVER]).df()


def compute(rows: pd.DataFrame) -> pd.DataFrame:
    """Every column."""
    asked = pd.DataFrame(
        {"who": rows["who"], "invoiced": rows["invoiced"], "at": rows["who"] * SPAN + rows["invoiced"]}
    )
    asked = asked.sort_values("at")
    settled = _settled(rows)
    found = pd.merge_asof(asked, _sums(settled), on="at", allow_exact_matches=False)
    mine = (found["group"] == found["who"]).to_numpy()
    found = {name: np.where(mine, found[name], 0) for name in found if name not in ("who", "at", "group", "invoiced")}
    open_ = pd.merge_asof(asked, _overdue(rows), on="at")
    theirs = (open_["group"] == open_["who"]).to_numpy()
    for name in ("count", "amount", "due"):
        found[f"open_{name}"] = np.where(theirs, open_[name], 0)
    found["tenure"] = asked["invoiced"] - asked.groupby("who", sort=False)["invoiced"].transform("min")
    found["mine"] = mine
    of_all = _portfolio(settled).reindex(np.arange(asked["invoiced"].min(), asked["invoiced"].max() + 1))
    of_all = of_all.to_numpy()[asked["invoiced"] - asked["invoiced"].min()]
    out = _features(
        found, asked["invoiced"].to_numpy(), dict(zip(("days", "late", "very", "disputed"), of_all.T, strict=True))
    )
    return pd.DataFrame(out, index=asked.index).sort_index()


def _settled(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows["known"] < NEVER]
    late = (rows["paid"] - rows["due"]).clip(-365, 365)
    order = np.argsort((rows["who"] * SPAN + rows["known"]) * 1024 + late + 365)
    more = {"late": late, "is_late": (late > 0).astype("int64"), "very": (late >= 30).astype("int64")}
    return rows[["who", "known", "told", "disputed"]].assign(**more).iloc[order]


def _sums(settled: pd.DataFrame) -> pd.DataFrame:
    weight = np.exp2((settled["known"] - settled["known"].min()) / 90.0)
    whole = settled[["who", *SUMS]].assign(n=1, recent_n=weight, recent=weight * settled["late"])
    sums = whole.groupby("who", sort=False).cumsum()
    base = settled["known"].min()
    return sums.assign(
        last=settled["late"], at=settled["who"] * SPAN + settled["known"], group=settled["who"], base=base
    )


def _overdue(rows: pd.DataFrame) -> pd.DataFrame:
    begins, ends = np.maximum(rows["due"], rows["invoiced"]) + 1, rows["known"] + 1
    some = begins < ends
    who, units, due = (rows[name][some].to_numpy() for name in ("who", "units", "due"))
    one = np.ones(len(who), dtype=np.int64)
    parts = [(begins[some], 1), (ends[some], -1)]
    changes = pd.DataFrame(
        {
            "at": np.concatenate([who * SPAN + day for day, _ in parts]),
            "group": np.concatenate([who, who]),
            **{
                name: np.concatenate([values * sign for _, sign in parts])
                for name, values in (("count", one), ("amount", units), ("due", due))
            },
        }
    ).sort_values("at")
    sums = changes.drop(columns="at").groupby("group", sort=False).cumsum()
    return sums.assign(at=changes["at"], group=changes["group"])


def _portfolio(settled: pd.DataFrame) -> pd.DataFrame:
    days = settled.assign(n=1).groupby("known")[["n", *SUMS]].sum()
    days = (
        days.reindex(np.arange(days.index.min() - 4000, days.index.max() + 4000), fill_value=0)
        .cumsum()
        .shift(fill_value=0)
    )
    size = days["n"] + 10
    return pd.DataFrame(
        {
            "days": days["late"] / size,
            "late": (days["is_late"] + 2.5) / size,
            "very": (days["very"] + 0.5) / size,
            "disputed": (days["disputed"] + 1.0) / (days["told"] + 10),
        }
    )


def _features(found: dict[str, np.ndarray], day: np.ndarray, of_all: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    n, count = found["n"], found["open_count"]
    fade = np.exp2(-(day - found["base"]) / 90.0)
    recent_n, recent = found["recent_n"] * fade, found["recent"] * fade
    values = (
        n,
        (found["late"] + 3 * of_all["days"]) / (n + 3),
        (recent + 3 * of_all["days"]) / (recent_n + 3),
        np.where(found["mine"], found["last"], of_all["days"]),
        (found["is_late"] + 3 * of_all["late"]) / (n + 3),
        (found["very"] + 3 * of_all["very"]) / (n + 3),
        (found["is_late"] + count + 3 * of_all["late"]) / (n + count + 3),
        (found["disputed"] + 3 * of_all["disputed"]) / (found["told"] + 3),
        count,
        np.log1p(np.maximum(found["open_amount"], 0) / 10_000),
        (day * count - found["open_due"]) / np.maximum(count, 1),
        found["tenure"].to_numpy(),
    )
    return dict(zip(COLUMNS, values, strict=True))


def columns(found: pd.DataFrame) -> list[pd.Series]:
    """By key."""
    return [found[name] for name in COLUMNS]


measured(read, compute, columns)
