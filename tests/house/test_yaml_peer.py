"""An independent reader of YAML 1.2 agrees with ours on every manifest of this repository, value by value."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks import made
from reconciler.adapters.manifests.editor import Editor
from tests.support.imports import ROOT

FILES: dict[str, bytes] = {
    **made.manifests(1),
    **{
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for folder in ("manifests", "environments")
        for path in sorted((ROOT / folder).rglob("*.yaml"))
    },
}


@pytest.mark.parametrize("name", FILES)
def test_two_readers_find_the_same_values_in_a_manifest(name: str) -> None:
    ours, problems = Editor().parse(name, FILES[name])
    theirs = YAML(typ="safe", pure=True).load(FILES[name].decode())
    assert problems == ()
    assert _plain(ours) == _plain(theirs)


def _plain(value: Any) -> Any:
    """Values with their types; dates as texts, because a reader may leave them for the schema to read."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    value = value.isoformat() if isinstance(value, date) else value
    return type(value).__name__, value
