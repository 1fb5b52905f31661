"""A folder target that somebody touched, and one whose writer died or whose disk refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.adapters.folder_target import FolderTarget
from reconciler.domain.errors import NeedsPerson, PlanAgain, RetryLater, VerificationFailed
from reconciler.domain.observed import Observed, TargetState
from tests.support import killpoint
from tests.support.artifacts import Made, artifact
from tests.support.components import remount, tmpfs

ROOT = Path(__file__).parents[2]
OLD, NEW = artifact("1.0.0"), artifact("1.1.0")
MODEL = OLD.model


def deploy(target: FolderTarget, made: Made, generation: int = 1) -> None:
    target.deploy(made.model, Observed(made.model, made.version, made.digest, generation, "a" * 40), made.deployable)


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    made = FolderTarget(tmp_path / "target", "sandbox", tmp_path / "cache")
    deploy(made, OLD)
    return made


def served(target: FolderTarget) -> Path:
    return target.root / (target.root / MODEL).readlink()


def garble(path: Path) -> None:
    path.write_bytes(b"\xff{")


def link_away(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("name", ["model.onnx", "model-card.json", "manifest.json", "deployment.json"])
@pytest.mark.parametrize("harm", [garble, link_away, Path.unlink])
@pytest.mark.parametrize("hash_bytes", [False, True])
def test_a_harmed_file_is_seen_named_and_put_back(
    target: FolderTarget, name: str, harm: Callable[[Path], None], hash_bytes: bool
) -> None:
    target.observe()
    harm(served(target) / name)
    found = target.observe(hash_bytes=hash_bytes).models[MODEL]
    assert not found.intact
    assert name in found.detail
    with pytest.raises(VerificationFailed, match=name):
        target.files(MODEL)
    deploy(target, OLD)
    assert target.observe(hash_bytes=True).models[MODEL].intact
    assert dict(target.files(MODEL)[1]) == OLD.deployable


def test_a_flipped_byte_of_the_same_size_is_seen_without_hashing_everything(target: FolderTarget) -> None:
    path = served(target) / "model.onnx"
    past = path.stat().st_mtime_ns - 10**12
    os.utime(path, ns=(past, past))
    target.observe()
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(past, past))
    assert not target.observe().models[MODEL].intact


def test_another_artifact_s_files_under_this_digest_are_seen(target: FolderTarget) -> None:
    for name in ("model.onnx", "manifest.json"):
        (served(target) / name).write_bytes(NEW.deployable[name])
    assert not target.observe().models[MODEL].intact


def test_a_deployment_file_that_names_other_bytes_than_its_digest_has_is_seen(target: FolderTarget) -> None:
    path = served(target) / "deployment.json"
    content = json.loads(path.read_text())
    content["files"]["model.onnx"] = NEW.digest
    path.write_text(json.dumps(content))
    assert "other files" in target.observe().models[MODEL].detail


@pytest.mark.parametrize("link", ["/etc", "../outside", ".versions/other-model/x", ".versions/../../x", "nowhere"])
def test_a_symlink_to_anywhere_else_is_drift_and_is_healed(target: FolderTarget, link: str) -> None:
    (target.root / MODEL).unlink()
    (target.root / MODEL).symlink_to(link)
    found = target.observe().models[MODEL]
    assert (found.intact, found.digest) == (False, None)
    with pytest.raises(VerificationFailed, match="symlink"):
        target.files(MODEL)
    deploy(target, OLD)
    assert target.observe().models[MODEL].intact


def test_a_folder_in_the_place_of_the_symlink_is_set_aside_and_not_removed(target: FolderTarget) -> None:
    (target.root / MODEL).unlink()
    (target.root / MODEL).mkdir()
    (target.root / MODEL / "mine.txt").write_text("somebody's work")
    assert "where its symlink was" in target.observe().models[MODEL].detail
    deploy(target, OLD)
    assert dict(target.files(MODEL)[1]) == OLD.deployable
    assert (target.root / ".set-aside" / f"{MODEL}-0" / "mine.txt").read_text() == "somebody's work"


def test_a_symlink_that_was_removed_is_a_missing_model(target: FolderTarget) -> None:
    (target.root / MODEL).unlink()
    state = target.observe()
    assert (state.status, dict(state.models)) == ("known", {})


def test_without_its_marker_an_occupied_target_is_unknown_and_never_written(target: FolderTarget) -> None:
    (target.root / ".reconciler-target.json").unlink()
    state = target.observe()
    assert state.status == "unknown"
    assert "no marker" in state.detail
    with pytest.raises(NeedsPerson, match="no marker"):
        deploy(target, NEW)
    with pytest.raises(NeedsPerson, match="no marker"):
        target.files(MODEL)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[1]", "[" * 100_000, '{"format_version": 1, "environment": "sandbox", "generation": -1}', '{"for'],
)
def test_a_garbled_marker_is_unknown(target: FolderTarget, content: str) -> None:
    (target.root / ".reconciler-target.json").write_text(content)
    assert target.observe().status == "unknown"
    with pytest.raises(NeedsPerson, match="marker"):
        deploy(target, NEW)


def test_a_newer_marker_says_to_upgrade(target: FolderTarget) -> None:
    (target.root / ".reconciler-target.json").write_text('{"format_version": 2}')
    assert "upgrade" in target.observe().detail


def test_a_newer_deployment_file_says_to_upgrade(target: FolderTarget) -> None:
    path = served(target) / "deployment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2}))
    assert "upgrade" in target.observe().models[MODEL].detail


def test_the_target_of_another_environment_is_unknown(target: FolderTarget) -> None:
    other = FolderTarget(target.root, "production")
    state = other.observe()
    assert state.status == "unknown"
    assert "sandbox" in state.detail
    with pytest.raises(NeedsPerson, match="sandbox"):
        deploy(other, NEW)


def test_a_file_where_the_target_should_be_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("")
    assert FolderTarget(tmp_path / "target", "sandbox").observe().status == "unknown"


def test_other_files_in_the_folder_are_left_alone_and_not_reported(tmp_path: Path) -> None:
    (tmp_path / "target" / "notes").mkdir(parents=True)
    (tmp_path / "target" / "README").write_text("ours")
    target = FolderTarget(tmp_path / "target", "sandbox")
    assert target.observe().status == "empty"
    deploy(target, OLD)
    assert set(target.observe().models) == {MODEL}
    assert (tmp_path / "target" / "README").read_text() == "ours"


def test_only_the_version_before_is_kept(target: FolderTarget) -> None:
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        deploy(target, artifact(version))
    kept = {path.name[:64] for path in (target.root / ".versions" / MODEL).iterdir()}
    assert kept == {artifact(v).digest.removeprefix("sha256:") for v in ("1.2.0", "1.3.0")}


def test_a_lost_or_garbled_cache_costs_only_time(target: FolderTarget, tmp_path: Path) -> None:
    path = served(target) / "model.onnx"
    target.observe()
    for content in (b"", b"[]", b'{"x": [1,2,3,4,5]}'):
        for file in (tmp_path / "cache").glob("*"):
            file.write_bytes(content)
        assert target.observe().models[MODEL].intact
    assert path.exists()


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", request.param) as mounted:
        yield mounted


@pytest.mark.real
@pytest.mark.parametrize(
    ("disk", "change", "back"), [("size=8m", "size=32k", "size=8m"), ("size=8m", "ro", "rw")], indirect=["disk"]
)
def test_a_disk_that_refuses_leaves_what_was_served_and_the_rerun_completes(disk: Path, change: str, back: str) -> None:
    target = FolderTarget(disk / "target", "sandbox")
    deploy(target, OLD)
    remount(disk, change)
    try:
        with pytest.raises(RetryLater, match="cannot be written"):
            deploy(target, NEW, 2)
        assert dict(target.files(MODEL)[1]) == OLD.deployable
    finally:
        remount(disk, back)
    deploy(target, NEW, 2)
    assert dict(target.files(MODEL)[1]) == NEW.deployable


@pytest.mark.real
@pytest.mark.parametrize("disk", ["nr_inodes=16"], indirect=True)
def test_a_disk_without_inodes_leaves_what_was_served(disk: Path) -> None:
    target = FolderTarget(disk / "target", "sandbox")
    deploy(target, OLD)
    with pytest.raises(RetryLater, match="cannot be written"):
        deploy(target, NEW, 2)
    assert dict(target.files(MODEL)[1]) == OLD.deployable
    remount(disk, "nr_inodes=100")
    deploy(target, NEW, 2)
    assert dict(target.files(MODEL)[1]) == NEW.deployable


CHANGE = """
import sys
from pathlib import Path
from reconciler.adapters.folder_target import FolderTarget
from reconciler.domain.observed import Observed
from tests.support.artifacts import artifact
target = FolderTarget(Path(sys.argv[1]), "sandbox")
if sys.argv[2] == "withdraw":
    target.withdraw("payment-prediction", 3)
