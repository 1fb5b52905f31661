"""The published schemas: current, described, and of one mind with validation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler.adapters.manifests.editor import Editor
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import KINDS
from reconciler.usecases.schema import schema, schema_text
from tests.support.manifests import (
    PRODUCTION,
    PRODUCTION_RELEASE,
    SANDBOX,
    SANDBOX_RELEASE,
    VERSION,
    edited,
    problems_of,
)

ROOT = Path(__file__).parents[2]
VALIDATORS = {kind: Draft202012Validator(schema(kind)) for kind in KINDS}


class _Loader(yaml.CSafeLoader):
    """Dates stay text, as an editor's YAML 1.2 reader has them."""


_LOADED = _Loader.yaml_implicit_resolvers
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in _LOADED.items()
}


def load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  a subclass of the safe loader


def errors_of(text: str) -> list[str]:
    document = load(text)
    return [error.message for error in VALIDATORS[document["kind"]].iter_errors(document)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema_with_an_id_and_a_title(kind: str) -> None:
    made = schema(kind)
    Draft202012Validator.check_schema(made)
    assert made["$id"].endswith(kind)
    assert made["title"] == kind
    assert made["description"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_description(kind: str) -> None:
    made = schema(kind)
    parts = {kind: made, **made.get("$defs", {})}
    bare = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part.get("properties", {}).items()
        if not value.get("description")
    ]
    assert bare == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_published_file_is_current(kind: str) -> None:
    published = (ROOT / "docs" / "schema" / f"{kind}.json").read_text()
    assert published == schema_text(schema(kind)), "run: reconciler schema --out docs/schema"


def shipped() -> Iterator[Path]:
    yield from sorted((ROOT / "manifests").rglob("*.yaml"))
    yield from sorted((ROOT / "environments").glob("*.yaml"))


def test_every_shipped_manifest_fits_its_schema_and_names_it_for_the_editor() -> None:
    for file in shipped():
        text = file.read_text()
        assert errors_of(text) == [], file
        first, kind = text.splitlines()[0], load(text)["kind"]
        assert first.startswith("# yaml-language-server: $schema="), file
        named = (file.parent / first.partition("=")[2]).resolve()
        assert named == ROOT / "docs" / "schema" / f"{kind}.json", file


def test_every_example_of_the_reference_fits_its_schema() -> None:
    text = (ROOT / "docs" / "manifests.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    whole = [block for block in blocks if "apiVersion:" in block]
    assert {load(block)["kind"] for block in whole} == set(KINDS)
    for block in whole:
        assert errors_of(block) == []
        assert Editor().parse("example.yaml", block.encode())[1] == ()


@pytest.mark.parametrize("text", [VERSION, SANDBOX, PRODUCTION, SANDBOX_RELEASE, PRODUCTION_RELEASE])
def test_a_sound_manifest_fits(text: str) -> None:
    assert errors_of(text) == []


WRONG = [
    ("v", VERSION.replace("outcomes:", "outcome:")),
    ("v", VERSION.replace("name: payment-prediction", "name: Payment")),
    ("v", VERSION.replace("version: 1.0.0", "version: 1.0")),
    ("v", VERSION.replace("seed: 7", "seed: '7'")),
    ("v", VERSION.replace("op: ge", "op: gte")),
    ("v", VERSION.replace("task: payments", "task:")),
    ("v", VERSION.replace("include: [invoice]", "include: []")),
    ("sandbox", SANDBOX.replace("isolation: required", "isolation: none")),
    ("sandbox", SANDBOX.replace("training: {isolation: required}", "training:")),
    ("production", PRODUCTION.replace("atMost", "atmost")),
    ("production", PRODUCTION.replace("deployed-below", "champion")),
    ("production", PRODUCTION.replace("evidence: merge", "evidence: forge")),
    ("production", PRODUCTION.replace("evidence: merge", "evidence: merge, soak: 24h")),
    ("r_sandbox", SANDBOX_RELEASE.replace("{version: 1.0.0}", "{version: 1.0.0, digest: abc}")),
    ("r_sandbox", SANDBOX_RELEASE.replace("{version: 1.0.0}", "{state: gone}")),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_what_validation_refuses_the_schema_refuses_too(name: str, text: str) -> None:
    assert errors_of(text)
    assert problems_of(edited(**{name: text}))


def test_null_is_offered_for_parameters_alone() -> None:
    text = VERSION.replace("rounds: 60", "depth: null")
    assert errors_of(text) == []
    assert '"null"' not in json.dumps(schema("Environment")) + json.dumps(schema("Release"))


def test_a_kind_that_is_none_suggests_a_close_one() -> None:
    with pytest.raises(AuthorMustFix) as refused:
        schema("Relase")
    assert refused.value.next_step == "did you mean Release?"
