"""The files of a small company: manifests and environments of the customer-payment task as text, invoices as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

Texts = dict[str, str | bytes | None]
MODEL = "payment-prediction"
GATES = [{"kind": "least-rows-per-outcome", "rows": 10}, {"kind": "beats-baselines"}, {"kind": "deployed-below"}]


def document(kind: str, name: str, spec: str) -> str:
    """A manifest as text."""
    return f"apiVersion: reconciler/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def version(number: str, *, trees: int = 60, model: str = MODEL) -> Texts:
    """A ModelVersion of the task; `trees` is part of the recipe."""
    return {
        f"manifests/models/{model}/{number}.yaml": f"""\
apiVersion: reconciler/v1alpha1
kind: ModelVersion
metadata: {{name: {model}, version: {number}, owner: credit}}
spec:
  task: customer-payment
  outcomes: {{lateAfterDays: 0, veryLateAfterDays: 30}}
  features: {{include: [invoice, customer-history]}}
  estimator: {{kind: hist-gradient-boosting, parameters: {{max_iter: {trees}, max_leaf_nodes: 4}}, seed: 7}}
"""
    }


def specs(base: str, csv: str, *, three: bool) -> dict[str, dict[str, Any]]:
    """The environments' specs: a sandbox that trains, production that promotes from it, staging between."""

    def machine(name: str) -> dict[str, Any]:
        return {"artifacts": f"{base}/store", "target": {"kind": "folder", "path": f"{base}/targets/{name}"}}

    promotes = {"gates": GATES, "policy": {"evidence": "merge", "requireDigest": True}}
    columns = ("legal_entity", "invoice", "customer", "invoice_date", "due_date", "settled_date", "amount")
    inputs = {"source": {"kind": "csv", "path": csv}, "mapping": {column: column for column in columns}}
    found: dict[str, dict[str, Any]] = {
        "sandbox": {
            **machine("sandbox"),
            "data": {"copyOf": "production", "maxAge": "35d"},
            "snapshots": f"{base}/snapshots",
            "training": {"isolation": "best-effort"},
        },
        "staging": {**machine("staging"), **promotes, "promotesFrom": "sandbox"},
        "production": {
            **machine("production"),
            **promotes,
            "promotesFrom": "staging" if three else "sandbox",
            "data": {"invoices": inputs},
        },
    }
    return found if three else {name: spec for name, spec in found.items() if name != "staging"}


def invoices(until: date, count: int) -> str:
    """Invoices up to a date, one every three days, of four customers; what is not paid by then is open."""
    rows = ((until - timedelta(days=3 * (count - n)), n % 4, (-4, 12, 41)[n % 3], 100 + n) for n in range(count))
    return _csv(until, rows)


def habits(until: date, count: int) -> str:
    """Invoices of twelve customers, one a day, each with a habit that now and then he breaks: enough to learn from."""
    rows = []
    for number in range(count):
        customer = (7 * number + number // 5) % 12
        habit = (customer + (number % 7 == 0)) % 3
        made = until - timedelta(days=count - number)
        rows.append((made, customer, (-4, 12, 41)[habit] + number % 5, 100 + 13 * number % 900))
    return _csv(until, rows)


def _csv(until: date, rows: Iterable[tuple[date, int, int, int]]) -> str:
    """CSV of (invoice date, customer, days from due to settled, amount)."""
    lines = ["legal_entity,invoice,customer,invoice_date,due_date,settled_date,amount\n"]
    for number, (made, customer, days, amount) in enumerate(rows):
        due = made + timedelta(days=30)
        paid = due + timedelta(days=days)
        settled = paid.isoformat() if paid <= until else ""
        lines.append(f"1,F{made:%y%m%d}{number:03},C{customer},{made},{due},{settled},{amount}\n")
    return "".join(lines)
