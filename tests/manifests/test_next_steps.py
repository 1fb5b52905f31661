"""Every line of `validate` says what to do next, in our words and not in a library's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.domain.problems import Problem, dotted
from tests.manifests.test_planted_faults import CATALOGUE, Planted, example, planted
from tests.support.manifests import E_PRODUCTION, E_SANDBOX, R_SANDBOX, V, problems_of

MORE = [
    planted(V, "spec.outcomes.lateAfterDays", -1, ""),
    planted(V, "spec.estimator.parameters.rounds", 100000, ""),
    planted(V, "spec.estimator.parameters.rounds", -1, ""),
    planted(V, "spec.estimator.parameters.rounds", [], ""),
    planted(V, "spec.estimator.parameters", 5, ""),
    planted(V, "metadata.owner", "x" * 1000, ""),
    planted(V, "spec.features.include", [], ""),
    planted(V, "spec.data.snapshot", 5, ""),
    planted(V, "spec.data.filters[0].value", {}, ""),
    planted(V, "spec.data.trainingStartDate", 5, ""),
    planted(R_SANDBOX, "spec.models.payment-prediction", {}, ""),
    planted(R_SANDBOX, "spec.models", [], ""),
    planted(E_SANDBOX, "spec.data.maxAge", "soon", ""),
    planted(E_SANDBOX, "spec.training.limits", {"memory": "much"}, ""),
    planted(E_SANDBOX, "spec.data.guard", {}, ""),
    planted(E_PRODUCTION, "spec.exam.latestShare", 0, ""),
    planted(E_PRODUCTION, "spec.gates[0]", {"kind": "least-rows-per-outcome", "rows": 0}, ""),
    planted(E_PRODUCTION, "spec.gates[0]", {"kind": "threshold", "figure": "log_loss"}, ""),
    planted(E_PRODUCTION, "spec.data.badRows", {"maxShare": 7}, ""),
    planted(E_PRODUCTION, "spec.data.masks", {"amount": {"round": 0.00001}}, ""),
    planted(E_PRODUCTION, "spec.data.masks", {"amount": {"round": -1}}, ""),
    planted(E_PRODUCTION, "spec.data.invoices.mapping.amount", 5, ""),
]


def problems(fault: Planted) -> list[Problem]:
    files: dict[str, Any] = example()
    fault.plant(files)
    return problems_of({p: d if isinstance(d, str) else json.dumps(d, indent=1) for p, d in files.items()})


@pytest.mark.parametrize("fault", [*CATALOGUE, *MORE], ids=lambda f: f"{f.file} {dotted(f.path)} {str(f.value)[:20]}")
def test_every_fault_has_a_next_step_in_our_words(fault: Planted) -> None:
    found = problems(fault)
    assert found
    assert [str(problem) for problem in found if not problem.fix] == []
    raw = ("Input should", "valid ", "greater than or equal", "less than or equal", "after validation")
    assert [str(problem) for problem in found if any(words in str(problem) for words in raw)] == []


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        ({"round": 0}, "should be more than 0; this is 0 (spec.data.masks.amount.round), write a value of more than 0"),
        ({"round": "x"}, "should be a number; this is x"),
        ({"coarsen": "day"}, "write one of"),
        ("hsh", "write keep, drop, hash, pseudonym, {round: 10}"),
    ],
)
def test_a_mask_that_will_not_do_names_what_would(mask: object, told: str) -> None:
    assert any(
        told in str(problem) for problem in problems(planted(E_PRODUCTION, "spec.data.masks", {"amount": mask}, ""))
    )


@pytest.mark.parametrize(("value", "fix"), [(100000, "write 500 or less"), (0, "write 1 or more")])
def test_a_parameter_beyond_a_limit_names_that_limit(value: int, fix: str) -> None:
    (problem,) = problems(planted(V, "spec.estimator.parameters.rounds", value, ""))
    assert problem.fix == fix


def test_a_value_below_its_limit_is_told_without_the_library_s_words() -> None:
    (problem,) = problems(planted(V, "spec.outcomes.lateAfterDays", -1, ""))
    assert (problem.summary, problem.fix) == ("should be at least 0; this is -1", "write a value of at least 0")


def test_a_pin_to_a_missing_version_names_the_sound_ones_and_not_those_at_fault() -> None:
    files: dict[str, Any] = example()
    for number in range(2, 14):
        files[V.replace("1.0.0", f"1.{number}.0")] = "x: ["
    files[R_SANDBOX]["spec"]["models"]["payment-prediction"]["version"] = "9.9.9"
    found = problems_of({p: d if isinstance(d, str) else json.dumps(d, indent=1) for p, d in files.items()})
    (fix,) = [problem.fix for problem in found if "has no version 9.9.9" in problem.summary]
    assert fix.startswith("its sound versions are 1.0.0, 1.1.0; or add ")
