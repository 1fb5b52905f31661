"""The rules between files: what is told, where, and what it holds."""

from __future__ import annotations

import pytest

from reconciler.adapters.manifests import Manifests
from reconciler.core.identity import recipe_digest
from reconciler.core.validation import validate
from tests.support.manifests import (
    E_PRODUCTION,
    E_SANDBOX,
    PRODUCTION,
    PRODUCTION_RELEASE,
    R_PRODUCTION,
    R_SANDBOX,
    SANDBOX,
    SANDBOX_RELEASE,
    SOUND,
    TASKS,
    VERSION,
    V,
    edited,
    lines_of,
    problems_of,
)
from tests.support.trees import MemoryTrees


def only(**changes: str | bytes | None) -> str:
    lines = lines_of(edited(**changes))
    assert len(lines) == 1, lines
    return lines[0]


def test_a_pin_to_a_version_that_does_not_exist_names_those_that_do() -> None:
    line = only(r_sandbox=SANDBOX_RELEASE.replace("1.0.0", "1.0.1"))
    assert line.startswith(
        f"{R_SANDBOX}:6:5: payment-prediction has no version 1.0.1 (spec.models.payment-prediction.version)"
    )
    assert "its versions are 1.0.0" in line
    (problem,) = problems_of(edited(r_sandbox=SANDBOX_RELEASE.replace("1.0.0", "1.0.1")))
    assert problem.touches == (("pin", "sandbox/payment-prediction"),)


def test_a_pin_to_a_model_that_does_not_exist_suggests_a_close_one() -> None:
    line = only(r_sandbox=SANDBOX_RELEASE.replace("payment-pred", "payments-pred"))
    assert "there is no model payments-prediction" in line and "did you mean payment-prediction?" in line


def test_a_pin_to_a_version_whose_file_is_broken_is_not_told_twice() -> None:
    assert only(v=VERSION.replace("outcomes", "outcome")).startswith(V)


def test_a_withdrawn_pin_needs_no_version() -> None:
    assert lines_of(edited(r_sandbox=SANDBOX_RELEASE.replace("{version: 1.0.0}", "{state: withdrawn}"))) == []


def test_a_path_that_is_not_name_and_version_is_refused() -> None:
    line = only(
        v=None,
        r_sandbox=None,
        **{V.replace("1.0.0", "1.0.1"): VERSION, R_SANDBOX: PRODUCTION_RELEASE.replace("production", "sandbox")},
    )
    moved = V.replace("1.0.0", "1.0.1")
    assert (
        line == f"{moved}:4:47: the path says 1.0.1, the file 1.0.0 (metadata.version), move it to {V} or write 1.0.1"
    )
    line = only(sandbox=SANDBOX.replace("name: sandbox", "name: sandbx"))
    assert line.startswith(f"{E_SANDBOX}:3:18: the path says sandbox, the file sandbx (metadata.name), move it to")


def test_a_loop_in_promotes_from_is_told_once_with_its_way() -> None:
    text = SANDBOX.replace("spec:\n", "spec:\n  promotesFrom: production\n  policy: {evidence: none}\n")
    line = only(sandbox=text)
    assert line == (
        f"{E_PRODUCTION}:5:17: promotesFrom goes in a loop: production → sandbox → production (spec.promotesFrom), "
        "take one of them out"
    )


def test_an_environment_that_promotes_from_itself_is_a_loop() -> None:
    assert "promotesFrom goes in a loop: production → production" in only(
        production=PRODUCTION.replace("promotesFrom: sandbox", "promotesFrom: production")
    )


def test_promotes_from_an_unknown_environment_suggests_a_close_one() -> None:
    line = only(production=PRODUCTION.replace("promotesFrom: sandbox", "promotesFrom: sanbox"))
    assert line == f"{E_PRODUCTION}:5:17: there is no environment sanbox (spec.promotesFrom), did you mean sandbox?"


def test_an_environment_without_a_release_is_refused() -> None:
    line = only(r_production=None)
    assert line.startswith(f"{E_PRODUCTION}:3:18: production has no release (metadata.name), add {R_PRODUCTION}")


