"""The deletion vectors that a Delta table's log names: files that hold which rows of others are deleted.

The library reads them, and opens whatever the log names. Here the log itself is read, of all its versions that can
matter, so that none outside of the table's folder is opened. Nothing is refused here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

from reconciler.adapters.sources.asking import Work

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})|\.[0-9a-f-]{36})?\.(?:parquet|json)")
_PREFIX = re.compile(r"[0-9A-Za-z]*")
_UUID = 20  # figures of one in Z85

Vector = tuple[str, str]
"""How a vector is stored (`i`nline, in a file that is named by a `u`uid, at an absolute `p`ath), and where."""


def strays(folder: Path, version: int, work: Work, is_inside: Callable[[str, Path], bool]) -> bool:
    """Whether the log of the table in `folder`, read at `version`, names a deletion vector that is not a regular file
    of the folder."""
    log = folder / "_delta_log"
    vectors = {*_of_texts(log), *_of_checkpoints(log, version, work)}
    files = (*folder.glob("deletion_vector_*"), *folder.glob("*/deletion_vector_*"))
    odd = any(not file.is_file() or not file.resolve().is_relative_to(folder) for file in files)
    return (odd and bool(vectors)) or any(not _is_plain(vector, folder, is_inside) for vector in vectors)


def _is_plain(vector: Vector, folder: Path, is_inside: Callable[[str, Path], bool]) -> bool:
    stored, where = vector
    match stored:
        case "i":
            return True
        case "u":  # a folder's name before the figures of the file's
            return _PREFIX.fullmatch(where[:-_UUID]) is not None
        case "p":
            return is_inside(where, folder)
        case _:
            return False


def _of_texts(log: Path) -> Iterator[Vector]:
    """Of commits, of commits that were folded into one, and of checkpoints that are texts."""
    for file in log.glob("*.json"):
        with file.open("rb") as lines:
            for line in lines:
                if b"deletionVector" in line or b"\\u" in line:  # a name may be written by its letters' numbers
                    yield from _of_line(line)


def _of_line(line: bytes) -> Iterator[Vector]:
    try:
        entry = json.loads(line)
    except ValueError:
        return  # the library, too, reads no file with such a line
    for action in entry.values() if isinstance(entry, dict) else ():
        vector = action.get("deletionVector") if isinstance(action, dict) else None
        if isinstance(vector, dict):
            yield str(vector.get("storageType")), str(vector.get("pathOrInlineDv"))


def _of_checkpoints(log: Path, version: int, work: Work) -> Iterator[Vector]:
    """Of the newest checkpoint that is whole, of any newer one, and of what they have beside them."""
    import duckdb

    asked = "SELECT add.deletionVector AS v FROM read_parquet(?)"
    asked = f"SELECT DISTINCT v.storageType, v.pathOrInlineDv FROM ({asked}) WHERE v IS NOT NULL"  # noqa: S608
    for file in (*_newest(log, version), *log.glob("_sidecars/*.parquet")):
        place = work.folder / "checkpoint.parquet"
        copyfile(file, place)
        try:
            yield from work.database.execute(asked, [str(place)]).fetchall()
        except duckdb.BinderException:
            pass  # it has no such column
        finally:
            place.unlink()


def _newest(log: Path, version: int) -> Iterator[Path]:
    found: dict[str, list[tuple[Path, int]]] = {}
    for file in log.iterdir():
        if (match := _CHECKPOINT.fullmatch(file.name)) and int(match[1]) <= version:
            found.setdefault(match[1], []).append((file, int(match[3] or 1)))
    for _, files in sorted(found.items(), reverse=True):
        yield from (file for file, _ in files if file.suffix == ".parquet")
        if any(parts == 1 or sum(of == parts for _, of in files) == parts for _, parts in files):
            return
