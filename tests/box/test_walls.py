"""A job in the box reaches nothing: tried from inside, in every kind of box that this machine has."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import reconciler
from reconciler.adapters.box import Walls
from reconciler.adapters.box.probing import best, probe
from reconciler.adapters.box.walls import CANDIDATES
from reconciler.domain.errors import NeedsPerson
from reconciler.domain.jobs import TrainResult
from reconciler.ports import BoxRules
from tests.box.conftest import Answered, Run, job, trainer
from tests.support.components import leave_out

ROOT = Path(__file__).parents[2]


@pytest.fixture
def outside(tmp_path: Path, snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with an SSH key, a server and a socket outside, a secret in the environment; all can be reached here."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    key = home / ".ssh" / "id_ed25519"
    key.write_text("the planted key")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the planted secret")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(home / "socket"))
        local.listen()
        asked = {
            "port": server.getsockname()[1],
            "socket": str(home / "socket"),
            "key": str(key),
            "repository": str(ROOT / ".git"),
            "package": str(Path(reconciler.__file__).parent),
            "parent": os.getpid(),
        }
        (snapshot / "asked.json").write_text(json.dumps(asked))
        yield home


def test_a_job_reaches_no_network_no_home_and_writes_only_to_its_own_folder(
    run: Run, outside: Path, walls: Walls, snapshot: Path
) -> None:
    answered: Answered = run("look around", walls)
    assert isinstance(answered.result, TrainResult), answered.result
    got = {name: found for name, found in answered.found.items() if isinstance(found, str) and found != "rows"}
    assert len(got) == 14
    assert {name: found for name, found in got.items() if not found.startswith("refused")} == {}
    assert answered.found["snapshot"] == "rows"
    assert sorted(path.name for path in snapshot.iterdir()) == ["asked.json", "data.txt"]
    assert sorted(path.name for path in outside.rglob("*")) == [".ssh", "id_ed25519", "socket"]


def test_a_job_has_none_of_the_parent_s_environment_and_no_open_file_of_it(
    run: Run, outside: Path, walls: Walls
) -> None:
    found = run("look around", walls).found
    environment = found["environment"]
    assert isinstance(environment, dict)
    home = environment.pop("HOME")
    assert environment.pop("TMPDIR") == home
    assert environment.pop("PYTHONPATH") == str(Path(home).with_name("path"))
    environment.pop("PWD", None)
    assert environment == {
        "PATH": "/usr/bin:/bin",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    assert found["home"] == []
    assert found["descriptors"] == [0, 1, 2]


def test_a_job_imports_this_package_and_the_libraries_and_knows_its_processor(run: Run, walls: Walls) -> None:
    found = run("import", walls).found
    assert found == {"package": "reconciler.domain.jobs", "sum": 6, "processor": True, "rows": [[7]]}


def test_the_receipt_says_what_was_got(run: Run, outside: Path, walls: Walls) -> None:
    isolation = run("look around", walls).isolation
    assert (isolation.network, isolation.files) == (walls.network, walls.files)


def test_without_walls_the_probe_gets_out_and_the_receipt_would_say_none() -> None:
    found = probe(CANDIDATES[-1])
    assert found.started
    assert (found.network, found.files) == (False, False)
    assert (found.isolation.network, found.isolation.files) == ("none", "none")


def test_a_long_temporary_folder_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("a" * 100) / ("b" * 100)  # the path of a socket may have 108 bytes
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    found = probe(CANDIDATES[-1])
    assert (found.started, found.network) == (True, False)


def test_landlock_alone_leaves_datagrams_and_is_not_called_a_network_wall() -> None:
    found = probe(Walls("landlock", "landlock", landlock=True))
    if not found.started:
        leave_out(f"no Landlock here: {found.detail}")
    assert not found.network


def test_the_best_walls_are_chosen_by_what_holds_and_not_by_their_order() -> None:
    nothing, half = CANDIDATES[-1], CANDIDATES[-2]
    assert best([nothing, half]).walls == half


def test_required_isolation_that_is_not_to_be_had_is_refused_with_what_is_missing_and_how_to_get_it(
    tmp_path: Path, snapshot: Path
) -> None:
    boxed = trainer("look out", tmp_path, CANDIDATES[-1])
    with pytest.raises(NeedsPerson, match="network and files") as refused, boxed.run(job(snapshot), BoxRules(), print):
        pass
    assert "apt-get install bubblewrap" in refused.value.next_step
    assert "training.isolation: best-effort" in refused.value.next_step


def test_best_effort_runs_without_walls_and_records_that(run: Run, outside: Path) -> None:
    answered = run("look out", CANDIDATES[-1], rules=BoxRules(required=False))
    assert (answered.isolation.network, answered.isolation.files) == ("none", "none")
    assert answered.found["connect"] == "done"
    assert answered.found["ssh key"] == "the planted key"


def test_a_machine_that_denies_bubblewrap_its_namespaces_says_so_or_gets_other_walls(
    tmp_path: Path, snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = tmp_path / "bin" / "bwrap"
    denied.parent.mkdir()
    denied.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    denied.chmod(0o755)
    monkeypatch.setenv("PATH", f"{denied.parent}:{os.environ['PATH']}")
    alone = trainer("look out", tmp_path, CANDIDATES[0])
    with pytest.raises(NeedsPerson, match="uid map: Permission denied"), alone.run(job(snapshot), BoxRules(), print):
        pass
    assert not best().walls.bubblewrap


def test_a_snapshot_that_is_not_there_is_told(tmp_path: Path) -> None:
    boxed = trainer("look out", tmp_path)
    with pytest.raises(NeedsPerson, match="is not there"), boxed.run(job(tmp_path / "gone"), BoxRules(), print):
        pass
