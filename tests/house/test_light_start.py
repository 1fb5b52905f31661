"""Commands that only read git and files start light: none of them loads a heavy library, not even inside a function.

Each runs in a process of its own over a repository that has everything (models, ledgers, a store, targets), so that
it goes its whole way and not only to a first error.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import made
from tests.support.imports import ROOT

HEAVY = ("pandas", "numpy", "sklearn", "scipy", "skl2onnx", "onnx", "onnxruntime", "duckdb")

PROGRAM = """
import atexit, sys
from pathlib import Path
heavy, told = sys.argv[1].split(","), sys.argv[2]
sys.argv = ["reconciler", *sys.argv[3:]]
loaded = lambda: sorted({name.split(".")[0] for name in sys.modules} & {*heavy})
atexit.register(lambda: Path(told).write_text("\\n".join(loaded())))
from reconciler.__main__ import main
main()
"""

COMMANDS = [
    ["--help"],
    ["validate"],
    ["plan"],
    ["plan", "--working-tree", "--explain"],
    ["plan", "-o", "json"],
    ["status"],
    ["status", "-o", "json"],
    ["history"],
    ["history", made.model_name(0), "-e", "production", "-o", "json"],
    ["fmt", "--check"],
    ["diff", "staging", "production"],
    ["show", f"{made.model_name(0)}@{made.VERSION}"],
    ["lease", "list"],
    ["features"],
    ["features", "--explain", "history_days_late"],
    ["drift"],
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light") / "shop"
    made.settled(folder, 2)
    return folder


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_that_only_reads_loads_no_heavy_library(
    arguments: Sequence[str], repository: Path, tmp_path: Path
) -> None:
    done, loaded = _run(arguments, repository, tmp_path)
    assert done.returncode in (0, 3), done.stderr
    assert "this should not happen" not in done.stderr
    assert loaded == []


def test_the_history_of_a_model_builds_no_model_of_pydantic(repository: Path, tmp_path: Path) -> None:
    _run(["plan"], repository, tmp_path)  # the manifests are read, and remembered
    arguments = ["history", made.model_name(0), "-e", "production"]
    done, loaded = _run(arguments, repository, tmp_path, heavy=("pydantic", "yaml"))
    assert f"{made.model_name(0)} {made.VERSION}" in done.stdout, done.stderr
    assert loaded == []


def test_a_heavy_library_would_be_seen(repository: Path, tmp_path: Path) -> None:
    _, loaded = _run(["--help"], repository, tmp_path, heavy=("click", "pandas"))
    assert loaded == ["click"]


def test_a_repository_that_is_as_the_manifests_say_has_nothing_to_do(repository: Path, tmp_path: Path) -> None:
    done, _ = _run(["plan", "--detailed-exitcode"], repository, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def _run(
    arguments: Sequence[str], repository: Path, tmp_path: Path, heavy: Sequence[str] = HEAVY
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    told = tmp_path / "loaded"
    argv = [sys.executable, "-c", PROGRAM, ",".join(heavy), str(told), "-C", str(repository), *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done, told.read_text(encoding="utf-8").split()
