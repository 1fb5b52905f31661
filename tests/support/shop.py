"""The manifests of a small user's repository of the customer-payment task, sound and in their usual form."""

from __future__ import annotations

SHOP_VERSION = """\
apiVersion: reconciler/v1alpha1
kind: ModelVersion
metadata: {name: payment-prediction, version: 1.0.0, owner: credit}
spec:
  task: customer-payment
  outcomes: {lateAfterDays: 0, veryLateAfterDays: 30}
  data:
    trainingStartDate: 2024-01-01
    filters:
      - {field: amount, op: ge, value: 50}
  features:
    include: [invoice, customer-history]
    exclude: [country]
  estimator: {kind: hist-gradient-boosting, parameters: {max_iter: 60, max_leaf_nodes: 4}, seed: 7}
"""
_SANDBOX = """\
apiVersion: reconciler/v1alpha1
kind: Environment
metadata: {name: sandbox}
spec:
  data: {copyOf: production}
  target: {kind: folder, path: .reconciler/targets/sandbox}
  training: {isolation: best-effort}
"""
_PRODUCTION = """\
apiVersion: reconciler/v1alpha1
kind: Environment
metadata: {name: production}
spec:
  promotesFrom: sandbox
  data:
    invoices:
      source: {kind: csv, path: data/invoices.csv}
      mapping:
        legal_entity: {constant: "1"}
        invoice: Invoice
        customer: Customer
        invoice_date: {column: Date, dateFormat: "%Y-%m-%d"}
        due_date: Due
        settled_date: Settled
        amount: Amount
        country: {column: Country, knownAt: invoice-date}
  target: {kind: folder, path: .reconciler/targets/production}
  gates:
    - {kind: least-rows-per-outcome, rows: 10}
    - {kind: beats-baselines}
    - {kind: deployed-below}
  policy: {evidence: merge, requireDigest: true}
"""
_RELEASE = """\
apiVersion: reconciler/v1alpha1
kind: Release
metadata: {name: NAME}
spec:
  models: {}
"""
SHOP = {
    "manifests/models/payment-prediction/1.0.0.yaml": SHOP_VERSION,
    "manifests/releases/sandbox.yaml": _RELEASE.replace("NAME", "sandbox").replace(
        " {}", "\n    payment-prediction: {version: 1.0.0}"
    ),
    "manifests/releases/production.yaml": _RELEASE.replace("NAME", "production"),
    "environments/sandbox.yaml": _SANDBOX,
    "environments/production.yaml": _PRODUCTION,
}
