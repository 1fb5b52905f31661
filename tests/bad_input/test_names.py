"""Names and free text that are hostile: typed, in manifests, as file names. Nothing raw reaches the terminal."""

from __future__ import annotations

import json

import pytest

from tests.support.bad_input import HOSTILE, attempt, process, refused, safe, untouched
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL, document, version

NAMES = (HOSTILE, "../../etc", "--help", "::error::x", "a\nb", "x" * 300, "\udcff")


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_hostile_names_that_are_typed_are_refused_as_text(standing: Company, name: str) -> None:
    typed: tuple[tuple[str, ...], ...] = (
        ("plan", f"--ref={name}"),
        ("plan", f"--environment={name}"),
        ("plan", f"--select={name}"),
        ("plan", "--", name),
        ("apply", "--yes", f"--environment={name}"),
        ("apply", "--", name),
        ("status", f"--ref={name}"),
        ("promote", f"--to={name}", "--", MODEL),
        ("promote", "--to=production", "--", name),
        ("promote", "--to=production", f"--version={name}", "--", MODEL),
        ("rollback", "--environment=production", "--", name),
        ("rollback", "--environment=production", f"--to={name}", "--", MODEL),
        ("retrain", "--", name),
        ("judge", f"--for={name}", "--", name),
        ("history", f"--environment={name}", "--", MODEL),
        ("show", "--", f"{MODEL}@{name}"),
        ("diff", "--", name, "main"),
        ("data", "refresh", "--", name),
        ("data", "show", "--", name),
        ("predict", f"--environment={name}"),
        ("lease", "break", "--reason=x", "--", name),
        ("schema", "--", name),
        ("validate", "--", name),
        ("fmt", "--", name),
        ("init", "--from=no", "--", name),
        (name,) if not name.startswith("-") else ("no", name),
    )
    with untouched(standing):
        for argv in typed:
            told = refused(attempt(standing, *argv))
            assert told.code in (1, 3, 64), argv


def test_a_misspelt_environment_or_model_does_not_pass_for_nothing_to_do(company: Company) -> None:
    company.add("1.0.0")
    for command in (("plan",), ("apply", "--yes")):
        with untouched(company):
            told = company.run(*command, "-e", "sandbx", code=3)
            refused(told, "there is no environment 'sandbx' here", "did you mean sandbox?")
            told = company.run(*command, "--select", "payment-predicton", code=3)
            refused(told, "there is no model 'payment-predicton' here", f"did you mean {MODEL}?")
    company.run("plan", "-e", "production", "--select", MODEL)


def test_hostile_names_in_manifests_are_refused_with_their_place_and_hold_nothing_else(company: Company) -> None:
    company.add("1.0.0")
    names = ["../x", "a b", "-x", "a\\u001b[31m", "Payment", "pаyment", "x" * 64, "x" * 300, "::x"]
    written = {f"manifests/models/{MODEL}/7.{number}.0.yaml": name for number, name in enumerate(names)}
    text = str(version("1.0.0")[f"manifests/models/{MODEL}/1.0.0.yaml"])
    company.merge({path: text.replace(f"name: {MODEL}", f'name: "{name}"') for path, name in written.items()})
    refused(company.run("validate", code=3), *(f"{path}:3:" for path in written))
    safe(company.run("plan", code=3))
    safe(company.run("apply", "--yes", code=3))
    assert company.serves("sandbox") == "1.0.0"


def test_hostile_file_names_are_told_as_text(company: Company) -> None:
    company.add("1.0.0")
    paths = [
        f"manifests/models/{HOSTILE}/1.0.0.yaml",
        f"manifests/models/{MODEL}/-x.yaml",
        f"manifests/releases/{HOSTILE}.yaml",
        f"environments/{HOSTILE}.yaml",
        "environments/-x.yaml",
        "environments/::error.yaml",
        f"environments/{'x' * 240}.yaml",
        "manifests/releases/line\nbreak.yaml",
        "environments/\udcff.yaml",
    ]
    company.merge(dict.fromkeys(paths, document("Release", "sandbox", "{models: {}}")))
    for argv in (("validate",), ("plan",), ("apply", "--yes"), ("status",), ("fmt", "--check"), ("history",)):
        assert refused(attempt(company, *argv)).code in (0, 3)


@pytest.mark.parametrize("text", ["\u202eowner", "\x1b[31mowner", "\x9b2Jowner", "own\u2028er"])
def test_free_text_with_characters_that_act_is_refused_with_its_place(company: Company, text: str) -> None:
    path = f"manifests/models/{MODEL}/1.1.0.yaml"
    for written in (f'"{text}"', json.dumps(text)):
        company.desk.write({path: str(version("1.1.0")[path]).replace("owner: credit", f"owner: {written}")})
        refused(company.run("validate", code=3), f"{path}:")


def test_free_text_reaches_no_terminal_raw(company: Company) -> None:
    text = "::error file=x::the owner\u200b ::set-output name=y::z"
    company.in_production("1.0.0")
    hostile = str(version("1.1.0")[f"manifests/models/{MODEL}/1.1.0.yaml"])
    hostile = hostile.replace("owner: credit", f'owner: "{text}", description: "{text}"')
    hold = f', hold: {{reason: "{text}", by: "{text}", until: 2099-01-01}}'
    company.merge({f"manifests/models/{MODEL}/1.1.0.yaml": hostile} | company.release("sandbox", "{version: 1.1.0}"))
    company.box.fail("train", "1.1.0", "recipe")
    safe(company.run("apply", "--yes", code=1))
    company.merge(company.release("production", "{version: 1.1.0" + hold + "}"))
    told = [
        ("validate",),
        ("plan", "--explain"),
        ("status",),
        ("history",),
        ("show", f"{MODEL}@1.1.0"),
        ("apply", "--yes"),
        ("promote", MODEL, "--to", "production"),
        ("lease", "break", "sandbox", "--reason", text),
    ]
    for argv in told:
        safe(attempt(company, *argv))


def test_an_environment_that_promotes_from_itself_is_refused(company: Company) -> None:
    company.merge(company.rules("production", promotesFrom="production"))
    refused(company.run("validate", code=3), "environments/production.yaml:", "promotesFrom")
    safe(company.run("plan", code=3))


def test_what_a_terminal_cannot_show_becomes_an_escape(standing: Company) -> None:
    done = process(standing.desk.path, "plan", "--ref", "n\u00f6\u2192", PYTHONIOENCODING="latin-1")
    assert done.returncode == 1
    assert "\\u2192' here" in done.stderr and "should not happen" not in done.stderr
