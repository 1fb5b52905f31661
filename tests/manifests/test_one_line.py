"""A change of one pin is a diff of one line, as git counts it, however the release is written."""

from __future__ import annotations

import subprocess
from itertools import product
from pathlib import Path

import pytest
import yaml

from reconciler.adapters.manifests.editor import Editor
from reconciler.domain.manifests import Pin
from reconciler.usecases.init_files import Contents, files_of
from tests.support.manifests import DIGEST

ROOT = Path(__file__).parents[2]
HEAD = "# who owns this\napiVersion: reconciler/v1alpha1\nkind: Release\nmetadata: {name: production}\n"
PIN = Pin(version="1.1.0", digest=DIGEST)
WITHDRAWN = Pin(state="withdrawn")
BACK = Pin(version="0.9.0", digest=f"sha256:{'9' * 64}")
OURS = f'payment-prediction: {{version: 1.0.0, digest: "sha256:{"0" * 64}"}}'

EMPTY = {
    "empty braces": "spec:\n  models: {}\n",
    "empty braces with a space": "spec:\n  models: { }\n",
    "empty braces, and a comment beside": "spec:\n  models: {}  # none yet\n  # the end\n",
    "empty braces over two lines": "spec:\n  models: {\n  }\n",
    "empty braces with a comment inside": "spec:\n  models: { # none yet\n  }\n",
    "empty braces on a line of their own": "spec:\n  models:\n    {}\n",
    "comments around braces on their own": "spec:\n  models:  # pins\n    # first\n    {}  # none\n    # end\n",
    "no value": "spec:\n  models:\n",
    "a spec in braces": "spec: {models: {}}\n",
    "a spec in braces without a value": "spec: {models: }\n",
    "no models": "spec: {}\n",
    "no spec": "",
}
PINNED = {
    "braces": f"spec:\n  models: {{{OURS}}}\n",
    "braces with others": f"spec:\n  models: {{zebra: {{version: 3.0.0}}, {OURS}, ant: {{version: 1.0.0}}}}\n",
    "braces over lines": f"spec:\n  models: {{\n    {OURS},\n    zebra: {{version: 3.0.0}},\n  }}\n",
    "lines": f"spec:\n  models:\n    zebra: {{version: 3.0.0}}\n    {OURS}\n",
    "comments around": f"spec:\n  models:\n    # ours\n    {OURS}  # since May\n    # end\n",
}
OTHERS = {
    "braces": "spec:\n  models: {zebra: {version: 3.0.0}}  # all\n",
    "lines": "spec:\n  models:\n    zebra: {version: 3.0.0}\n",
    "lines with comments": "spec:\n  models:  # pins\n    # z\n    zebra: {version: 3.0.0}  # last\n    # end\n",
    "a pin over lines": "spec:\n  models:\n    zebra:\n      version: 3.0.0\n",
}
ENDS = {"unix": ("\n", True), "windows": ("\r\n", True), "no final newline": ("\n", False)}


def numstat(folder: Path, before: bytes, after: bytes) -> tuple[int, int]:
    """(added, removed) as `git diff --numstat` has it."""
    (folder / "before").write_bytes(before)
    (folder / "after").write_bytes(after)
    command = ["git", "-c", "core.autocrlf=false", "diff", "--no-index", "--numstat", "before", "after"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    added, removed, _ = done.stdout.split("\t")
    return int(added), int(removed)


def written(text: str, ends: str) -> bytes:
    newline, final = ENDS[ends]
    return (text if final else text.rstrip("\n")).replace("\n", newline).encode()


def set_pin(content: bytes, pin: Pin) -> bytes:
    after = Editor().set_pin(content, "payment-prediction", pin, "manifests/releases/production.yaml")
    assert Editor().set_pin(after, "payment-prediction", pin, "f") == after
    return after


@pytest.mark.parametrize(
    ("form", "ends"),
    # a last line of the top level that lacks its line end must get one: two lines
    [pair for pair in product(EMPTY, ENDS) if pair != ("no spec", "no final newline")],
)
def test_the_first_pin_of_an_empty_release_changes_one_line(tmp_path: Path, form: str, ends: str) -> None:
    before = written(HEAD + EMPTY[form], ends)
    assert numstat(tmp_path, before, set_pin(before, PIN)) in ((1, 0), (1, 1))


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("form", OTHERS)
def test_a_pin_beside_others_changes_one_line(tmp_path: Path, form: str, ends: str) -> None:
    before = written(HEAD + OTHERS[form], ends)
    assert numstat(tmp_path, before, set_pin(before, PIN)) in ((1, 0), (1, 1))


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("form", PINNED)
@pytest.mark.parametrize("pin", [PIN, WITHDRAWN, BACK], ids=["promote", "withdraw", "rollback"])
def test_a_pin_that_is_there_changes_in_its_line(tmp_path: Path, form: str, ends: str, pin: Pin) -> None:
    before = written(HEAD + PINNED[form], ends)
    assert numstat(tmp_path, before, set_pin(before, pin)) == (1, 1)


@pytest.mark.parametrize("form", [*EMPTY, *OTHERS])
def test_the_usual_form_of_a_release_stays_one_line_away_from_its_first_pin(tmp_path: Path, form: str) -> None:
    tidy = Editor().tidy("f", (HEAD + (EMPTY | OTHERS)[form]).encode())
    assert Editor().tidy("f", tidy) == tidy
    assert numstat(tmp_path, tidy, set_pin(tidy, PIN)) in ((1, 0), (1, 1))
    once = Editor().tidy("f", set_pin(tidy, PIN))
    assert Editor().tidy("f", once) == once


def test_braces_stay_braces_and_a_line_of_their_own_becomes_the_entry() -> None:
    entry = f'payment-prediction: {{version: 1.1.0, digest: "{DIGEST}"}}'
    braces, alone = (HEAD + EMPTY[form] for form in ("empty braces", "empty braces on a line of their own"))
    assert set_pin(braces.encode(), PIN).decode() == braces.replace("{}", f"{{{entry}}}")
    assert set_pin(alone.encode(), PIN).decode() == alone.replace("{}", entry)
    assert [Editor().tidy("f", text.encode()).decode() for text in (braces, alone)] == [braces, alone]


def test_the_empty_releases_that_we_write_get_their_first_pin_as_an_entry_of_one_line(tmp_path: Path) -> None:
    path = "manifests/releases/production.yaml"
    for content in ((ROOT / path).read_bytes(), files_of(Contents("t", {}, 30, "", 10, loose_data=True))[path]):
        after = set_pin(content, PIN)
        assert yaml.safe_load(content)["spec"] == {"models": {}}, "the release is empty"
        assert numstat(tmp_path, content, after) == (1, 1)
        assert after.decode().endswith(f'    payment-prediction: {{version: 1.1.0, digest: "{DIGEST}"}}\n')
