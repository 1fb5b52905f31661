"""What is told of a manifest's changed fields."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.changes import changes, version_changes
from reconciler.domain.problems import Place
from reconciler.domain.source import Source, SourceVersion


def source(*versions: tuple[str, dict[str, Any]], owner: str = "credit") -> Source:
    """A source with versions of one model, each a number and a spec."""
    found = {}
    for number, spec in versions:
        document = {"metadata": {"name": "m", "version": number, "owner": owner}, "spec": spec}
        found[("m", number)] = SourceVersion(document, Place(f"{number}.yaml"), repr(document))
    return Source(None, "test", versions=found)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"exclude": ["country"]}, ["exclude: + country"]),
        ({}, {"exclude": ["country", "branch"]}, ["exclude: + country, + branch"]),
        ({}, {"exclude": []}, ["exclude: + []"]),
        ({"exclude": ["a"]}, {"exclude": ["b"]}, ["exclude: + b, - a"]),
        ({"exclude": ["a", "b"]}, {}, ["exclude: - a, - b"]),
        ({"trees": 60}, {"trees": 80}, ["trees: 60 → 80"]),
        ({"trees": 60}, {}, ["trees: - 60"]),
    ],
)
def test_a_change_is_told_item_by_item(before: dict[str, Any], after: dict[str, Any], told: list[str]) -> None:
    assert [str(change) for change in changes(before, after)] == told


def test_an_edited_version_says_what_follows_and_a_new_one_only_that_it_is_new() -> None:
    before = source(("1.0.0", {"trees": 60}))
    assert version_changes(before, source(("1.0.0", {"trees": 80}))) == [
        "m 1.0.0: trees: 60 → 80 (asks for a new version)"
    ]
    assert version_changes(before, source(("1.0.0", {"trees": 60}), owner="sales")) == [
        "m 1.0.0: owner: credit → sales (nothing to do)"
    ]
    assert version_changes(before, source(("1.0.0", {"trees": 60}), ("1.1.0", {"trees": 80}))) == [
        "m 1.1.0 is new; against 1.0.0:",
        "  trees: 60 → 80",
    ]
