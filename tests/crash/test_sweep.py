"""The crash sweep. A command is killed, with all its processes, just before each fsync, rename and link that it or
git makes; an ordinary rerun must then reach what an undisturbed run reaches: the same deployments, stores and
receipts (times and leases aside), nothing trained twice that had been stored, nothing left to do, nothing wrong for
`verify`, no lease and no lock file in the way.

Every point of the first apply is tried. Elsewhere it is a seeded sample of the points, and without a remote each
change of a name in a store or a target; CRASH_ALL=1, which `make proof` sets, tries all of them.
"""

from __future__ import annotations

import os

import pytest

from tests.support import killpoint
from tests.support.components import needs
from tests.support.crash import IN_THE_BOX, Sweeper, chosen
from tests.support.crash_scenes import REPLACING, SCENES

pytestmark = pytest.mark.swept

PARTS = 6
OTHERS = sorted(SCENES.keys() - {"first apply"})


def swept(sweeper: Sweeper, scene: str, points: list[int]) -> None:
    """Nothing was wrong after any of these kills, and there were some."""
    assert points
    assert sweeper.undisturbed(scene)["wrong"] == []
    assert [str(life) for life in sweeper.sweep(scene, points)] == []


@pytest.mark.parametrize("part", range(PARTS))
def test_a_first_apply_killed_anywhere_ends_as_an_undisturbed_one(local: Sweeper, part: int) -> None:
    log = local.undisturbed("first apply")["log"]
    assert len(log) > 100
    swept(local, "first apply", chosen("first apply", log, every=1)[part::PARTS])


@pytest.mark.parametrize("scene", OTHERS)
def test_a_command_killed_at_some_points_ends_as_an_undisturbed_one(local: Sweeper, scene: str) -> None:
    swept(local, scene, chosen(scene, local.undisturbed(scene)["log"], every=15))


@pytest.mark.parametrize("scene", REPLACING)
def test_a_refresh_killed_while_it_writes_leaves_the_old_snapshot_in_use(local: Sweeper, scene: str) -> None:
    """While the parts and the snapshot are written and around the receipt; after each kill (and after those of the
    sweep above) `plan`, `data show` and `predict` work with the snapshot that the ledger has, and the rerun ends with
    the digest of an undisturbed run."""
    log = local.undisturbed(scene)["log"]
    parts = [at for at, line in enumerate(log, 1) if "snapshots/" in line]
    receipt = [at for at, line in enumerate(log, 1) if "ledger/sandbox" in line]
    assert len(parts) > 20 and receipt
    points = parts if os.environ.get("CRASH_ALL") else [*parts[:: len(parts) // 6], parts[-1]]
    swept(local, scene, sorted({*points, *receipt}))


def test_with_a_remote_the_next_run_in_this_or_another_clone_ends_as_an_undisturbed_one(remote: Sweeper) -> None:
    for scene in ("first apply", "promotion to a store of its own"):
        swept(remote, scene, chosen(scene, remote.undisturbed(scene)["log"], every=30, names=False))


@pytest.mark.real
def test_a_real_training_killed_again_and_again_is_stored_once(boxed: Sweeper) -> None:
    """Killed in the box, before the artifact has its tag, before the receipt of the training, and before the target
    is swapped."""
    needs("bwrap")
    assert boxed.undisturbed("first apply")["wrong"] == []
    deaths = (IN_THE_BOX, "renameat index.json", "ledger/sandbox.lock", "renameat payment-prediction")
    life = boxed.kill("first apply", *deaths)
    assert life.wrong == (), str(life)
    assert life.trained == 3


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_what_is_moved_is_on_the_disk_before_and_its_folder_after(local: Sweeper, scene: str) -> None:
    """What a kill cannot show, for the kernel outlives it: the order of fsync and rename, of git's refs and of ours."""
    log = local.undisturbed(scene)["log"]
    calls = [line.split(" ", 2)[1:] for line in log]
    moved = [at for at, (call, path) in enumerate(calls) if call == "rename" and "/refs/" in path]
    assert moved
    for at in moved:
        ref = calls[at][1]
        assert calls[at - 1] == ["fsync", f"{ref}.lock"]
        assert calls[at + 1] == ["fsync", ref.rpartition("/")[0]]
    ours = [line for line in log if " renameat " in line or (" fsync " in line and "/.git/" not in line)]
    swaps = [
        line for line in log if line.endswith("renameat payment-prediction")
    ]  # a symlink: there is no fsync of one
    assert [each for each in killpoint.not_durable(ours) if not each.startswith(tuple(swaps))] == []


def test_the_points_of_an_apply_are_those_of_git_the_store_and_the_target(local: Sweeper) -> None:
    log = local.undisturbed("first apply")["log"]
    for called in ("rename refs/heads/ledger/sandbox", "rename refs/reconciler/leases/", "link objects/",
                   "renameat index.json", "fsync outside/store/blobs", "fsync outside/targets/sandbox"):  # fmt: skip
        call, path = called.split(" ")
        assert any(f" {call} " in line and path in line for line in log), called
