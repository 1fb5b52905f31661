"""The history of customers by hand in polars: one number for customer and day, sorted, summed up, merged as of."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from measured import COLUMNS, measured

SPAN = 2**23
WANTED = [
    "legal_entity", "invoice", "customer", "invoice_date", "due_date", "settled_date", "known_date", "amount",
    "accounting_amount", "disputed",
]  # fmt: skip


def read(folder: Path) -> pl.DataFrame:
    """The columns that are needed, with a number for each customer."""
    raw = pl.read_parquet(folder / "invoices/*.parquet", columns=WANTED)
    dates = [pl.col(name).to_physical().cast(pl.Int64) for name in WANTED if name.endswith("_date")]
    money = pl.coalesce("accounting_amount", "amount").cast(pl.Float64)
    who = pl.concat_str("legal_entity", pl.lit("\t"), "customer").cast(pl.Categorical).to_physical().cast(pl.Int64)
    units = (money * 10_000).round().cast(pl.Int64)
    return raw.select("legal_entity", "invoice", *dates, "disputed", who=who, units=units).with_row_index("row")


def compute(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows, and every column of them by `row`."""
    asked = (
        rows.lazy().select("row", "who", "invoice_date", at=pl.col("who") * SPAN + pl.col("invoice_date")).sort("at")
    )
    asked = asked.with_columns(tenure_days=pl.col("invoice_date") - pl.col("invoice_date").min().over("who"))
    settled = _settled(rows)
    found = (
        asked.with_columns(before=pl.col("at") - 1)
        .join_asof(_sums(settled), left_on="before", right_on="at", suffix="_s")
        .join_asof(_overdue(rows), on="at", suffix="_o")
        .join(_portfolio(settled, rows), on="invoice_date")
    )
    return rows, _features(found).collect()


def _settled(rows: pl.DataFrame) -> pl.LazyFrame:
    late = (pl.col("settled_date") - pl.col("due_date")).clip(-365, 365)
    return (
        rows.lazy()
        .filter(pl.col("known_date").is_not_null())
        .select(
            "who",
            day="known_date",
            late=late,
            is_late=(late > 0).cast(pl.Int64),
            very=(late >= 30).cast(pl.Int64),
            told=pl.col("disputed").is_not_null().cast(pl.Int64),
            disputed=pl.col("disputed").fill_null(False).cast(pl.Int64),
        )
    )


def _sums(settled: pl.LazyFrame) -> pl.LazyFrame:
    base = pl.col("day").min()
    weight = pl.lit(2.0).pow((pl.col("day") - base) / 90.0)
    names = ("late", "is_late", "very", "told", "disputed")
    return (
        settled.with_columns(order=(pl.col("who") * SPAN + pl.col("day")) * 1024 + pl.col("late") + 365)
        .sort("order")
        .with_columns(at=pl.col("order") // 1024, weight=weight, base=base)
        .with_columns(begins=pl.col("who").ne_missing(pl.col("who").shift()))
        .select(
            "at",
            "base",
            group="who",
            last="late",
            n=_within(pl.int_range(1, pl.len() + 1), 1),
            recent_n=pl.col("weight").cum_sum().over("who"),
            recent=(pl.col("weight") * pl.col("late")).cum_sum().over("who"),
            **{f"sum_{name}": _within(pl.col(name).cum_sum(), pl.col(name)) for name in names},
        )
    )


def _within(sums: pl.Expr, own: pl.Expr | int) -> pl.Expr:
    """Sums over everything as sums within a customer: whole numbers, so that the difference is exact."""
    return sums - pl.when("begins").then(sums - own).forward_fill()


def _overdue(rows: pl.DataFrame) -> pl.LazyFrame:
    begins = pl.max_horizontal("due_date", "invoice_date") + 1
    ends = pl.col("known_date").fill_null(SPAN - 2) + 1
    some = rows.lazy().with_columns(begins=begins, ends=ends).filter(pl.col("begins") < pl.col("ends"))
    parts = [
        some.select("who", day=day, count=pl.lit(sign, pl.Int64), amount=pl.col("units") * sign,
                    due=pl.col("due_date") * sign)
        for day, sign in (("begins", 1), ("ends", -1))
    ]  # fmt: skip
    changes = pl.concat(parts).with_columns(at=pl.col("who") * SPAN + pl.col("day")).sort("at")
    changes = changes.with_columns(begins=pl.col("who").ne_missing(pl.col("who").shift()))
    sums = {name: _within(pl.col(name).cum_sum(), pl.col(name)) for name in ("count", "amount", "due")}
    return changes.select("at", group_o="who", **sums)


def _portfolio(settled: pl.LazyFrame, rows: pl.DataFrame) -> pl.LazyFrame:
    sums = {name: pl.col(name).sum() for name in ("late", "is_late", "very", "told", "disputed")}
    days = settled.group_by("day").agg(size=pl.len().cast(pl.Int64), **sums).sort("day")
    days = days.select(pl.col("day") + 1, *(pl.col(name).cum_sum() for name in ("size", *sums)))
    asked = rows.lazy().select("invoice_date").unique().sort("invoice_date")
    known = asked.join_asof(days, left_on="invoice_date", right_on="day").with_columns(pl.all().fill_null(0))
    size = pl.col("size") + 10
    return known.select(
        "invoice_date",
        p_days=pl.col("late") / size,
        p_late=(pl.col("is_late") + 2.5) / size,
        p_very=(pl.col("very") + 0.5) / size,
        p_disputed=(pl.col("disputed") + 1.0) / (pl.col("told") + 10),
    )


def _features(found: pl.LazyFrame) -> pl.LazyFrame:
    own, open_ = pl.col("group") == pl.col("who"), pl.col("group_o") == pl.col("who")

    def mine(name: str) -> pl.Expr:
        return pl.when(own).then(pl.col(name)).otherwise(0)

    def due(name: str) -> pl.Expr:
        return pl.when(open_).then(pl.col(name)).otherwise(0)

    n, count = mine("n"), due("count")
    fade = pl.lit(2.0).pow(-(pl.col("invoice_date") - pl.col("base")) / 90.0)
    return found.select(
        "row",
        "tenure_days",
        history_settled=n,
        history_days_late=(mine("sum_late") + 3 * pl.col("p_days")) / (n + 3),
        history_days_late_recent=pl.when(own)
        .then((pl.col("recent") * fade + 3 * pl.col("p_days")) / (pl.col("recent_n") * fade + 3))
        .otherwise(pl.col("p_days")),
        history_last_days_late=pl.when(own).then(pl.col("last")).otherwise(pl.col("p_days")),
        history_late_share=(mine("sum_is_late") + 3 * pl.col("p_late")) / (n + 3),
        history_very_late_share=(mine("sum_very") + 3 * pl.col("p_very")) / (n + 3),
        history_known_late_share=(mine("sum_is_late") + count + 3 * pl.col("p_late")) / (n + count + 3),
        history_disputed_share=(mine("sum_disputed") + 3 * pl.col("p_disputed")) / (mine("sum_told") + 3),
        overdue_count=count,
        overdue_amount_log=(pl.max_horizontal(due("amount"), 0) / 10_000).log1p(),
        overdue_age_days=(pl.col("invoice_date") * count - due("due")) / pl.max_horizontal(count, 1),
    )


def columns(found: tuple[pl.DataFrame, pl.DataFrame]) -> list[pl.Series]:
    """By key."""
    rows, features = found
    ordered = rows.select("row", "legal_entity", "invoice").join(features, on="row").sort("legal_entity", "invoice")
    return [ordered[name] for name in COLUMNS]


measured(read, compute, columns)
