"""The fake git and its reader answer as the real ones do, on the same story and the same files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.git import GitHistory, GitTrees, Repository
from reconciler.adapters.manifests import Manifests
from reconciler.ports import Commit
from reconciler.testing import FakeGit, FakeHistory, FakeSource, model_version, release, release_path, version_path
from tests.support.repositories import Repo, Workbench
from tests.support.worlds import MODEL, Shop

RELEASES = ["manifests/releases"]


@dataclass
class Both:
    """One story in a fake and in a real repository."""

    fake: FakeGit
    real: Repo

    def commit(self, files: Mapping[str, bytes], subject: str) -> None:
        self.fake.commit(files, subject)
        self.real.commit(files, subject)

    def merge(self, files: Mapping[str, bytes], subject: str) -> None:
        self.fake.merge(files, subject)
        self.real.merge(files, f"Merge {subject}")


@pytest.fixture
def both(tmp_path: Path) -> Both:
    made = Both(FakeGit(), Workbench(tmp_path).repository(empty=True))
    shop = Shop(refreshed=False)
    made.commit(shop.git.files(shop.git.main_tip()), "begin")
    made.merge({version_path(MODEL, "1.0.0"): model_version(MODEL, "1.0.0")}, "a version")
    made.merge({release_path("sandbox"): release("sandbox", {MODEL: {"version": "1.0.0"}})}, "a pin")
    made.commit({"README.md": b"hello"}, "a direct commit")
    made.commit({release_path("production"): release("production", {MODEL: {"version": "1.0.0"}})}, "a pushed pin")
    return made


@pytest.fixture
def real(both: Both) -> Iterator[Repository]:
    with Repository.discover(both.real.path) as repository:
        yield repository


def shapes(commits: Iterator[Commit]) -> list[tuple[str, int]]:
    return [(commit.subject, len(commit.parents)) for commit in commits]


@pytest.mark.parametrize("paths", [RELEASES, ["environments/production.yaml"], ["README.md", "manifests"], ["absent"]])
def test_the_same_commits_changed_a_path(both: Both, real: Repository, paths: list[str]) -> None:
    history = GitHistory(real)
    fake = FakeHistory(both.fake)
    assert shapes(fake.changes(fake.main_tip(), paths)) == shapes(history.changes(history.main_tip(), paths))


def test_the_same_people_wrote_a_branch_and_the_same_commits_are_ancestors(both: Both, real: Repository) -> None:
    told = []
    for history in (GitHistory(real), FakeHistory(both.fake)):
        merge = next(c for c in history.changes(history.main_tip(), RELEASES) if c.subject == "Merge a pin")
        tip = history.main_tip()
        first, second = merge.parents
        told.append(
            (
                history.authors(first, second),
                [history.is_ancestor(*pair) for pair in ((first, tip), (second, tip), (tip, first), ("0" * 40, tip))],
            )
        )
    assert told[0] == told[1]


def facts(source: Any) -> dict[str, Any]:
    return {
        "versions": sorted((key, version.blob, version.document) for key, version in source.versions.items()),
        "pins": sorted((key, pin.pin.model_dump_json()) for key, pin in source.pins.items()),
        "environments": sorted(
            (name, found.blob, found.text, found.environment.model_dump_json())
            for name, found in source.environments.items()
        ),
        "releases": sorted(source.releases),
        "touches": sorted({problem.touches for problem in source.problems}),
    }


BROKEN: dict[str, dict[str, bytes]] = {
    "nothing": {},
    "a version": {version_path(MODEL, "1.1.0"): b"{}"},
    "a version in another's place": {version_path(MODEL, "1.2.0"): model_version(MODEL, "1.2.1")},
    "an environment": {"environments/sandbox.yaml": b'{"kind": "Environment"}'},
    "a pin": {release_path("sandbox"): release("sandbox", {MODEL: {"version": "one"}, "fraud": {"version": "1.0.0"}})},
    "a pin that withdraws a version": {
        release_path("sandbox"): release("sandbox", {MODEL: {"version": "1.0.0", "state": "withdrawn"}})
    },
}


@pytest.mark.parametrize("what", BROKEN)
def test_both_readers_find_the_same_and_hold_the_same_back(both: Both, real: Repository, what: str) -> None:
    both.commit(BROKEN[what], "broken")
    found = facts(Manifests(GitTrees(real)).read("HEAD"))
    fake = facts(FakeSource(both.fake).read("HEAD"))
    if what == "a version in another's place":  # the real reader holds both places back, the fake one the file's
        found.pop("touches"), fake.pop("touches")
    assert fake == found
