"""Where an environment's file says that stores are: a folder, or for snapshots a repository of a registry."""

from __future__ import annotations

import pytest

from reconciler.domain.problems import Unfit
from reconciler.domain.registry import RegistryPlace, is_registry, read_place
from tests.support.manifests import SANDBOX, edited, problems_of


def lines(snapshots: str, *, key: str = "snapshots") -> list[str]:
    """What is told of the sandbox's file with this place."""
    return [
        str(found)
        for found in problems_of(edited(sandbox=SANDBOX.replace("spec:\n", f"spec:\n  {key}: {snapshots}\n")))
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "oci://registry.example.com/finance/snapshots",
            RegistryPlace("registry.example.com", None, "finance/snapshots"),
        ),
        ("oci://127.0.0.1:5000/a", RegistryPlace("127.0.0.1", 5000, "a")),
        ("oci://localhost:5000/a-b__c.d/e", RegistryPlace("localhost", 5000, "a-b__c.d/e")),
    ],
)
def test_snapshots_may_be_in_a_repository_of_a_registry(text: str, place: RegistryPlace) -> None:
    assert lines(f'"{text}"') == []
    assert is_registry(text) and read_place(text) == place and str(place) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("oci://registry.example.com", ": the repository is missing"),
        ("oci://registry.example.com/", ": the repository is missing"),
        ("oci://", ": the repository is missing"),
        ("oci://r.example/a:latest", ": it holds a tag"),
        ("oci://r.example/a@sha256:00", ": it holds a user, a password or a digest"),
        ("oci://keeper:S3CRET@r.example/a", ": it holds a user, a password or a digest"),
        ("oci://r.example:0/a", ""),
        ("oci://r.example:99999/a", ""),
        ("oci://R.example/a", ""),
        ("oci://r.example/A", ""),
        ("oci://r.example/../a", ""),
        ("oci://r.example/a//b", ""),
        ("oci://r.example/a?x=1", ""),
        ("oci://r..example/a", ""),
        ("oci://-r.example/a", ""),
        ("oci://r.example/a b", ""),
        ("oci:///a", ""),
        (f"oci://r.example/{'a' * 256}", ""),
    ],
)
def test_what_is_no_repository_is_refused_with_its_place_and_never_repeated(text: str, why: str) -> None:
    (told,) = lines(f'"{text}"')
    assert f"this is not a repository of a registry{why} (spec.snapshots), write oci://HOST/REPOSITORY" in told
    assert "S3CRET" not in told
    with pytest.raises(Unfit):
        read_place(text)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        (
            "snapshots",
            "s3://bucket/a",
            "s3:// is not built yet (spec.snapshots), name a folder, such as .reconciler/snapsh",
        ),
        ("snapshots", "OCI://r.example/a", "OCI:// is not built yet (spec.snapshots)"),
        ("artifacts", "oci://r.example/a", "oci:// is not built yet (spec.artifacts), name a folder"),
    ],
)
def test_other_places_are_refused_by_name_as_not_built_yet(key: str, text: str, words: str) -> None:
    (told,) = lines(f'"{text}"', key=key)
    assert words in told
