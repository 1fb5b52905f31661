"""How much data is enough: limits that the environment's owner writes, errors and advice. Pure pydantic."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reconciler.domain.written import Written

Rows = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Least(Written):
    """Least numbers below which training stops. They may be raised; below 50 and 10 nothing is learned."""

    rows: Rows = Field(50, ge=50, description="mature invoices that the recipe asks for")
    each_outcome: Rows = Field(10, ge=10, description="of them, in each outcome")


class Advised(Written):
    """Numbers below which the plan warns."""

    settled: Rows = Field(100, description="settled invoices")
    each_outcome: Rows = Field(30, description="settled invoices in each outcome")
    months: int = Field(6, ge=0, le=1200, description="months from the oldest invoice to the newest")
    rows: Rows = Field(1000, description="invoices")
    missing: float = Field(0.99, ge=0, le=1, description="share of a column's values that may be missing")


class Sufficiency(Written):
    """What training needs at least, and what is advised."""

    least: Least = Least.model_construct()
    advised: Advised = Advised.model_construct()
