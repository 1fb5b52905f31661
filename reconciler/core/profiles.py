"""Two profiles of snapshots against each other: outcomes, missing values, and common values that are new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Differences of shares below this are not told.
LEAST = 0.005
_OUTCOMES = ("on_time", "late", "very_late")


def changes(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, object]:
    """`{outcomes: {NAME: {share, was}}, missing: […], top: […], newest: {…}}`. Shares of outcomes are of the rows whose
    outcome is known; a column is told where its share differs, or where a value is among the commonest now."""
    columns = list(_columns(now, then))
    return {
        "outcomes": _outcomes(now.get("outcomes", {}), then.get("outcomes", {})),
        "missing": [each for each in columns if abs(each["missing"] - each["was"]) >= LEAST],
        "top": [{**_named(each), "values": each["top"]} for each in columns if each["top"]],
        "newest": {"date": now.get("data_date"), "was": then.get("data_date")},
    }


def _outcomes(now: Mapping[str, int], then: Mapping[str, int]) -> dict[str, dict[str, float]]:
    def share(found: Mapping[str, int], name: str) -> float:
        return found.get(name, 0) / max(1, sum(found.get(each, 0) for each in _OUTCOMES))

    return {name: {"share": round(share(now, name), 4), "was": round(share(then, name), 4)} for name in _OUTCOMES}


def _columns(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of each column in both: shares of missing values, and the commonest values that were not among those before."""
    for table, found in now.get("tables", {}).items():
        before = then.get("tables", {}).get(table)
        others = {column["name"]: column for column in before["columns"]} if before else {}
        for column in found["columns"]:
            other = others.get(column["name"])
            if other is None:
                continue
            known = {item["value"] for item in other.get("top", [])}
            fresh = [item for item in column.get("top", []) if item["value"] not in known] if "top" in other else []
            yield {
                "table": table,
                "column": column["name"],
                "missing": round(column["missing"] / max(1, found["rows"]), 4),
                "was": round(other["missing"] / max(1, before["rows"]), 4),
                "top": fresh,
            }


def _named(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"table": each["table"], "column": each["column"]}
