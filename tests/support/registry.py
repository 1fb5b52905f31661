"""A real OCI registry (docker-registry) on loopback, and skopeo to copy with."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: {deletes}}}}}
http: {{addr: "127.0.0.1:{port}"}}
{more}
"""


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def registry(folder: Path, *, more: str = "", deletes: bool = True) -> Iterator[str]:
    """Run docker-registry with its data in `folder`; gives ``127.0.0.1:PORT``, and stops it at the end. `more` are
    lines of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = folder / "config.yml"
    config.write_text(CONFIG.format(root=folder / "data", port=port, more=more, deletes=str(deletes).lower()))
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    argv = ["docker-registry", "serve", str(config)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log, env=environment)
    try:
        _wait_until_up(server, port, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def clear_away(folder: Path) -> None:
    """What a keeper does to free what nothing names, untagged manifests too."""
    argv = ["docker-registry", "garbage-collect", "--delete-untagged", str(folder / "config.yml")]
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr


def blob_file(folder: Path, digest: str) -> Path:
    """Where the registry with its data in `folder` keeps a blob."""
    figures = digest.removeprefix("sha256:")
    return folder / "data/docker/registry/v2/blobs/sha256" / figures[:2] / figures / "data"


def copy(source: str, destination: str, *options: str) -> None:
    """``skopeo copy --preserve-digests`` between references (`oci:DIR:TAG`, `docker://HOST/NAME:TAG`)."""
    argv = ["skopeo", "copy", "--quiet", "--preserve-digests", "--insecure-policy", *options]
    argv += ["--src-tls-verify=false", "--dest-tls-verify=false", source, destination]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def _wait_until_up(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Connect until it answers: a refused connect returns at once, so each try waits for the server's own exit."""
    for _ in range(400):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            server.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"docker-registry ended at once: {log.read_text()}")
    raise AssertionError("docker-registry did not answer in 20 s")
