"""A stand-in for the training program: `prisoner.py DEED JOB.json OUT/` does the deed that a test asks for.

Standard library only. Every deed ends by writing what it found to OUT/found.json, and a good result.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

signal.alarm(60)  # a box that does not hold must not leave a deed running
deed, job_file, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
job = json.loads(job_file.read_text())
snapshot = Path(job.get("snapshot_folder") or job["artifact_folder"])
asked = json.loads((snapshot / "asked.json").read_text()) if (snapshot / "asked.json").exists() else {}
found: dict[str, object] = {}


def attempt(name: str, action: object) -> None:
    try:
        found[name] = action() or "done"  # type: ignore[operator]
    except OSError as error:
        found[name] = f"refused: {error.strerror}"


def finish(**more: object) -> None:
    (out / "found.json").write_text(json.dumps(found))
    result = {"kind": "train", "reported": None, "rows": 1, "parity": 0.0} | more
    (out / "result.json").write_text(json.dumps(result))


def connect() -> None:
    with socket.create_connection(("127.0.0.1", asked["port"]), timeout=5):
        pass


def local() -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(asked["socket"])


def other_numbering() -> str:
    """socket() by its number of the x32 numbering, which a filter of plain numbers would miss."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(0x40000000 + 41, 2, 1, 0)
    if result < 0 and ctypes.get_errno() == errno.EPERM:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return "not filtered, whether this kernel knows it or not"


def names(folder: str) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]


if deed == "look around":
    found["home"] = names(os.environ["HOME"])
    attempt("connect", connect)
    attempt("local", local)
    attempt("other numbering", other_numbering)
    attempt("ssh key", lambda: Path(asked["key"]).read_text())
    attempt("repository", lambda: ",".join(names(asked["repository"])))
    attempt("parent's environment", lambda: Path(f"/proc/{asked['parent']}/environ").read_bytes().decode())
    attempt("passwords", lambda: Path("/etc/shadow").read_text())
    attempt("write beside", lambda: Path(asked["key"]).with_name("new").write_text("x"))
    attempt("write snapshot", lambda: (snapshot / "new").write_text("x"))
    attempt("write python", lambda: (Path(sys.prefix) / "new").write_text("x"))
    attempt("write code", lambda: (Path(asked["package"]) / "new.py").write_text("x"))
    attempt("link out", lambda: os.link(asked["key"], Path(os.environ["HOME"], "key")))
    attempt("kill parent", lambda: os.kill(asked["parent"], 0))
    attempt("own session", os.setsid)
    found["snapshot"] = (snapshot / "data.txt").read_text()
    found["environment"] = dict(os.environ)
    found["descriptors"] = sorted(int(name) for name in names("/proc/self/fd"))[:-1]
    finish()
elif deed == "import":
    import duckdb
    import numpy

    import reconciler.domain.jobs

    database = duckdb.connect()
    database.execute(f"COPY (SELECT 7 AS n) TO '{out / 'made.parquet'}'")
    found["rows"] = database.execute("SELECT n FROM read_parquet(?)", [str(out / "made.parquet")]).fetchall()
    found["package"] = reconciler.domain.jobs.__name__
    found["sum"] = int(numpy.arange(4).sum())
    found["processor"] = "processor" in Path("/proc/cpuinfo").read_text()
    finish()
elif deed == "look out":
    attempt("connect", connect)
    attempt("ssh key", lambda: Path(asked["key"]).read_text())
    finish()
elif deed == "memory":
    block = bytearray(1 << 30)
elif deed == "memory shared among children":
    for _ in range(4):
        if os.fork() == 0:
            signal.alarm(60)
            block = bytearray(b"x") * (100 << 20)
            signal.alarm(30)
            signal.pause()
    signal.pause()
elif deed == "memory, told":
    finish(kind="failure", whose="machine", reason="out of memory")
    (out / "result.json").write_text('{"kind": "failure", "whose": "machine", "reason": "out of memory"}')
elif deed == "spin":
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    for _ in range(1 << 31):
        pass
elif deed == "wait":
    signal.pause()
elif deed == "fork":
    # Bounded, and each child ends by itself: where the box fails to end them, the machine must not be lost.
    for _ in range(300):
        if os.fork() == 0:
            signal.alarm(30)
            signal.pause()
    signal.pause()
elif deed == "big file":
    with (out / "model.onnx").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * (1 << 20))
elif deed == "many files":
    for number in range(200):
        (out / f"f{number}").write_bytes(b"x" * (1 << 20))
    signal.alarm(30)
    signal.pause()
elif deed == "die":
    os.kill(os.getpid(), signal.SIGKILL)
elif deed == "crash":
    sys.stderr.write("first line\n" + "\x1b[31mred\r" + "x" * 5000 + "\n")
    sys.exit(3)
elif deed == "raise":
    raise RuntimeError("the reason")
elif deed == "say nothing":
    sys.exit(0)
elif deed == "write":
    exec_ = asked["result"]
    (out / "result.json").write_bytes(exec_.encode("latin-1"))
elif deed == "result is a symlink":
    (out / "result.json").symlink_to("/etc/hostname")
elif deed == "result is a pipe":
    os.mkfifo(out / "result.json")
elif deed == "result is huge":
    (out / "result.json").write_bytes(b"")
    os.truncate(out / "result.json", 64 << 20)
elif deed == "leave a symlink":
    (out / "model.onnx").symlink_to("/etc/hostname")
    finish()
elif deed == "leave a pipe":
    os.mkfifo(out / "model.onnx")
    finish()
elif deed == "leave an odd name":
    (out / "evil\x1b[31m\nname").write_text("x")
    finish()
elif deed == "leave a locked folder":
    finish()
    (out / "model.onnx").write_text("x")
    Path(os.environ["HOME"], "deep").mkdir()
    Path(os.environ["HOME"], "deep", "file").write_text("x")
    Path(os.environ["HOME"], "deep").chmod(0)
elif deed == "progress":
    for line in (
        '{"progress": "fitting", "done": 1, "of": 4}',
        "not json",
        "[" * 5000,
        '{"progress": 1, "done": 1, "of": 1}',
        '{"progress": "x", "done": -1, "of": 1}',
        '{"progress": "x", "done": true, "of": 1}',
        '{"progress": "x", "done": 1e400, "of": 1}',
        '{"progress": "' + "y" * 100_000 + '", "done": 1, "of": 1}',
        '{"progress": "\\u001b[31mred", "done": 2, "of": 4}',
        '{"progress": "' + "z" * 1000 + '", "done": 3, "of": 4}',
        '{"progress": "fitting", "done": 4, "of": 4}',
    ):
        sys.stdout.write(line + "\n")
    sys.stdout.write("no end" * 100_000)
    sys.stderr.write("e" * 1_000_000)
    finish()
elif deed == "tell pid and wait":
    sys.stdout.write('{"progress": "started", "done": 0, "of": 0}\n')
    sys.stdout.flush()
    time.sleep(600)
else:
    sys.exit(f"no such deed: {deed}")
