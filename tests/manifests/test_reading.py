"""Hostile and half-written YAML: refused with its place, and never with an exception."""

from __future__ import annotations

import pytest

from reconciler.adapters.manifests import Manifests
from tests.support.manifests import (
    E_PRODUCTION,
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


def only(files: dict[str, str | bytes]) -> str:
    lines = [str(problem) for problem in problems_of(files)]
    assert len(lines) == 1, lines
    return lines[0]


def test_a_sound_repository_has_no_problems() -> None:
    assert problems_of(dict(SOUND)) == []


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "a duplicate key": (VERSION + "spec: {}\n", "15:1: duplicate key spec: it is on line 5 too (spec)"),
    "a duplicate key in braces": (
        VERSION.replace("seed: 7", "seed: 7, seed: 8"),
        "14:66: duplicate key seed: it is on line 14 too (spec.estimator.seed)",
    ),
    "a tag": (VERSION.replace("seed: 7", "seed: !!int 7"), "14:63: !!int is a tag (spec.estimator.seed)"),
    "a python tag": (
        VERSION.replace("seed: 7", "seed: !!python/object/apply:os.system [id]"),
        "14:63: !!python/object/apply:os.system is a tag (spec.estimator.seed)",
    ),
    "a local tag": (VERSION.replace("seed: 7", "seed: !x 7"), "14:63: !x is a tag (spec.estimator.seed)"),
    "a second document": (VERSION + "---\na: 1\n", "15:1: a second document starts here"),
    "a directive": ("%YAML 1.1\n---\n" + VERSION, "1:1: directives are not read here"),
    "text that is not UTF-8": (VERSION.replace("7}", "7} # \xe9").encode("latin-1"), "14:68: is not UTF-8 text"),
    "a control character": (VERSION.replace("seed: 7", "seed: 7\x1b[2J"), "14:64: holds the character U+001B"),
    "an escaped control character": (
        VERSION.replace("owner: credit", 'owner: "\\x1b[2J", description: credit'),
        "4:61: holds the character U+001B (metadata.owner)",
    ),
    "a character that turns text around": (
        VERSION.replace("owner: c", "owner: \u202ec"),
        "4:61: holds the character U+202E",
    ),
    "a file over 1 MiB": (VERSION + "#" * (1 << 20), ": is larger than 1 MiB"),
    "an empty file": ("", "1:1: is empty"),
    "only a comment": ("# nothing\n", "1:1: is empty"),
    "a tab": (VERSION.replace("  task:", "\ttask:"), "6:1: a tab cannot indent YAML"),
    "an open bracket": (VERSION + "x: [", "16:1: is not YAML"),
    "a list": ("- 1\n", "1:1: should be a ModelVersion; this is a list"),
    "a text": ("hello\n", "1:1: should be a ModelVersion; this is hello"),
    "nesting without end": (VERSION + "x: " + "[" * 100_000, "nests deeper than 40"),
    "nesting without end in blocks": (
        VERSION + "x:\n" + "".join(f"{' ' * n}- \n" for n in range(1, 900)),
        "nests deeper than 40",
    ),
    "a key that is a list": (VERSION.replace("seed: 7", "[a]: 7"), "a key should be text, this is sequence"),
    "an empty value": (VERSION.replace("spec:\n  task: payments", "spec:\n  task:"), "6:3: has no value (spec.task)"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_with_its_place(name: str) -> None:
    text, expected = HOSTILE[name]
    lines = [str(problem) for problem in problems_of(edited(v=text))]
    assert any(line.startswith(V) and expected in line for line in lines), lines


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 40))
    problems = problems_of(edited(v=bomb))
    assert f"{V}:1:5: &a0 is an anchor (a0), write values out where used" in [str(problem) for problem in problems]
    assert any("*a0 is an alias" in problem.summary for problem in problems)
    assert len(problems) <= 100


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off"])
def test_a_word_that_some_readers_take_for_a_boolean_is_refused(word: str) -> None:
    line = only(
        edited(
            v=VERSION.replace("value: 50", f"value: {word}").replace("field: amount, op: ge", "field: country, op: eq")
        )
    )
    assert f"11:41: {word} is a boolean to some readers and text to others (spec.data.filters[0].value)" in line
    assert f'write "{word}" or ' in line


@pytest.mark.parametrize("word", ["'no'", '"no"', "Norway", "north", "onwards", "yesterday"])
def test_text_that_only_looks_like_such_a_word_is_text(word: str) -> None:
    written = VERSION.replace("value: 50", f"value: {word}").replace("field: amount, op: ge", "field: country, op: eq")
    assert problems_of(edited(v=written)) == []


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("010", "010 starts with a zero"),
        ("0x1F", "0x1F is not a decimal number"),
        ("9007199254740993", "9007199254740993 is larger than numbers go here"),
        ("1e999", "1e999 is larger than numbers go here"),
        (".inf", ".inf is not a finite number"),
        (".nan", ".nan is not a finite number"),
        ("1_000", "amount is a number, 1_000 is not"),
        ("12:30", "amount is a number, 12:30 is not"),
    ],
)
def test_a_number_that_two_readers_take_differently_is_refused(text: str, summary: str) -> None:
    assert summary in only(edited(v=VERSION.replace("value: 50", f"value: {text}")))


