"""Take snapshots away: renamed first, removed after, so that a snapshot is whole or not there; parts that another one
has stay."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.adapters.snapshots.files import force
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.tools import described

_FIGURES = frozenset("0123456789abcdef")


def sizes(store: Path, digests: Iterable[str]) -> dict[str, int]:
    """Digest → bytes that would be free if these all went, for those that are there. A part that several of them share
    counts with the first; one that another snapshot has, with none."""
    going = [figures for digest in digests if (store / (figures := digest.removeprefix("sha256:"))).is_dir()]
    stay = {part for name in _folders(store) if name not in going for part in _parts(store / name)}
    out: dict[str, int] = {}
    for name in dict.fromkeys(going):
        place = store / name
        own = {part: size for part, size in _parts(place).items() if part not in stay}
        stay |= own.keys()
        out[f"sha256:{name}"] = sum(own.values()) + described.size(place)
    return out


def remove(store: Path, digests: Iterable[str]) -> None:
    """Remove snapshots, and parts of the pool that no other snapshot names; idempotent. Where a snapshot that stays
    cannot be read, the pool is left as it is."""
    if not store.is_dir():
        return
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=store) as gone:
        for number, digest in enumerate(digests):
            place = store / digest.removeprefix("sha256:")
            if place.is_dir() and not place.is_symlink():
                place.rename(Path(gone) / str(number))
        force(store)
        _sweep_pool(store, Path(gone))


def _sweep_pool(store: Path, gone: Path) -> None:
    try:
        wanted = {part for name in _folders(store) for part in _named(store / name)}
    except VerificationFailed:
        return
    for path in sorted((store / "parts").glob("*.parquet")):
        if path.stem not in wanted:
            path.with_suffix(".json").unlink(missing_ok=True)  # a note never stands without its file's bytes
            path.rename(gone / path.name)


def _folders(store: Path) -> Iterator[str]:
    for path in store.iterdir() if store.is_dir() else ():
        if len(path.name) == 64 and not set(path.name) - _FIGURES and path.is_dir():
            yield path.name


def _named(place: Path) -> Iterator[str]:
    """The figures of the parts that a snapshot's manifest names."""
    try:
        manifest = SnapshotManifest.model_validate_json(described.description(place))
    except (OSError, ValueError) as error:
        raise VerificationFailed(f"snapshot {place.name} cannot be read", next_step="reconciler verify") from error
    for table in manifest.tables.values():
        yield from (part.digest.removeprefix("sha256:") for part in table.parts)


def _parts(place: Path) -> Mapping[str, int]:
    """Part of a snapshot, by what tells its file from others → bytes."""
    return {_identity(path): _size(path) for path in place.rglob("*.parquet")}


def _identity(path: Path) -> str:
    found = path.lstat()
    return f"{found.st_dev}:{found.st_ino}"


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def leftovers(store: Path) -> None:
    """Take away what a killed refresh or removal left behind: temporary folders, never a snapshot or a part."""
    for folder in (store, store / "parts"):
        for leftover in folder.glob(".tmp-*"):
            shutil.rmtree(leftover, ignore_errors=True)
