"""What describes a snapshot's folder: `snapshot.json.gz`, or `snapshot.json` where an earlier release wrote it.

Of a snapshot with many parts this is the largest file that every refresh writes anew, and three quarters of it are said
again and again; hence compressed. Read as a hostile file: bounded, a regular file, whole.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

NAME = "snapshot.json.gz"
#: As earlier releases wrote it, and what a person who looks into a folder may leave beside the other: it is read first.
PLAIN = "snapshot.json"
_LIMIT = 64 << 20


def compress(content: bytes) -> bytes:
    """The bytes of `NAME`: the same for the same content, on every day."""
    return gzip.compress(content, 9, mtime=0)


def description(folder: Path) -> bytes:
    """The JSON that describes a snapshot's folder. Raises FileNotFoundError where there is none, ValueError for one
    that is not whole or larger than any of ours."""
    plain = folder / PLAIN
    if plain.is_file():
        return plain.read_bytes()
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = unpacking.decompress((folder / NAME).read_bytes(), _LIMIT)
    except zlib.error:
        raise ValueError(f"{NAME} cannot be unpacked") from None
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError(f"{NAME} is not whole, or too large")
    return content


def size(folder: Path) -> int:
    """Bytes of what describes a folder, on the disk."""
    return sum(path.lstat().st_size for path in (folder / NAME, folder / PLAIN) if path.is_file())
