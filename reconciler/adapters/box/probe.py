"""Run inside a box to find out whether it is shut: tries to reach the network and files outside, says what it got.

`python -I -S probe.py OUT TCP_PORT UDP_PORT SECRET SOCKET`: OUT is its own folder; SECRET a file outside that it
tries to read, and beside which it tries to write; SOCKET a Unix socket outside. Standard library only.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable


def main() -> None:
    """Try everything, and write OUT/probe.json: what is tried → whether it succeeded."""
    out, tcp, udp, secret, local = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    tried = {
        "connect": _succeeds(lambda: _connect(socket.AF_INET, ("127.0.0.1", tcp))),
        "send": _succeeds(lambda: _send(udp)),
        "local": _succeeds(lambda: _connect_local(local)),
        "read": _succeeds(lambda: os.read(os.open(secret, os.O_RDONLY), 1)),
        "write": _succeeds(lambda: os.open(f"{secret}.written", os.O_WRONLY | os.O_CREAT)),
    }
    with open(f"{out}/probe.json", "w", encoding="utf-8") as file:  # noqa: PTH123  no import that is not needed
        json.dump(tried, file)


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _connect(family: int, address: object) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)  # type: ignore[arg-type]


def _connect_local(path: str) -> None:
    """By its name in its folder: the path of a socket may have 108 bytes, that of a temporary folder more."""
    os.chdir(os.path.dirname(path))  # noqa: PTH120  no import that is not needed
    _connect(socket.AF_UNIX, os.path.basename(path))  # noqa: PTH119


def _send(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("127.0.0.1", port))


if __name__ == "__main__":
    main()
