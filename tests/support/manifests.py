"""A small sound repository of manifests, and a small task to check it against."""

from __future__ import annotations

from reconciler.adapters.manifests import Manifests
from reconciler.core.validation import validate
from reconciler.domain.problems import Problem
from reconciler.domain.task import EstimatorSpec, FeatureSpec, FieldSpec, ParameterSpec, TaskSpec
from tests.support.trees import MemoryTrees

DIGEST = "sha256:" + "0123456789abcdef" * 4

VERSION = """\
# yaml-language-server: $schema=../../../docs/schema/ModelVersion.json
apiVersion: reconciler/v1alpha1
kind: ModelVersion
metadata: {name: payment-prediction, version: 1.0.0, owner: credit-and-collections}
spec:
  task: payments
  outcomes: {lateAfterDays: 0, veryLateAfterDays: 30}
  data:
    trainingStartDate: 2024-01-01
    filters:
      - {field: amount, op: ge, value: 50}
  features:
    include: [invoice]
  estimator: {kind: boosting, parameters: {rounds: 60}, seed: 7}
"""
SANDBOX_RELEASE = """\
apiVersion: reconciler/v1alpha1
kind: Release
metadata: {name: sandbox}
spec:
  models:
    payment-prediction: {version: 1.0.0}
"""
PRODUCTION_RELEASE = """\
apiVersion: reconciler/v1alpha1
kind: Release
metadata: {name: production}
spec:
  models: {}
"""
SANDBOX = """\
apiVersion: reconciler/v1alpha1
kind: Environment
metadata: {name: sandbox}
spec:
  data: {copyOf: production}
  target: {kind: folder, path: .reconciler/targets/sandbox}
  training: {isolation: required}
"""
PRODUCTION = """\
apiVersion: reconciler/v1alpha1
kind: Environment
metadata: {name: production}
spec:
  promotesFrom: sandbox
  data:
    invoices:
      source: {kind: csv, path: data/invoices.csv}
      mapping:
        invoice: Number
        amount: {column: Amount, decimal: ","}
        country: {column: Country, knownAt: invoice-date}
        disputed: Disputed
        dated: Date
  target: {kind: folder, path: .reconciler/targets/production}
  gates:
    - {kind: deployed-below}
    - {kind: threshold, figure: log_loss, atMost: 0.6}
  policy: {evidence: merge, requireDigest: true}
"""
V = "manifests/models/payment-prediction/1.0.0.yaml"
R_SANDBOX = "manifests/releases/sandbox.yaml"
R_PRODUCTION = "manifests/releases/production.yaml"
E_SANDBOX = "environments/sandbox.yaml"
E_PRODUCTION = "environments/production.yaml"
SOUND = {
    V: VERSION,
    R_SANDBOX: SANDBOX_RELEASE,
    R_PRODUCTION: PRODUCTION_RELEASE,
    E_SANDBOX: SANDBOX,
    E_PRODUCTION: PRODUCTION,
}

_FIELDS = (
    FieldSpec("invoice", "invoices", "text", "invoice-date", required=True),
    FieldSpec("amount", "invoices", "number", "invoice-date", required=True),
    FieldSpec("lines", "invoices", "whole", "invoice-date"),
    FieldSpec("dated", "invoices", "date", "invoice-date"),
    FieldSpec("country", "invoices", "text", "later"),
    FieldSpec("disputed", "invoices", "flag", "later"),
    FieldSpec("paid", "invoices", "date", "later", answer=True),
)
TASK = TaskSpec(
    name="payments",
    revision=1,
    fields={field.name: field for field in _FIELDS},
    features={
        "amount": FeatureSpec("amount", "invoice", "number", ("amount",), ""),
        "country": FeatureSpec("country", "invoice", "text", ("country",), ""),
        "disputed": FeatureSpec("disputed", "invoice", "number", ("disputed",), ""),
        "history_share": FeatureSpec("history_share", "history", "number", (), ""),
    },
    estimators={
        "boosting": EstimatorSpec(
            "boosting",
            {
                "rounds": ParameterSpec("rounds", "whole", 1, 500),
                "rate": ParameterSpec("rate", "number", 0.0, 1.0),
                "depth": ParameterSpec("depth", "whole", 1, nullable=True),
                "loss": ParameterSpec("loss", "text", choices=("log", "square")),
                "bagging": ParameterSpec("bagging", "flag"),
            },
        )
    },
)
TASKS = {"payments": TASK}


def edited(**changes: str | bytes | None) -> dict[str, str | bytes]:
    """The sound repository with files replaced; None takes one out. Keys are the names of the paths above."""
    names = {
        "v": V,
        "r_sandbox": R_SANDBOX,
        "r_production": R_PRODUCTION,
        "sandbox": E_SANDBOX,
        "production": E_PRODUCTION,
    }
    files: dict[str, str | bytes] = dict(SOUND)
    for name, text in changes.items():
        path = names.get(name, name)
        if text is None:
            del files[path]
        else:
            files[path] = text
    return files


def problems_of(files: dict[str, str | bytes], bound: dict[tuple[str, str], str] | None = None) -> list[Problem]:
    """All problems of a repository with places, as `validate` shows them."""
    manifests = Manifests(MemoryTrees(files))
    source = manifests.read(None)
    return sorted(manifests.locate(source, validate(source, TASKS, bound)))


def lines_of(files: dict[str, str | bytes]) -> list[str]:
    return [str(problem) for problem in problems_of(files)]