def test_a_release_without_an_environment_is_refused() -> None:
    line = only(**{"manifests/releases/x.yaml": PRODUCTION_RELEASE.replace("production", "prodution")})
    assert line.startswith(
        "manifests/releases/x.yaml:3:18: there is no environment prodution (metadata.name), did you mean production?"
    )


def test_no_environment_that_trains_is_refused() -> None:
    text = SANDBOX.replace("  training: {isolation: required}\n", "")
    assert only(sandbox=text) == "environments: no environment trains, add training: {} to the spec of one"


def test_two_environments_that_train_are_both_named() -> None:
    lines = lines_of(edited(production=PRODUCTION.replace("  promotesFrom", "  training: {}\n  promotesFrom")))
    assert (
        f"{E_SANDBOX}:7:3: sandbox trains, and so does production: one environment trains "
        "(spec.training), take training out of the others" in lines
    )
    assert any("production trains, and so does sandbox" in line for line in lines)


def test_copy_of_must_name_an_environment_with_data() -> None:
    assert "there is no environment prod (spec.data.copyOf)" in only(
        sandbox=SANDBOX.replace("copyOf: production", "copyOf: prod")
    )
    assert "sandbox cannot be a copy of itself" in only(
        sandbox=SANDBOX.replace("copyOf: production", "copyOf: sandbox")
    )
    assert "sandbox trains, but no environment is named to copy data from" in only(
        sandbox=SANDBOX.replace("{copyOf: production}", "{}")
    )
    start, end = PRODUCTION.index("  data:"), PRODUCTION.index("  target:")
    lines = lines_of(edited(production=PRODUCTION[:start] + PRODUCTION[end:]))
    assert (
        f"{E_SANDBOX}:5:18: production has no invoices to copy (spec.data.copyOf), "
        f"add data.invoices to {E_PRODUCTION}, or name another environment" in lines
    )


def test_promotes_from_without_evidence_is_refused() -> None:
    line = only(production=PRODUCTION.replace("{evidence: merge, requireDigest: true}", "{requireDigest: true}"))
    assert line.startswith(f"{E_PRODUCTION}:19:3: evidence is missing: promotesFrom asks for it (spec.policy.evidence)")


def test_signed_evidence_needs_allowed_signers() -> None:
    signed = PRODUCTION.replace("evidence: merge", "evidence: signed")
    assert "evidence: signed needs environments/production.allowed-signers" in only(production=signed)
    assert (
        lines_of(edited(production=signed, **{"environments/production.allowed-signers": "a@x ssh-ed25519 A\n"})) == []
    )


@pytest.mark.parametrize("place", [".git/hooks", "../other/.GIT/x"])
def test_a_target_inside_a_git_folder_is_refused(place: str) -> None:
    line = only(production=PRODUCTION.replace(".reconciler/targets/production", place))
    assert f"{place} is inside a .git folder (spec.target.path)" in line


def test_the_exam_can_only_name_an_environment_that_is_there() -> None:
    line = only(production=PRODUCTION + "  exam: {dataOf: nowhere}\n")
    assert "there is no environment nowhere (spec.exam.dataOf)" in line


def test_allowed_signers_that_leave_open_who_signed_are_refused() -> None:
    signers = {"environments/production.allowed-signers": "*@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA\n"}
    assert "write one person a line" in only(**signers)


def test_gates_that_need_what_is_not_there_are_refused() -> None:
    lines = lines_of(edited(production=PRODUCTION.replace("  promotesFrom: sandbox\n", "")))
    assert any("16:14: deployed-below needs an environment below" in line for line in lines)
    both = PRODUCTION.replace("atMost: 0.6", "atMost: 0.6, atLeast: 0.7")
    assert "no figure is at most 0.6 and at least 0.7 (spec.gates[1].atMost)" in only(production=both)


def test_a_mapping_of_a_misspelt_field_is_told_once() -> None:
    assert only(production=PRODUCTION.replace("amount: {", "amuont: {")) == (
        f"{E_PRODUCTION}:11:9: invoices have no field amuont (spec.data.invoices.mapping.amuont), did you mean amount?"
    )


