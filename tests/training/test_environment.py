"""The environment that a training gets, whatever it was started with."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.training import environment

_SHOW = """
import json, os
from reconciler.training.environment import settle
settle()
from numpy._core._multiarray_umath import __cpu_features__ as features
print(json.dumps({"environment": dict(os.environ), "avx512": features.get("X86_V4", False)}))
"""


def _settled(**given: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", _SHOW],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_nothing_of_the_parents_environment_that_could_decide_bytes_is_left() -> None:
    given = {"OPENBLAS_CORETYPE": "Sandybridge", "OMP_NUM_THREADS": "7", "OPENBLAS_L2_SIZE": "512", "SECRET": "x"}
    found = _settled(**given, PYTHONHASHSEED="5", TZ="Asia/Tokyo")["environment"]
    assert isinstance(found, dict)
    assert found.items() >= environment.fixed().items()
    assert not {"OPENBLAS_L2_SIZE", "SECRET"} & set(found)
    assert _settled()["environment"] == found


@pytest.mark.skipif(platform.machine() != "x86_64", reason="kernels of x86-64")
def test_blas_and_numpy_use_what_processors_with_and_without_avx512_share() -> None:
    flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
    assert environment.fixed()["OPENBLAS_CORETYPE"] == ("Haswell" if {"avx2", "fma"} <= set(flags) else "Nehalem")
    assert "X86_V4" in environment.fixed()["NPY_DISABLE_CPU_FEATURES"]
    assert _settled()["avx512"] is False


def test_the_platform_is_named_by_system_machine_and_kernel() -> None:
    assert environment.name().startswith(f"{platform.system()}-{platform.machine()}".lower())
