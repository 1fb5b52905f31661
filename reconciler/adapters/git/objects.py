"""Reads and writes git objects, through one long-lived `cat-file` and single `unpack-objects` processes.

Ids and the stream of a pack are made here; git checks, stores and syncs the objects. Refs are somebody else's.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from reconciler.adapters.git.process import Git
from reconciler.domain.errors import NeedsPerson

_KINDS = {"commit": 1, "tree": 2, "blob": 3}
_AT_ONCE = 200  # requests in the pipe before answers are read: 200 ids fit into any pipe, so neither side blocks


@dataclass(frozen=True)
class Loose:
    """An object to be written: its kind (commit, tree, blob), its bytes, and the id that git will give it."""

    kind: str
    content: bytes
    id: str


def object_id(kind: str, content: bytes, algorithm: str = "sha1") -> str:
    """The id that git gives to an object, without any filter."""
    digest = hashlib.new(algorithm, b"%s %d\0" % (kind.encode(), len(content)), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


class Objects:
    """The objects of one repository. Not for several threads."""

    def __init__(self, git: Git, algorithm: str) -> None:
        self._git = git
        self._algorithm = algorithm
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, kind: str, content: bytes) -> Loose:
        """An object with its id, not written yet."""
        return Loose(kind, content, object_id(kind, content, self._algorithm))

    def write(self, objects: Iterable[Loose]) -> None:
        """Store objects durably, in the order given; those that are there already are left alone.
        Raises RetryLater where the disk refuses."""
        unique = list({each.id: each for each in objects}.values())
        if unique:
            self._git.run("unpack-objects", "-q", feed=_pack(unique, self._algorithm), shielded=True)

    def read(self, name: str) -> tuple[str, bytes] | None:
        """(kind, content) of an object by its id; None where there is no such object."""
        return next(iter(self.read_all([name])))[1]

    def read_all(self, names: Sequence[str]) -> Iterator[tuple[str, tuple[str, bytes] | None]]:
        """(id, (kind, content) or None) for every id, in order."""
        for start in range(0, len(names), _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            out = self._ask("contents", part)
            # A part is read whole before it is handed on: a reader who stops half-way must not leave answers behind.
            yield from [(name, _answer(out, name)) for name in part]

    def sizes(self, names: Sequence[str]) -> Mapping[str, int]:
        """Id → size in bytes of those objects that are there."""
        found = {}
        for start in range(0, len(names), _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            out = self._ask("info", part)
            for name in part:
                header = _header(out, name)
                if header is not None:
                    found[name] = header[1]
        return found

    def close(self) -> None:
        """End the reading process."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def __del__(self) -> None:
        self.close()

    def _ask(self, command: str, names: Sequence[str]) -> IO[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = self._git.converse("cat-file", "--batch-command", "--buffer")
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101 (both are pipes; told to the type checker)
        try:
            stdin.write("".join(f"{command} {name}\n" for name in names).encode() + b"flush\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise NeedsPerson("git cat-file ended", next_step="install git 2.36 or newer") from error
        return stdout


def _answer(out: IO[bytes], name: str) -> tuple[str, bytes] | None:
    header = _header(out, name)
    if header is None:
        return None
    content = out.read(header[1] + 1)
    if len(content) != header[1] + 1:
        raise _broken(name)
    return header[0], content[:-1]


def _header(out: IO[bytes], name: str) -> tuple[str, int] | None:
    line = out.readline().decode("utf-8", "replace").rstrip("\n")
    if line.endswith(" missing"):
        return None
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].isdigit():
        raise _broken(name)
    return parts[1], int(parts[2])


def _broken(name: str) -> NeedsPerson:
    return NeedsPerson(
        f"git cannot read object {name}", next_step="git fsck says what is damaged; this needs git 2.36 or newer"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


def _pack(objects: Sequence[Loose], algorithm: str) -> bytes:
    """A pack of whole objects: header, entries of type, size and deflated bytes, and the hash of it all
    (gitformat-pack(5))."""
    body = [b"PACK", struct.pack(">II", 2, len(objects))]
    for each in objects:
        size = len(each.content)
        byte, size = _KINDS[each.kind] << 4 | size & 15, size >> 4
        head = bytearray()
        while size:
            head.append(byte | 128)
            byte, size = size & 127, size >> 7
        head.append(byte)
        body += [bytes(head), zlib.compress(each.content, 1)]
    stream = b"".join(body)
    return stream + hashlib.new(algorithm, stream, usedforsecurity=False).digest()
