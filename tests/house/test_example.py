"""This repository is itself a user's repository: its manifests are valid, in form, and can be planned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECONCILER = str(Path(sys.executable).with_name("reconciler"))


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [RECONCILER, "-C", str(folder), *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """This repository as it is committed, alone: CI's clone has a remote, and may be shallow."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        if name.startswith(("manifests/", "environments/", "docs/schema/")):
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((ROOT / name).read_bytes())
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_the_example_of_this_repository_is_valid_and_in_form(example: Path) -> None:
    assert _run(example, "validate").returncode == 0
    assert _run(example, "fmt", "--check").returncode == 0


def test_the_example_of_this_repository_can_be_planned(example: Path) -> None:
    planned = _run(example, "plan", "-o", "json")
    assert planned.returncode == 0, planned.stderr
    document = json.loads(planned.stdout)
    assert [action["action"] for action in document["actions"]] == ["adopt", "adopt"]
    assert [held["reason"] for held in document["held"]] == ["no-snapshot"]
