"""Files with several faults: the exact places and sentences, all in one round, and nothing that only follows."""

from __future__ import annotations

from pathlib import Path

from reconciler.adapters.manifests import Manifests
from reconciler.core.identity import recipe_digest
from tests.manifests.test_golden import compared
from tests.support.manifests import (
    E_SANDBOX,
    PRODUCTION,
    R_SANDBOX,
    SANDBOX,
    SANDBOX_RELEASE,
    SOUND,
    VERSION,
    V,
    edited,
    problems_of,
)
from tests.support.trees import MemoryTrees

Files = dict[str, str | bytes]


def with_(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


def told(files: Files, bound: dict[tuple[str, str], str] | None = None) -> list[str]:
    """Places and sentences, without the next steps."""
    problems = problems_of(files, bound)
    return [f"{problem.where}: {problem.summary}" + (f" ({problem.path})" * bool(problem.path)) for problem in problems]


CASES: dict[str, Files] = {
    "a misspelt key, an unknown field and an unknown feature": edited(
        v=with_(VERSION, ("estimator:", "estimatr:"), ("field: amount", "field: amuont"), ("[invoice]", "[invoce]"))
    ),
    "wrong types beside wrong words": edited(
        v=with_(
            VERSION,
            ("op: ge", "op: gee"),
            ("field: amount", "field: amuont"),
            ("seed: 7", "seed: x"),
            ("rounds: 60", "rounds: 6000"),
            ("lateAfterDays: 0", "lateAfterDays: no"),
        )
    ),
    "filters that are at fault in different ways": edited(
        v=with_(
            VERSION,
            (
                "      - {field: amount, op: ge, value: 50}",
                (
                    "      - {field: amount, op: ge, vlaue: 50}\n"
                    "      - 5\n"
                    "      - {all: [{feild: amount, op: ge, value: 1}, {field: nope, op: eq, value: 1}]}\n"
                    "      - {field: country, op: gt, value: [a]}"
                ),
            ),
        )
    ),
    "a task that cannot be read, where there is one task": edited(
        v=with_(VERSION, ("task: payments", "task: 5"), ("[invoice]", "[invoce]"))
    ),
    "a file that is not where its name says, with slips": edited(
        v=with_(
            VERSION,
            ("name: payment-prediction, version: 1.0.0", "name: payment-predictoin, version: 1.0.1"),
            ("[invoice]", "[invoce]"),
            ("kind: boosting", "kind: bosting"),
        )
    ),
    "no metadata": edited(
        v=with_(
            VERSION,
            (("metadata: {name: payment-prediction, version: 1.0.0, owner: credit-and-collections}\n"), ""),
            ("[invoice]", "[invoce]"),
        )
    ),
    "a duplicate key, an anchor and slips": edited(
        v=with_(
            VERSION, ("seed: 7", "seed: &a 7, seed: 8"), ("[invoice]", "[invoce]"), ("kind: boosting", "kind: bosting")
        )
    ),
    "a key that is no text, and a slip": edited(v=with_(VERSION, ("seed: 7", "7: 7"), ("[invoice]", "[invoce]"))),
    "a second document, and a slip": edited(
        v=with_(VERSION, ("[invoice]", "[invoce]"), ("seed: 7}\n", "seed: 7}\n---\na: 1\n"))
    ),
    "a key in the spelling of the code, and a slip": edited(
        v=with_(VERSION, ("lateAfterDays", "late_after_days"), ("[invoice]", "[invoce]"))
    ),
    "pins that are at fault in different ways": edited(
        r_sandbox=with_(
            SANDBOX_RELEASE,
            (
                "{version: 1.0.0}\n",
                (
                    "{version: 1.0.1}\n"
                    "    other: {version: 9}\n"
                    "    third: {version: 1.0.0}\n"
                    "    fourth: {state: withdrawn, version: 1.0.0, digest: x}\n"
                    "    fifth: {verison: 1.0.0}\n"
                ),
            ),
        )
    ),
    "a release with a strange key": edited(
        r_sandbox=with_(SANDBOX_RELEASE, ("spec:", "foo: 1\nspec:"), ("1.0.0", "1.0.9"))
    ),
    "a release that does not say which environment": edited(
        r_sandbox=with_(SANDBOX_RELEASE, ("name: sandbox", "nam: sandbox"), ("1.0.0", "1.0.9"))
    ),
    "a release that misspells its environment": edited(
        r_sandbox=with_(SANDBOX_RELEASE, ("name: sandbox", "name: sandbx"), ("1.0.0", "1.0.9"))
    ),
    "a model pinned twice, once at fault and once to nothing": edited(
        r_sandbox=with_(SANDBOX_RELEASE, ("1.0.0", "1.0.9")),
        **{"manifests/releases/zz.yaml": with_(SANDBOX_RELEASE, ("1.0.0", "1"))},
    ),
    "a version that cannot be read still exists": edited(
        r_sandbox=with_(SANDBOX_RELEASE, ("models:\n", "models:\n    other: {version: 1.0.0}\n")), v="x: ["
    ),
    "a loop through an environment with a fault": edited(
        sandbox=with_(
            SANDBOX,
            ("spec:\n", "spec:\n  promotesFrom: production\n  policy: {evidence: none}\n"),
            ("isolation: required", "isolation: requird"),
        )
    ),
    "a second environment that trains, with a fault": edited(
        production=with_(PRODUCTION, ("spec:\n", "spec:\n  training: {}\n  snapshot: x\n"))
    ),
    "misspelt keys from which nothing follows": edited(
        production=with_(PRODUCTION, ("promotesFrom:", "promotsFrom:"), ("policy:", "polcy:"), ("target:", "taget:")),
        sandbox=with_(SANDBOX, ("training:", "trainig:"), ("copyOf:", "copyof:")),
    ),
    "an environment with faults has no release": edited(
        production=with_(
            PRODUCTION,
            ("kind: csv", "kind: cvs"),
            ("dated: Date", "dated: {column: Date, knownAt: latr}\n        nope: X"),
            ("evidence: merge, ", ""),
            ("atMost: 0.6", "atMost: 0.6, atLeast: 0.7, foo: 1"),
            ("path: .reconciler/targets/production", "path: .git/x"),
        ),
        r_production=None,
    ),
    "a mapping that cannot be read denies nothing": edited(
        production=with_(
            PRODUCTION,
            ("country: {column: Country, knownAt: invoice-date}", "country: {column: Country, knownAt: invoice-dat}"),
        ),
        v=with_(VERSION, ("[invoice]", "[country, disputed]")),
    ),
    "a misspelt mapping denies nothing": edited(
        production=with_(PRODUCTION, ("country: {", "contry: {")),
        v=with_(VERSION, ("[invoice]", "[country, disputed]")),
    ),
    "a copy that has inputs, and slips": edited(
        production=with_(
            PRODUCTION, ("  data:\n", "  data:\n    copyOf: sandbox\n    bogus: 1\n"), ("amount: {", "amuont: {")
        )
    ),
    "an environment that cannot be read still exists": edited(
        v=with_(VERSION, ("[invoice]", "[invoce]")), sandbox="x: ["
    ),
    "an environment that is not where its name says": edited(
        sandbox=with_(SANDBOX, ("name: sandbox", "name: sandbx"), ("copyOf: production", "copyOf: prodution"))
    ),
}


def test_all_faults_are_told_in_one_round() -> None:
    text = "\n".join(f"# {name}\n" + "".join(f"{line}\n" for line in told(files)) for name, files in CASES.items())
    found, expected = compared("one_round.txt", text)
    assert found == expected


def test_a_merged_recipe_that_changed_is_told_though_its_metadata_is_at_fault() -> None:
    source = Manifests(MemoryTrees(SOUND)).read(None)
    key = ("payment-prediction", "1.0.0")
    bound = {key: recipe_digest(*key, source.versions[key].written_spec)}
    text = with_(VERSION, ("owner:", "ownr:"), ("seed: 7", "seed: 8"))
    assert told(edited(v=text), bound) == [
        f"{V}:4:54: unknown key ownr (metadata.ownr)",
        f"{V}:5:1: 1.0.0 is immutable: add 1.0.1 (spec)",
    ]
    text = with_(VERSION, ("kind: boosting", "knid: boosting"))
    assert told(edited(v=text), bound) == [f"{V}:14:15: unknown key knid (spec.estimator.knid)"], "it cannot be told"


def test_a_plan_takes_nothing_from_a_file_with_faults() -> None:
    files = edited(
        v=with_(VERSION, ("owner:", "ownr:")),
        sandbox=with_(SANDBOX, ("training:", "trainig:")),
        r_sandbox=f"x: 1\n{SANDBOX_RELEASE}",
    )
    source = Manifests(MemoryTrees(files)).read(None)
    assert (dict(source.versions), dict(source.pins), list(source.environments)) == ({}, {}, ["production"])
    assert {fragment.place.file for fragment in source.fragments} == {V, E_SANDBOX, R_SANDBOX}


def test_a_file_with_faults_that_says_the_name_of_another_does_not_hold_that_one() -> None:
    problems = problems_of(
        edited(**{V.replace("1.0.0", "7.0.0"): with_(VERSION, ("name: payment-prediction", "name: -x"))})
    )
    assert [problem.path for problem in problems] == ["metadata.name", "metadata.version"]
    assert {problem.touches for problem in problems} == {(("version", "payment-prediction@7.0.0"),)}


def test_what_is_left_of_a_file_comes_from_the_cache_too(tmp_path: Path) -> None:
    trees = MemoryTrees(edited(v=with_(VERSION, ("estimator:", "estimatr:"), ("[invoice]", "[invoce]"))))
    first, second = Manifests(trees, tmp_path), Manifests(trees, tmp_path)
    assert first.read(None) == second.read(None)
    assert (first.parsed, second.parsed) == (5, 0)
    assert second.read(None).fragments
