"""The lines that people and CI read, as golden files: a change of wording is a change that somebody looks at.

To accept new lines, run the tests with RECONCILER_GOLDEN=write and read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.cli.views import problems as view
from reconciler.usecases.validate import Validated
from tests.support.manifests import (
    PRODUCTION,
    PRODUCTION_RELEASE,
    SANDBOX,
    SANDBOX_RELEASE,
    VERSION,
    V,
    edited,
    problems_of,
)

GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, dict[str, str | bytes]] = {
    "sound": edited(),
    "a recipe with slips": edited(
        v=VERSION.replace("amount, op: ge", "amuont, op: ge")
        .replace("kind: boosting", "kind: bosting")
        .replace("[invoice]", "[invoices]")
        .replace("veryLateAfterDays: 30", "veryLateAfterDays: 0")
    ),
    "a file with wrong keys and types": edited(
        v=VERSION.replace("outcomes:", "outcome:").replace("seed: 7", 'seed: "7"').replace("2024-01-01", "2024-02-30")
    ),
    "what two readers take differently": edited(
        v=VERSION.replace("value: 50", "value: no")
        .replace("rounds: 60", "rounds: 010")
        .replace("seed: 7", "seed: !!int 7")
    ),
    "pins": edited(
        r_sandbox=SANDBOX_RELEASE.replace("1.0.0", "1.0.1")
        + "    zebra: {version: 1.0}\n    Zoo: {state: withdrawn}\n",
        **{"manifests/releases/zz.yaml": SANDBOX_RELEASE},
    ),
    "environments": edited(
        sandbox=SANDBOX.replace("spec:\n", "spec:\n  promotesFrom: production\n  policy: {}\n"),
        production=PRODUCTION.replace("invoice: Number", "invioce: Number"),
        r_production=PRODUCTION_RELEASE.replace("name: production", "name: prod"),
    ),
    "not built yet": edited(
        production=PRODUCTION.replace("evidence: merge", "evidence: forge, approvals: 1, soak: 24h")
        .replace("kind: csv", "kind: sqlserver")
        .replace("spec:\n", "spec:\n  artifacts: oci://registry.example/models\n")
    ),
    "files that are not read": edited(
        r_sandbox="spec: [", sandbox=b"\xff", **{"manifests/extra.yaml": "a: 1", "environments/old.yml": "a: 1"}
    ),
    "terminal escapes": edited(v=None, **{V.replace("1.0.0", "1.0.0\x1b[31m"): VERSION}),
}


def validated(files: dict[str, str | bytes]) -> Validated:
    return Validated(tuple(problems_of(files)), len(files))


def compared(name: str, found: str) -> tuple[str, str]:
    file = GOLDEN / name
    if os.environ.get("RECONCILER_GOLDEN") == "write":
        file.write_text(found)
    return found, file.read_text()


def test_the_lines_for_people_are_the_golden_ones() -> None:
    found = "".join(f"# {name}\n{view.text(validated(files))}\n\n" for name, files in CASES.items())
    found, golden = compared("lines.txt", found)
    assert found == golden


def test_the_json_for_editors_is_the_golden_one() -> None:
    found, golden = compared("problems.json", view.document(validated(CASES["pins"])) + "\n")
    assert found == golden
