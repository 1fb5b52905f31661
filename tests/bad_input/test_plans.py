"""Saved plans that were edited, and places that no plan can be saved to."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bad_input import refused, untouched
from tests.support.company import Company
from tests.support.repositories import Workbench

Edit = Callable[[dict[str, Any]], object]
EDITS: dict[str, tuple[Edit, int]] = {
    "another version": (lambda plan: plan["plan"]["actions"][-1].update(version="9.9.9"), 4),
    "another reason": (lambda plan: plan["plan"]["actions"][0].update(reason="because"), 4),
    "a key that nobody knows": (lambda plan: plan.update(unheard_of=1), 4),
    "an action less": (lambda plan: plan["plan"]["actions"].pop(), 4),
    "an action more": (lambda plan: plan["plan"]["actions"].append({"action": "withdraw"}), 4),
    "another commit": (lambda plan: plan["plan"].update(source_commit="0" * 40), 4),
    "another ledger": (lambda plan: plan["plan"]["ledgers"].update(sandbox=None), 4),
    "an escape for a commit": (lambda plan: plan["plan"].update(source_commit="\x1b[31m\u202e"), 4),
    "no ledgers": (lambda plan: plan["plan"].update(ledgers="\x1b[31m"), 4),
    "actions of another type": (lambda plan: plan["plan"].update(actions={"a": 1}), 4),
    "environments of another type": (lambda plan: plan.update(environments=[1]), 3),
    "an environment that is not there": (lambda plan: plan.update(environments=["nowhere"]), 4),
    "another kind": (lambda plan: plan.update(kind="something"), 3),
    "a newer format": (lambda plan: plan.update(format_version=99), 4),
}


@pytest.fixture
def saved(company: Company, tmp_path: Path) -> Path:
    """A plan to train and deploy 1.0.0."""
    company.add("1.0.0")
    company.run("plan", "--out", str(tmp_path / "plan.json"))
    return tmp_path / "plan.json"


def test_a_plan_edited_by_hand_is_refused_and_nothing_is_done(company: Company, saved: Path) -> None:
    good = saved.read_text()
    for edit, code in EDITS.values():
        plan = json.loads(good)
        edit(plan)
        saved.write_text(json.dumps(plan))
        with untouched(company):
            refused(company.run("apply", str(saved), code=code), "next:")
    saved.write_text(good)
    company.apply(str(saved))
    assert company.serves("sandbox") == "1.0.0"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"kind": 1}', b"\0" * 99]
)
def test_a_file_that_is_no_plan_is_refused_by_name(standing: Company, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.json").write_bytes(content)
    refused(standing.run("apply", str(tmp_path / "p.json"), code=3), "p.json is not a saved plan", "plan --out FILE")


@pytest.mark.parametrize("place", [".", "/nowhere/p.json"])
def test_a_plan_that_cannot_be_read_is_refused_by_name(standing: Company, place: str) -> None:
    refused(standing.run("apply", place, code=3), f"{place} cannot be read", "reconciler plan --out FILE")


def test_a_device_a_pipe_and_a_folder_are_never_replaced_by_a_plan(standing: Company, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe.csv")
    for place in ("/dev/full", "/dev/null", str(tmp_path / "pipe"), str(tmp_path / "link"), str(tmp_path)):
        refused(standing.run("plan", "--out", place, code=64), "is no regular file")
        refused(standing.run("predict", "-e", "production", "--out", place, code=64), "has none of the endings")
    pipe = str(tmp_path / "pipe.csv")
    refused(standing.run("predict", "-e", "production", "--out", pipe, code=64), "is no regular file")
    refused(standing.run("plan", "--out", str(tmp_path / "no/p.json"), code=64), "there is no folder")
    assert Path("/dev/full").is_char_device() and Path("/dev/null").is_char_device()
    assert (tmp_path / "pipe").is_fifo()


def test_a_symlink_to_a_file_stays_one_when_a_plan_is_saved_through_it(standing: Company, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    standing.run("plan", "--out", str(tmp_path / "link.json"))
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["kind"] == "reconciler-plan"


def test_options_that_contradict_each_other_are_not_understood(standing: Company, tmp_path: Path) -> None:
    out = str(tmp_path / "p.json")
    for argv in (("plan", "--working-tree", "--out", out), ("plan", "--working-tree", "--ref", "HEAD")):
        refused(standing.run(*argv, code=64), "--working-tree is a preview")
    standing.run("plan", "--out", out)
    refused(standing.run("apply", out, "-e", "production", code=64), "A saved plan says itself what it is for")


def test_a_commit_without_environments_says_how_to_begin(standing: Company, tmp_path: Path) -> None:
    empty = Workbench(tmp_path).repository("empty")
    assert "there are no environments here; reconciler init DIR" in standing.run("plan", at=empty).err