else:
    made = artifact(sys.argv[2])
    target.deploy(made.model, Observed(made.model, made.version, made.digest, 2, "a" * 40), made.deployable)
"""


@pytest.mark.parametrize("change", ["1.1.0", "withdraw"])
def test_killed_at_any_point_the_target_serves_the_old_or_the_new_and_a_rerun_completes(
    tmp_path: Path, change: str
) -> None:
    library = killpoint.build(tmp_path)

    def run(root: Path, at: int) -> killpoint.Killed:
        deploy(FolderTarget(root, "sandbox"), OLD)
        return killpoint.run(library, [sys.executable, "-c", CHANGE, str(root), change], at=at, cwd=ROOT)

    whole = run(tmp_path / "whole", 0)
    assert whole.returncode == 0, whole.stderr
    assert whole.points >= 3
    for at in range(1, whole.points + 1):
        root = tmp_path / f"at-{at}"
        assert run(root, at).killed
        state = FolderTarget(root, "sandbox").observe(hash_bytes=True)
        assert state.status == "known"
        assert all(found.intact for found in state.models.values()), whole.log[at - 1]
        if change == "withdraw":
            FolderTarget(root, "sandbox").withdraw(MODEL, 3)
        else:
            deploy(FolderTarget(root, "sandbox"), NEW, 2)
        assert tree(root) == tree(tmp_path / "whole"), whole.log[at - 1]


def test_killed_in_the_very_first_deploy_a_rerun_completes(tmp_path: Path) -> None:
    library = killpoint.build(tmp_path)
    argv = [sys.executable, "-c", CHANGE]
    whole = killpoint.run(library, [*argv, str(tmp_path / "whole"), "1.0.0"], cwd=ROOT)
    swaps = [line for line in whole.log if line.endswith(" payment-prediction")]
    assert len(swaps) == 1, "a symlink has nothing to fsync, every other rename has"
    assert killpoint.not_durable(whole.log) == [f"{swaps[0]} (payment-prediction)"]
    for at in range(1, whole.points + 1):
        root = tmp_path / f"at-{at}"
        assert killpoint.run(library, [*argv, str(root), "1.0.0"], at=at, cwd=ROOT).killed
        assert FolderTarget(root, "sandbox").observe().status in ("empty", "known"), whole.log[at - 1]
        target = FolderTarget(root, "sandbox")
        deploy(target, OLD, 2)
        assert tree(root) == tree(tmp_path / "whole"), whole.log[at - 1]


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_a_stale_holder_in_another_process_is_refused(target: FolderTarget) -> None:
    deploy(FolderTarget(target.root, "sandbox"), NEW, generation=9)
    with pytest.raises(PlanAgain):
        deploy(target, OLD, generation=8)


def test_the_line_that_begins_a_lost_target_again_makes_it_known_and_empty(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "it's $HOME; a disk", "production")
    subprocess.run(["sh", "-c", target.observe().anew], check=True, cwd=tmp_path)
    assert target.observe() == TargetState("known")
