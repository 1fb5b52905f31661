"""A real PostgreSQL server on loopback: one for each test session, a database for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.components import leave_out
from tests.support.registry import free_port

PASSWORD = "pw-of-the-server"
READER_PASSWORD = "pw-of-the-reader"
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
max_connections = 20
ssl = on
"""


@dataclass(frozen=True)
class Postgresql:
    """The server's port, and who may do everything; `reader` may only read."""

    port: int
    folder: Path


def binaries() -> Path:
    """Where initdb is: Debian keeps it out of the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists():
            return place
    leave_out("not installed: postgresql (apt-get install postgresql)")
    raise AssertionError


def _ids() -> dict[str, int]:
    """Root may not run it: then it is nobody who does."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """Run a server with a user `owner` and a user `reader`; certificates are its own, which nobody trusts."""
    place = binaries()
    with tempfile.TemporaryDirectory(prefix="reconciler-pg-") as name:
        folder = Path(name)
        ids = _ids()
        if ids:
            os.chown(folder, ids["user"], ids["group"])
        data, log = folder / "data", folder / "log"
        variables = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)

        def run(*argv: str) -> None:
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=60, cwd=folder, env=variables, **ids
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr

        initdb = [
            str(place / "initdb"),
            "-D",
            str(data),
            "-U",
            "owner",
            "-E",
            "UTF8",
            "--no-sync",
            "-A",
            "scram-sha-256",
        ]
        run(*initdb, f"--pwfile={folder / 'password'}")
        run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-keyout", str(data / "server.key"), "-out", str(data / "server.crt"),
        )  # fmt: skip
        port = free_port()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"{SETTINGS}port = {port}\n")
        run(str(place / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-t", "30", "start")
        try:
            yield Postgresql(port, folder)
        finally:
            run(str(place / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
