"""The files of a new repository, as texts: manifests, environments, README. Nothing is read or written here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.usecases.schema import schema_text, schemas

MODEL = "payment-prediction"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*([ -][A-Za-z0-9_]+)*")
_WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])


_IGNORED = """# what the machine keeps, and facts about customers, do not belong in git
.reconciler/
/data/
"""


@dataclass(frozen=True)
class Line:
    """One line of a mapping: the field, what is written of it, and the reason, as a comment."""

    field: str
    value: object
    why: str = ""


@dataclass(frozen=True)
class Source:
    """One input: its `source` block, `kind` first, the mapping, and texts for no value."""

    block: Mapping[str, object]
    mapping: Sequence[Line]
    null_values: Sequence[str] = ()
    left_out: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Contents:
    """What differs between new repositories: the inputs, from when on a payment is very late, what the exam asks.
    `as_of`: the day at which the data ends, where that is not today for good."""

    title: str
    inputs: Mapping[str, Source]
    very_late_after: int
    very_late_why: str
    gate_rows: int
    loose_data: bool
    as_of: date | None = None
    features: Sequence[str] = ("invoice", "terms", "customer-history")


def files_of(contents: Contents) -> dict[str, bytes]:
    """Path → bytes of every file of the first commit."""
    texts = {
        f"manifests/models/{MODEL}/1.0.0.yaml": _model(contents),
        "manifests/releases/sandbox.yaml": _release("sandbox", f"  models:\n    {MODEL}: {{version: 1.0.0}}\n"),
        "manifests/releases/production.yaml": _release("production", "  models:\n    {}\n"),
        "environments/sandbox.yaml": _sandbox(),
        "environments/production.yaml": _production(contents),
        ".gitignore": _IGNORED,
        "README.md": _readme(contents),
    }
    texts |= {f"schemas/{kind}.json": schema_text(document) for kind, document in schemas().items()}
    return {path: text.encode() for path, text in texts.items()}


def _head(kind: str, depth: int) -> str:
    up = "../" * depth
    return f"# yaml-language-server: $schema={up}schemas/{kind}.json\napiVersion: reconciler/v1alpha1\nkind: {kind}\n"


def _model(contents: Contents) -> str:
    return f"""{_head("ModelVersion", 3)}metadata:
  name: {MODEL}
  version: 1.0.0
  owner: credit-and-collections
  description: Probabilities that an open invoice is paid on time, late or very late.
spec:
  task: customer-payment
  outcomes:
    lateAfterDays: 0
    veryLateAfterDays: {contents.very_late_after}  # {_comment(contents.very_late_why)}
  data:
    snapshot: latest
  features:
    include: [{", ".join(contents.features)}]
  estimator:
    kind: hist-gradient-boosting
    parameters: {{max_iter: 60, max_leaf_nodes: 4}}
    seed: 7
"""


def _release(environment: str, models: str) -> str:
    return f"{_head('Release', 2)}metadata:\n  name: {environment}\nspec:\n{models}"


def _sandbox() -> str:
    return f"""{_head("Environment", 1)}metadata:
  name: sandbox
spec:
  data:
    copyOf: production
    maxAge: 35d  # an older snapshot may not judge
  snapshots: .reconciler/snapshots
  artifacts: .reconciler/store
  target: {{kind: folder, path: .reconciler/targets/sandbox}}
  training: {{isolation: required}}
"""


def _production(contents: Contents) -> str:
    inputs = "".join(_input(name, source) for name, source in contents.inputs.items())
    return f"""{_head("Environment", 1)}metadata:
  name: production
spec:
  promotesFrom: sandbox
  data:
{inputs}    badRows: {{maxShare: 0.01}}  # a refresh with more bad rows stops
  artifacts: .reconciler/store
  target: {{kind: folder, path: .reconciler/targets/production}}
  exam: {{latestShare: 0.2}}  # a challenger is judged on the newest fifth of the rows whose outcome is known
  gates:
    - {{kind: least-rows-per-outcome, rows: {contents.gate_rows}}}
    - {{kind: beats-baselines}}
    - {{kind: deployed-below}}
  policy:
    evidence: merge  # weak: git alone cannot tell an approved merge from another; stronger: signed
    requireDigest: true
    rollbackWindow: 400d
"""


def _input(name: str, source: Source) -> str:
    lines = [f"    {name}:", f"      source: {_value(source.block)}", "      mapping:"]
    for line in source.mapping:
        why = f"  # {_comment(line.why)}" if line.why else ""
        lines.append(f"        {line.field}: {_value(line.value)}{why}")
    if source.null_values:
        lines.append(f"      nullValues: [{', '.join(json.dumps(v, ensure_ascii=False) for v in source.null_values)}]")
    lines += [f"      # kept from every model: {_comment(column)}: {_comment(why)}" for column, why in source.left_out]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_value(key)}: {_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, bool | int):
        return json.dumps(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _comment(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _readme(contents: Contents) -> str:
    data = "`data/` (not in git) stands in for production's tables." if contents.loose_data else (
        "The data is read where it lies; `git config reconciler.dataAllow` names its folders and hosts."
    )  # fmt: skip
    as_of = f" --as-of {contents.as_of.isoformat()}" if contents.as_of else ""
    predict = f"{f'reconciler predict -e production{as_of} --out open.csv':<51} # every open invoice's probabilities"
    return f"""# {contents.title}

Which model version every environment serves is written in `manifests/releases/`; `environments/` says where and
under which rules. {data}

```
reconciler apply --yes                              # train {MODEL} 1.0.0 in the sandbox, deploy and judge it there
reconciler status                                   # what every environment serves
reconciler promote {MODEL} --to production          # a branch with a one-line change, and the merge to type
git merge --no-ff reconciler/promote/production/{MODEL}
reconciler apply --yes                              # production now serves exactly those bytes
{predict}
```

To change the model, copy `manifests/models/{MODEL}/1.0.0.yaml` to `1.1.0.yaml`, change it, and pin 1.1.0 in
`manifests/releases/sandbox.yaml`; merge, then `reconciler apply --yes`. `reconciler data refresh sandbox` takes a
fresh copy of the data, `reconciler data show` shows it, `reconciler rollback {MODEL} -e production` goes back.
"""
