"""Which files may be read, and which hosts asked: regular files whose real place is below a folder, and hosts, that
the runner names.

The check is made on the resolved path and again on the opened file, so that a link swapped in between does not
help. URLs, `..`, devices, pipes, and anything below a `.git` folder are refused.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from reconciler.domain.errors import AuthorMustFix, RetryLater

_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")
_PORT = re.compile(r"[0-9]{1,5}(?:/|$)")


@dataclass(frozen=True)
class Allowed:
    """The folders that data may be read from, the hosts that may be asked (`host`, or `host:port` for one port), and
    the repositories of registries that copies may be kept in, where not a whole host is meant for them."""

    folders: tuple[Path, ...]
    hosts: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Path, entries: Sequence[str]) -> Allowed:
        """By entries: a folder, where relative from the root, `//HOST` or `//HOST:PORT`, or a repository with all below
        it as `//HOST:PORT/REPOSITORY`."""
        places = frozenset(entry[2:].lower().rstrip("/") for entry in entries if entry.startswith("//"))
        repositories = frozenset(place for place in places if "/" in place)
        folders = tuple(root / entry for entry in entries if entry and not entry.startswith("//"))
        return cls(folders, places - repositories, repositories)

    def check_host(self, host: str, port: int) -> None:
        """Raise AuthorMustFix for a host that this runner does not allow."""
        if not _both(host, port) & self.hosts:
            raise _not_allowed(f"{host}:{port}", "asked")

    def check_repository(self, host: str, port: int, name: str) -> None:
        """Raise AuthorMustFix for a repository of a registry that this runner does not allow: neither its host, nor
        itself, nor one that it lies below."""
        steps = name.split("/")
        above = {"/".join(steps[:number]) for number in range(1, len(steps) + 1)}
        named = {f"{server}/{each}" for server in _both(host, port) for each in above}
        if not _both(host, port) & self.hosts and not named & self.repositories:
            raise _not_allowed(f"{host}:{port}/{name}", "used")


def _both(host: str, port: int) -> set[str]:
    return {host.lower(), f"{host.lower()}:{port}"}


def _not_allowed(place: str, done: str) -> AuthorMustFix:
    return AuthorMustFix(
        f"{place} may not be {done}: this runner does not allow it",
        next_step=f"whoever keeps this runner types: git config --add reconciler.dataAllow //{place} "
        "(or sets RECONCILER_DATA_ALLOW)",
    )


def allowed_by(root: Path, environment_value: str | None, config_values: Sequence[str]) -> Allowed:
    """What data may be read from: RECONCILER_DATA_ALLOW (split at os.pathsep) before git config
    `reconciler.dataAllow` (each value one entry), before the repository's own folder."""
    found = Allowed.of(root, _entries(environment_value) if environment_value else config_values)
    return found if found.folders else replace(found, folders=(root,))


def _entries(value: str) -> list[str]:
    """Figures after a host are its port, although what parts entries may be the same mark; a repository may follow."""
    out: list[str] = []
    for part in value.split(os.pathsep):
        if _PORT.match(part) and out and out[-1].startswith("//") and ":" not in out[-1] and "/" not in out[-1][2:]:
            out[-1] += f":{part}"
        elif part:
            out.append(part)
    return out


def open_allowed(path: str, root: Path, allowed: Sequence[Path]) -> BinaryIO:
    """Open a regular file for reading. Raises AuthorMustFix with the reason, and what names other folders."""
    resolved = _resolve(path, root)
    _must_be_allowed(path, resolved, allowed)
    try:
        descriptor = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise AuthorMustFix(f"{path} is a folder, not a file", next_step="name the CSV file inside it")
        if not stat.S_ISREG(mode):
            raise AuthorMustFix(f"{path} is not a regular file", next_step="export the data to a CSV file")
        _must_be_allowed(path, _real_place(descriptor, resolved), allowed)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def allowed_folder(path: str, root: Path, allowed: Sequence[Path]) -> Path:
    """The real place of a folder that may be read. Raises AuthorMustFix as `open_allowed`."""
    place = _resolve(path, root)
    _must_be_allowed(path, place, allowed)
    if not place.is_dir():
        raise AuthorMustFix(f"{path} is a file, not a folder", next_step="name the folder")
    return place


@contextmanager
def open_all(path: str, root: Path, allowed: Sequence[Path], ending: str) -> Iterator[list[tuple[str, BinaryIO]]]:
    """Open a file, every file with this ending in a folder, or those that a pattern in the last part of the path
    finds, by name, each as `open_allowed` does: (its name, the stream). Raises AuthorMustFix where there is none."""
    with ExitStack() as stack:
        names = _names(path, root, allowed, ending)
        yield [(name, stack.enter_context(open_allowed(name, root, allowed))) for name in names]


def _names(path: str, root: Path, allowed: Sequence[Path], ending: str) -> list[str]:
    folder, _, last = path.rpartition("/")
    pattern = last if any(mark in last for mark in "*?[") else None
    if pattern is not None and not (root / path).exists():
        place = _resolve(folder or ".", root)
    elif (root / path).is_dir():
        folder, place, pattern = path.rstrip("/"), _resolve(path, root), f"*{ending}"
    else:
        return [path]
    _must_be_allowed(path, place, allowed)
    found = sorted(entry.name for entry in place.iterdir() if fnmatch.fnmatchcase(entry.name, pattern))
    if not found:
        raise AuthorMustFix(
            f"{path} is a folder without a file called {pattern}"
            if folder == path.rstrip("/")
            else f"{path}: there is no such file",
            next_step="check `source.path`, and how the files in that folder are called",
        )
    return [f"{folder}/{name}" if folder else name for name in found]


def _resolve(path: str, root: Path) -> Path:
    if _URL.match(path) or path.startswith(("//", "\\\\")):
        raise AuthorMustFix(
            f"{path} is a URL: data is read from files only", next_step="export it to a CSV file and name its path"
        )
    if "\0" in path or ".." in Path(path).parts:
        raise AuthorMustFix(
            f"{path!r} leads out of its folder with '..'", next_step="write the absolute path, or a path below the root"
        )
    try:
        return (root / path).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error


def _must_be_allowed(path: str, resolved: Path, allowed: Sequence[Path]) -> None:
    folders = [folder.resolve() for folder in allowed]
    inside = any(resolved.is_relative_to(folder) for folder in folders)
    if not inside or ".git" in resolved.parts:
        raise AuthorMustFix(
            f"{path} may not be read: it lies outside the folders that this runner allows",
            next_step=f"name a file inside them; if this runner shall read data in {resolved.parent}, whoever keeps it "
            f"types: git config --add reconciler.dataAllow {resolved.parent} (or sets RECONCILER_DATA_ALLOW)"
            if ".git" not in resolved.parts
            else "name a file outside .git",
        )


def _real_place(descriptor: int, resolved: Path) -> Path:
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return resolved


def _unreadable(path: str, error: OSError | RuntimeError) -> AuthorMustFix | RetryLater:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return AuthorMustFix(f"{path} is not there", next_step="check `source.path` in the environment's file")
    if isinstance(error, PermissionError):
        return AuthorMustFix(f"{path} may not be read by this user", next_step="change its permissions")
    if isinstance(error, RuntimeError) or error.errno in (40, 6):
        return AuthorMustFix(f"{path} is a loop of links or a device", next_step="name a regular CSV file")
    return RetryLater(f"{path} cannot be read: {error.strerror}", next_step="mend the disk and try again")