def test_a_required_field_that_is_not_mapped_is_told() -> None:
    line = only(production=PRODUCTION.replace("        invoice: Number\n", ""))
    assert line.startswith(f"{E_PRODUCTION}:9:7: invoice is not mapped (spec.data.invoices.mapping), add invoice: COL")


def test_a_mapping_with_what_does_not_fit_the_fields_type() -> None:
    text = PRODUCTION.replace('decimal: ","', 'dateFormat: "%d"')
    assert "dateFormat does not fit amount, which is of type number" in only(production=text)
    text = PRODUCTION.replace("        invoice: Number\n", "        invoice: {column: Number, negate: true}\n")
    assert "negate does not fit invoice, which is of type text" in only(production=text)


def test_a_merged_version_whose_recipe_changed_is_immutable() -> None:
    source = Manifests(MemoryTrees(SOUND)).read(None)
    merged = recipe_digest("payment-prediction", "1.0.0", source.versions["payment-prediction", "1.0.0"].written_spec)
    bound = {("payment-prediction", "1.0.0"): merged}
    assert problems_of(dict(SOUND), bound) == []
    label = VERSION.replace("owner: credit-and-collections", "owner: somebody") + "# a comment\n"
    assert problems_of(edited(v=label), bound) == []
    (problem,) = problems_of(edited(v=VERSION.replace("seed: 7", "seed: 8")), bound)
    assert str(problem) == f"{V}:5:1: 1.0.0 is immutable: add 1.0.1 (spec), put 1.0.0 back as it was merged"
    assert problem.touches == (("version", "payment-prediction@1.0.0"),)


def test_the_version_to_add_is_the_next_one_that_is_free() -> None:
    files = edited(
        v=VERSION.replace("seed: 7", "seed: 8"), **{V.replace("1.0.0", "1.0.1"): VERSION.replace("1.0.0", "1.0.1")}
    )
    (problem,) = problems_of(files, {("payment-prediction", "1.0.0"): "sha256:" + "0" * 64})
    assert problem.summary == "1.0.0 is immutable: add 1.0.2"


def test_faults_in_many_files_are_told_at_once_sorted_by_place() -> None:
    problems = problems_of(
        edited(
            v=VERSION.replace("kind: boosting", "kind: bosting"),
            r_sandbox=SANDBOX_RELEASE.replace("1.0.0", "9.0.0"),
            r_production="x: [",
            production=PRODUCTION.replace("promotesFrom: sandbox", "promotesFrom: sanbox"),
        )
    )
    assert [problem.where.file for problem in problems] == [E_PRODUCTION, V, R_PRODUCTION, R_SANDBOX]
    assert problems == sorted(problems)


def test_validation_builds_no_model_of_a_version() -> None:
    source = Manifests(MemoryTrees(SOUND)).read(None)
    validate(source, TASKS)
    assert all("manifest" not in vars(version) for version in source.versions.values())


def test_the_outcome_that_is_declared_known_at_the_invoice_date_is_refused_at_its_line() -> None:
    mapped = PRODUCTION.replace("dated: Date", "paid: {column: Paid, knownAt: KNOWN}")
    (line,) = lines_of(edited(production=mapped.replace("KNOWN", "invoice-date")))
    assert line.startswith(f"{E_PRODUCTION}:14:")
    assert "paid is the outcome or follows from it: it is never known at the invoice date" in line
    assert lines_of(edited(production=mapped.replace("KNOWN", "later"))) == []


@pytest.mark.parametrize(
    ("name", "summary"),
    [("contry", "did you mean country?"), ("nothing_like_it", "no field nothing_like_it"), ("paid", "is the outcome")],
)
def test_what_the_leak_guard_may_accept_is_a_field_that_it_looks_at(name: str, summary: str) -> None:
    accepting = PRODUCTION.replace("  data:\n", "  data:\n    guard: {accepted: {NAME: it is known}}\n")
    (line,) = lines_of(edited(production=accepting.replace("NAME", name)))
    assert line.startswith(f"{E_PRODUCTION}:7:")
    assert summary in line
    assert lines_of(edited(production=accepting.replace("NAME", "country"))) == []
