"""Faults planted in a sound repository, several at a time and in any places: each is told in one round, none besides.

Two faults are planted together only if they are independent: neither rests on what the other one changes.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.domain.gaps import Gaps, Path
from reconciler.domain.problems import dotted
from tests.support.manifests import DIGEST, E_PRODUCTION, E_SANDBOX, R_PRODUCTION, R_SANDBOX, SOUND, V, problems_of

V2 = V.replace("1.0.0", "1.1.0")
Spot = tuple[str, Path]
DROP = object()


def example() -> dict[str, Any]:
    """The sound repository as plain values, with a little of everything that can be written."""
    files: dict[str, Any] = {path: yaml.safe_load(text) for path, text in SOUND.items()}
    files[V]["spec"]["data"] = {
        "trainingStartDate": "2024-01-01",
        "filters": [
            {"field": "amount", "op": "ge", "value": 50},
            {"any": [{"field": "country", "op": "in", "value": ["NO", "SE"]}, {"not": {"field": "lines", "op": "eq"}}]},
            {"all": [{"field": "amount", "op": "not-null"}]},
        ],
    }
    files[V]["spec"]["data"]["filters"][1]["any"][1]["not"]["value"] = 1
    files[V]["spec"]["features"] = {"include": ["invoice", "history"], "exclude": ["country"]}
    files[V2] = copy.deepcopy(files[V])
    files[V2]["metadata"]["version"] = "1.1.0"
    files[R_SANDBOX]["spec"]["models"]["gone"] = {"state": "withdrawn"}
    pin = {"version": "1.1.0", "digest": DIGEST, "hold": {"reason": "r", "by": "b", "until": "2026-01-01"}}
    files[R_PRODUCTION]["spec"]["models"]["payment-prediction"] = pin
    files[E_PRODUCTION]["spec"]["data"]["invoices"]["mapping"]["lines"] = "Lines"
    files[E_PRODUCTION]["spec"]["exam"] = {"filters": [{"field": "amount", "op": "gt", "value": 1}]}
    return files


@dataclass(frozen=True)
class Planted:
    """A value put at a path of a file (DROP takes it out; at the root it is the whole file as text), and what has to
    be told: file, path, sentence. `rests_on`: the further spots that this is concluded from."""

    file: str
    path: Path
    value: Any
    told: tuple[tuple[str, Path, str], ...]
    rests_on: tuple[Spot, ...] = field(default=())

    def plant(self, files: dict[str, Any]) -> None:
        if not self.path:
            files[self.file] = self.value
            return
        node = files[self.file]
        for step in self.path[:-1]:
            node = node[step]
        if self.value is DROP:
            del node[self.path[-1]]
        elif isinstance(node, list) and self.path[-1] == len(node):
            node.append(self.value)
        else:
            node[self.path[-1]] = self.value

    def is_apart(self, other: Planted) -> bool:
        """Whether neither is planted where the other is, or where the other rests on."""
        return not any(
            one_file == file and Gaps(frozenset({one})).touch(path)
            for one_file, one in ((self.file, self.path), *self.rests_on)
            for file, path in ((other.file, other.path), *other.rests_on)
            if (one_file, one) == (self.file, self.path) or (file, path) == (other.file, other.path)
        )


def planted(file: str, path: str, value: Any, summary: str, *rests_on: Spot, at: str | None = None) -> Planted:
    steps = _steps(path)
    told = ((file, _steps(at) if at is not None else steps, summary),)
    return Planted(file, steps, value, told, rests_on)


def _steps(path: str) -> Path:
    parts = path.replace("[", " #").replace("]", "").replace(".", " ").split()
    return tuple(int(part[1:]) if part.startswith("#") else part for part in parts)


def spots(file: str, *paths: str) -> tuple[Spot, ...]:
    return tuple((file, _steps(path)) for path in paths)


def of_a_version(file: str) -> list[Planted]:
    kind = spots(file, "spec.estimator.kind")
    denied = "feature disputed needs disputed, which is not known at the invoice date in this data"
    data = (*spots(E_SANDBOX, "spec.data.copyOf", "spec.training"), *spots(E_PRODUCTION, "spec.data.invoices"))
    late = "very late (from 30 days) has to begin after late (after 200 days)"
    return [
        planted(file, "metadata.owner", 5, "should be text; this is 5"),
        planted(file, "metadata.ownr", "x", "unknown key ownr"),
        planted(file, "spec.task", "paymnts", "there is no task paymnts"),
        planted(file, "spec.task", [], "should be text; this is a list"),
        planted(file, "spec.data.trainingStartDate", "2024-02-30", "2024-02-30 is not a date"),
        planted(file, "spec.data.filters[0].field", "amuont", "there is no field amuont"),
        planted(file, "spec.data.filters[0].op", "gee", "gee is not one of the values here"),
        planted(
            file,
            "spec.data.filters[0].value",
            "x",
            "amount is a number, x is not",
            *spots(file, "spec.data.filters[0].field", "spec.data.filters[0].op"),
        ),
        planted(
            file,
            "spec.data.filters[1].any[0].value[1]",
            7,
            "country is text, 7 is not",
            *spots(file, "spec.data.filters[1].any[0].field", "spec.data.filters[1].any[0].op"),
        ),
        planted(file, "spec.data.filters[1].any[1].not.field", "linse", "there is no field linse"),
        planted(
            file,
            "spec.data.filters[2]",
            5,
            "should be a condition (field, op, value), or all, any or not; this is 5",
        ),
        planted(file, "spec.features.include[0]", "invoce", "there is no feature or group invoce"),
        planted(file, "spec.features.include[2]", "disputed", denied, *data, *spots(file, "spec.features.exclude")),
        planted(file, "spec.features.exclude[0]", "countri", "there is no feature or group countri"),
        planted(file, "spec.estimator.kind", "bosting", "there is no estimator bosting"),
        planted(file, "spec.estimator.seed", "7", "should be a whole number; this is 7"),
        planted(
            file,
            "spec.estimator.parameters.rounds",
            900,
            "rounds should be a whole number from 1 to 500; this is 900",
            *kind,
        ),
        planted(file, "spec.estimator.parameters.dpeth", 3, "boosting has no parameter dpeth", *kind),
        planted(
            file,
            "spec.outcomes.lateAfterDays",
            200,
            late,
            *spots(file, "spec.outcomes.veryLateAfterDays"),
            at="spec.outcomes.veryLateAfterDays",
        ),
        planted(file, "spec.outcomes.veryLateAfterDays", None, "has no value"),
        planted(file, "spec.features", DROP, "features is missing"),
    ]


def of_the_releases() -> list[Planted]:
    pin = "spec.models.payment-prediction"
    return [
        planted(
            R_SANDBOX, f"{pin}.version", "9.9.9", "payment-prediction has no version 9.9.9", *spots(R_SANDBOX, pin)
        ),
        planted(R_SANDBOX, f"{pin}.version", 1, "should be text; this is 1"),
        planted(
            R_SANDBOX,
            "spec.models.other",
            {"version": "1.0.0"},
            "there is no model other",
            at="spec.models.other.version",
        ),
        planted(
            R_SANDBOX,
            "spec.models.gone.version",
            "1.0.0",
            "a withdrawn pin has no version and no digest",
            at="spec.models.gone",
        ),
        planted(R_SANDBOX, "kind", "Relase", "Relase is not one of the values here"),
        planted(R_PRODUCTION, f"{pin}.digest", "sha256:1", "sha256:1 is not a digest"),
        planted(R_PRODUCTION, f"{pin}.hold.until", "soon", "soon is not a date"),
        planted(R_PRODUCTION, f"{pin}.hold.by", DROP, "by is missing"),
        planted(R_PRODUCTION, "metadata.name", "prodution", "there is no environment prodution"),
        planted(R_PRODUCTION, "metadata.nmae", "x", "unknown key nmae"),
    ]


def of_the_environments() -> list[Planted]:
    mapping = "spec.data.invoices.mapping"
    promotes = spots(E_PRODUCTION, "spec.promotesFrom")
    return [
        planted(E_SANDBOX, "spec.training.isolation", "requird", "requird is not one of the values here"),
        planted(E_SANDBOX, "spec.data.copyOf", "prodution", "there is no environment prodution"),
        planted(E_SANDBOX, "spec.target.path", ".git/x", ".git/x is inside a .git folder"),
        planted(E_SANDBOX, "spec.target.kind", DROP, "kind is missing"),
        planted(E_SANDBOX, "metadata.name", "sandbx", "the path says sandbox, the file sandbx"),
        planted(E_PRODUCTION, "spec.promotesFrom", "sanbox", "there is no environment sanbox"),
        planted(
            E_PRODUCTION,
            "spec.promotesFrom",
            "production",
            "promotesFrom goes in a loop: production → production",
        ),
        planted(E_PRODUCTION, "spec.policy.evidence", DROP, "evidence is missing: promotesFrom asks for it", *promotes),
        planted(E_PRODUCTION, "spec.policy.requireDigest", "no", "should be true or false; this is no"),
        planted(
            E_PRODUCTION,
            "spec.gates[1].atLeast",
            0.9,
            "no figure is at most 0.6 and at least 0.9",
            *spots(E_PRODUCTION, "spec.gates[1].atMost", "spec.gates[1].kind"),
            at="spec.gates[1].atMost",
        ),
        planted(E_PRODUCTION, "spec.gates[1].figure", "log_los", "log_los is not one of the values here"),
        planted(E_PRODUCTION, "spec.gates[2]", {"rows": 3}, "kind is missing", at="spec.gates[2].kind"),
        planted(E_PRODUCTION, "spec.exam.latestShare", 2, "should be less than 1; this is 2"),
        planted(E_PRODUCTION, "spec.exam.dataOf", "nowhere", "there is no environment nowhere"),
        planted(E_PRODUCTION, "spec.exam.filters[0].field", "amuont", "there is no field amuont"),
        planted(E_PRODUCTION, f"{mapping}.nope", "X", "invoices have no field nope"),
        planted(E_PRODUCTION, f"{mapping}.amount.decimal", ";", "; is not one of the values here"),
        planted(E_PRODUCTION, f"{mapping}.amount.column", DROP, "column is missing"),
        planted(E_PRODUCTION, f"{mapping}.invoice", DROP, "invoice is not mapped", at=mapping),
        planted(E_PRODUCTION, "spec.data.invoices.source.path", DROP, "path is missing"),
        planted(E_PRODUCTION, "spec.artifacts", "oci://x/y", "oci:// is not built yet"),
        planted(E_PRODUCTION, "spec.snapshots", "s3://x/y", "s3:// is not built yet"),
        planted(E_SANDBOX, "spec.snapshots", "oci://x/y:tag", "this is not a repository of a registry: it holds a tag"),
        planted(E_PRODUCTION, f"{mapping}.amount.currencyMark", "1", "'1' cannot be a currency's mark"),
        Planted(
            E_SANDBOX,
            ("spec", "training"),
            DROP,
            (("environments", (), "no environment trains"),),
            spots(E_PRODUCTION, "spec.training"),
        ),
    ]


def strange_keys() -> list[Planted]:
    """A key that nothing is like, in each mapping whose keys are the format's."""
    found = []
    for file, document in example().items():
        todo: list[tuple[Path, Any]] = [((), document)]
        while todo:
            path, node = todo.pop()
            inner = list(enumerate(node)) if isinstance(node, list) else list(node.items())
            todo += [((*path, step), value) for step, value in inner if isinstance(value, (dict, list))]
            if isinstance(node, dict) and path[-1:] not in {("parameters",), ("models",), ("mapping",)}:
                key = (*path, "qqqqqqqq")
                found.append(Planted(file, key, 1, ((file, key, "unknown key qqqqqqqq"),)))
    return found