@pytest.mark.parametrize(
    ("text", "value"), [("50", 50), ("5e1", 50.0), ("-.5", -0.5), ("+3", 3), ("true", True), ("~", None)]
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    written = VERSION.replace("rounds: 60", f"rounds: {text}")
    source = Manifests(MemoryTrees(edited(v=written))).read(None)
    found = source.versions["payment-prediction", "1.0.0"].document["spec"]["estimator"]["parameters"]["rounds"]
    assert (found, type(found)) == (value, type(value))


def test_a_date_is_read_as_a_date_and_a_wrong_one_is_refused() -> None:
    source = Manifests(MemoryTrees(SOUND)).read(None)
    assert str(source.versions["payment-prediction", "1.0.0"].manifest.spec.data.training_start_date) == "2024-01-01"
    for wrong in ("2024-02-30", "20240101", "0", '"2024-01-01T00:00:00"'):
        assert "is not a date (spec.data.trainingStartDate)" in only(edited(v=VERSION.replace("2024-01-01", wrong)))


def test_text_in_quotes_is_no_number_and_a_number_is_no_text() -> None:
    assert "should be a whole number; this is 7 (spec.estimator.seed), take the quotes out" in only(
        edited(v=VERSION.replace("seed: 7", 'seed: "7"'))
    )
    line = only(edited(v=VERSION.replace("owner: credit-and-collections", "owner: 12")))
    assert line.endswith('4:61: should be text; this is 12 (metadata.owner), write "12"')


def test_an_unknown_key_is_refused_with_a_close_spelling() -> None:
    line = only(edited(v=VERSION.replace("outcomes:", "outcome:")))
    assert line == f"{V}:7:3: unknown key outcome (spec.outcome), did you mean outcomes?"


def test_a_symlink_is_refused_wherever_it_leads() -> None:
    trees = MemoryTrees(edited(v=b"../../../../etc/passwd"))
    trees.modes[V] = "120000"
    source = Manifests(trees).read(None)
    assert [str(problem) for problem in source.problems] == [f"{V}: is a symlink, put the file itself here"]
    assert source.problems[0].touches == (("version", "payment-prediction@1.0.0"),)
    assert trees.fetched == 4, "its text is not read"


def test_a_folder_that_is_a_symlink_holds_everything() -> None:
    trees = MemoryTrees({"manifests/releases": b"/elsewhere", E_SANDBOX: SANDBOX})
    trees.modes["manifests/releases"] = "120000"
    (problem,) = Manifests(trees).read(None).problems
    assert (problem.summary, problem.touches) == ("is a symlink", ())


def test_other_files_are_ignored_and_yaml_that_is_not_read_is_a_warning() -> None:
    files = edited(**{"manifests/README.md": "x", "environments/notes.txt": "\0", "manifests/models/x.yml": "a: 1"})
    (problem,) = problems_of(files)
    assert problem.severity == "warning"
    assert str(problem) == "manifests/models/x.yml: is not read, rename it to end in .yaml"


def test_a_file_of_another_kind_than_its_folder_is_refused() -> None:
    line = only(edited(**{"manifests/releases/x.yaml": VERSION}))
    assert (
        line == "manifests/releases/x.yaml:3:7: this is a ModelVersion (kind), this folder holds files of kind Release"
    )


NOT_BUILT = {
    "evidence: merge": ("evidence: forge", "evidence: forge is not built yet (spec.policy.evidence)"),
    "requireDigest: true": ("approvals: 1", "approvals is not built yet (spec.policy.approvals)"),
    ", requireDigest: true": (", approvers: [a]", "approvers is not built yet (spec.policy.approvers)"),
    "requireDigest: true}": ("soak: 24h}", "soak is not built yet (spec.policy.soak)"),
    "{evidence: merge, requireDigest: true}": (
        "{evidence: merge, freeze: []}",
        "freeze is not built yet (spec.policy.freeze)",
    ),
    "promotesFrom:": ("artifacts: oci://host/x\n  promotesFrom:", "oci:// is not built yet (spec.artifacts)"),
    "kind: csv": ("kind: sqlserver", "a source of kind sqlserver is not built yet (spec.data.invoices.source.kind)"),
    "path: data/invoices.csv": (
        "path: 'https://x/y.csv'",
        "a URL is not a data source (spec.data.invoices.source.path)",
    ),
    "kind: folder": ("kind: kserve", "a target of kind kserve is not built yet (spec.target.kind)"),
}


@pytest.mark.parametrize("old", NOT_BUILT)
def test_what_is_not_built_yet_is_refused_by_name_and_place(old: str) -> None:
    new, expected = NOT_BUILT[old]
    line = only(edited(production=PRODUCTION.replace(old, new, 1)))
    assert line.startswith(f"{E_PRODUCTION}:") and expected in line


def test_a_misspelt_source_kind_is_not_said_to_be_unbuilt() -> None:
    assert "cvs is not a known kind (spec.data.invoices.source.kind), did you mean csv?" in only(
        edited(production=PRODUCTION.replace("kind: csv", "kind: cvs"))
    )


def test_a_fault_in_one_pin_leaves_the_others_and_touches_only_itself() -> None:
    text = SANDBOX_RELEASE + "    other: {version: 1.0}\n"
    source = Manifests(MemoryTrees(edited(r_sandbox=text))).read(None)
    (problem,) = source.problems
    assert str(problem) == f'{R_SANDBOX}:7:22: should be text; this is 1.0 (spec.models.other.version), write "1.0"'
    assert problem.touches == (("pin", "sandbox/other"),)
    assert list(source.pins) == [("sandbox", "payment-prediction")]


def test_a_model_pinned_in_two_files_is_refused_with_both_places_and_neither_counts() -> None:
    again = "manifests/releases/team.yaml"
    source = Manifests(MemoryTrees(edited(**{again: SANDBOX_RELEASE}))).read(None)
    (problem,) = source.problems
    assert str(problem) == (
        f"{again}:6:5: payment-prediction is pinned twice in sandbox: it is pinned at {R_SANDBOX}:6:5 too "
        "(spec.models.payment-prediction), keep one of the two"
    )
    assert source.pins == {}


def test_a_release_may_be_split_over_files() -> None:
    more = SANDBOX_RELEASE.replace("payment-prediction", "other")
    source = Manifests(MemoryTrees(edited(**{"manifests/releases/sandbox-team.yaml": more}))).read(None)
    assert sorted(source.pins) == [("sandbox", "other"), ("sandbox", "payment-prediction")]
    assert [place.file for place in source.releases["sandbox"]] == ["manifests/releases/sandbox-team.yaml", R_SANDBOX]


def test_a_broken_release_touches_the_environment_it_names() -> None:
    text = SANDBOX_RELEASE.replace("spec:", "sepc:")
    source = Manifests(MemoryTrees(edited(**{"manifests/releases/zz.yaml": text}))).read(None)
    assert {problem.touches for problem in source.problems} == {(("environment", "sandbox"),)}


def test_nested_filters_fail_at_their_own_place_and_in_good_time() -> None:
    deep = "{not: " * 15 + "{field: amount, op: gg, value: 1}" + "}" * 15
    line = only(edited(v=VERSION.replace("{field: amount, op: ge, value: 50}", deep)))
    assert "gg is not one of the values here" in line and "not.not.not.op" in line


def test_pins_and_rules_of_a_commit_are_read_without_the_rest() -> None:
    commit = {path: text.encode() for path, text in SOUND.items()} | {R_SANDBOX: SANDBOX_RELEASE.encode(), V: b"x: ["}
    trees = MemoryTrees({}, {"c1": commit})
    manifests = Manifests(trees)
    assert manifests.pins_at("c1")["sandbox", "payment-prediction"].version == "1.0.0"
    blob, signers = manifests.rules_at("c1", "sandbox")
    assert blob is not None and signers is None
    assert manifests.rules_at("c1", "nowhere") == (None, None)


def test_allowed_signers_go_with_their_environment() -> None:
    source = Manifests(
        MemoryTrees(edited(**{"environments/production.allowed-signers": "a@x ssh-ed25519 AAAA\n"}))
    ).read(None)
    found = source.environments["production"]
    assert found.signers_text == "a@x ssh-ed25519 AAAA\n" and found.signers_blob is not None
    assert source.environments["sandbox"].signers_blob is None
    assert found.text == PRODUCTION


def test_a_message_about_a_long_text_stays_short() -> None:
    for old in ("payment-prediction", "invoice]", "rounds:"):
        written = VERSION.replace(old, "x" * 100_000 + old[-1] if not old[-1].isalpha() else "x" * 100_000)
        for problem in problems_of(edited(v=written)):
            assert len(str(problem)) < 700, str(problem)[:200]


def test_a_mebibyte_of_wrong_keys_is_refused_with_at_most_a_hundred_lines() -> None:
    wrong = VERSION + "".join(f"  k{number}: 1\n" for number in range(20_000))
    assert len(problems_of(edited(v=wrong))) == 100
