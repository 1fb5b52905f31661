"""What a training's result may depend on besides its job, fixed before any heavy library is loaded.

Hash seed, threads, BLAS kernel, NumPy's CPU features, time zone and locale are read by libraries from the
environment when they start. Where they are not the fixed values, the program starts itself again, once, with an
environment that holds nothing else.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

_MARK = "RECONCILER_TRAINING_ENVIRONMENT"
_ASK = "from numpy._core._multiarray_umath import __cpu_features__ as f; print(f['AVX2'] and f['FMA3'])"
_KEPT = ("PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


def blas_kernel() -> str:
    """The kernel of OpenBLAS that every machine of this platform gives: Haswell on x86-64 with AVX2 and FMA, else
    Nehalem (SSE 4.2, which NumPy asks for anyway); ARMV8 on 64-bit ARM; empty, its own choice, elsewhere."""
    machine = platform.machine().lower()
    if machine in ("arm64", "aarch64"):
        return "ARMV8"
    if machine not in ("x86_64", "amd64"):
        return ""
    return "Haswell" if _has_avx2() else "Nehalem"


def _has_avx2() -> bool:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # a box without /proc: ask NumPy, in a process of its own that nothing has limited
        done = subprocess.run([sys.executable, "-c", _ASK], env={}, capture_output=True, text=True, check=False)
        return done.stdout.strip() == "True"
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return {"avx2", "fma"} <= set(line.split())


def fixed() -> dict[str, str]:
    """The variables that decide results, with their fixed values."""
    kernel = blas_kernel()
    beyond = {"Haswell": "X86_V4 AVX512_ICL AVX512_SPR", "Nehalem": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}
    return {
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        **({"OPENBLAS_CORETYPE": kernel} if kernel else {}),
        **({"NPY_DISABLE_CPU_FEATURES": beyond[kernel]} if kernel in beyond else {}),
    }


def settle() -> None:
    """Return in the fixed environment; otherwise replace this process by one that has it."""
    wanted = {name: os.environ[name] for name in _KEPT if name in os.environ} | fixed() | {_MARK: "1"}
    if _MARK in os.environ and all(os.environ.get(name) == value for name, value in fixed().items()):
        return
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606


def name() -> str:
    """The platform of an artifact's bytes: operating system, architecture, BLAS kernel."""
    return "-".join(filter(None, (platform.system(), platform.machine(), blas_kernel()))).lower()