def broken_files() -> list[Planted]:
    text = "is not YAML: did not find expected node content while parsing a flow node"
    return [
        Planted(file, (), "x: [", ((file, (), text),))
        for file in (V, V2, R_SANDBOX, R_PRODUCTION, E_SANDBOX, E_PRODUCTION)
    ]


CATALOGUE = [
    *of_a_version(V),
    *of_a_version(V2),
    *of_the_releases(),
    *of_the_environments(),
    *strange_keys(),
    *broken_files(),
]


def told(files: dict[str, Any]) -> list[tuple[str, str, str]]:
    texts: dict[str, str | bytes] = {
        path: document if isinstance(document, str) else json.dumps(document, indent=1)
        for path, document in files.items()
    }
    return sorted((problem.where.file, problem.path, problem.summary) for problem in problems_of(texts))


def expected(faults: list[Planted]) -> list[tuple[str, str, str]]:
    return sorted((file, dotted(path), summary) for fault in faults for file, path, summary in fault.told)


def test_the_example_is_sound() -> None:
    assert told(example()) == []


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: f"{fault.file} {dotted(fault.path)}")
def test_each_fault_alone_is_told_and_nothing_else(fault: Planted) -> None:
    files = example()
    fault.plant(files)
    assert told(files) == expected([fault])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(st.sampled_from(CATALOGUE), min_size=2, max_size=9, unique_by=id))
def test_independent_faults_are_all_told_in_one_round_and_nothing_else(found: list[Planted]) -> None:
    faults: list[Planted] = []
    for fault in found:
        if all(fault.is_apart(other) for other in faults):
            faults.append(fault)
    assume(len(faults) >= 2)
    files = example()
    for fault in faults:
        fault.plant(files)
    assert told(files) == expected(faults)
