"""`GitBeginnings`: a new repository, built under a temporary name and put into its place by a rename.

It starts git with argument lists and without the parent's GIT_ variables that redirect it; no hook or template of
the user runs. Where git knows no name for the user, the first commit is by `reconciler`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reconciler.domain.errors import AuthorMustFix, NeedsPerson, RetryLater
from reconciler.tools.files import passing_folder
from reconciler.tools.undisturbed import undisturbed

_SETTINGS = ("core.hooksPath=/dev/null", "core.fsync=all", "commit.gpgSign=false", "core.autocrlf=false")
_KEPT = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_CONFIG_GLOBAL",
         "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")  # fmt: skip


class GitBeginnings:
    """See `ports.Beginnings`."""

    @contextmanager
    def begin(self, folder: Path) -> Iterator[Path]:
        """See `ports.Beginnings`."""
        place = Path(os.path.abspath(folder))  # noqa: PTH100  a symlink at the end of the path stays one
        with _disk_refusals(place.parent):
            _must_be_free(place, folder)
            place.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with _disk_refusals(place.parent):
                prefix = f".{place.name}.tmp-"
                fresh = stack.enter_context(passing_folder("init", place=place.parent, prefix=prefix)) / "new"
                fresh.mkdir()
            _git(fresh, "init", "--quiet", "--template=", "--initial-branch=main")
            yield fresh
            with _disk_refusals(place.parent):
                _settle(fresh, place, folder)

    def commit(self, repository: Path, files: Mapping[str, bytes], message: str, *, allow: Sequence[str] = ()) -> str:
        """See `ports.Beginnings`."""
        with _disk_refusals(repository):
            for name, content in files.items():
                path = repository / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        for place in allow:
            _git(repository, "config", "--add", "reconciler.dataAllow", place)
        _git(repository, "add", "--", *files)
        _git(repository, *_identity(repository), "commit", "--quiet", "--no-verify", f"--message={message}")
        return _git(repository, "rev-parse", "HEAD").strip()


def _must_be_free(place: Path, said: Path) -> None:
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise AuthorMustFix(f"{said} is there already, and is no folder", next_step="name a folder that does not exist")
    if place.is_dir() and any(place.iterdir()):
        raise AuthorMustFix(
            f"{said} is not empty: nothing was touched", next_step="name a folder that does not exist, or an empty one"
        )


def _settle(fresh: Path, place: Path, said: Path) -> None:
    """Put the repository into its place: by one rename, or into the empty folder that is there, `.git` last."""
    _must_be_free(place, said)
    fresh.chmod(0o777 & ~_umask())
    if not place.exists():
        fresh.rename(place)
    else:
        names = sorted((child.name for child in fresh.iterdir()), key=lambda name: name == ".git")
        for name in names:
            (fresh / name).rename(place / name)
    descriptor = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _identity(repository: Path) -> list[str]:
    known = _git(repository, "var", "GIT_COMMITTER_IDENT", fail=False)
    return [] if known else ["-c", "user.name=reconciler", "-c", "user.email=reconciler@localhost"]


def _git(folder: Path, *arguments: str, fail: bool = True) -> str:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or n in _KEPT}
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        code, out, told = _ended(
            ["git", *settings, *arguments], folder, kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        )
    except FileNotFoundError:
        raise NeedsPerson("git is not installed", next_step="install git and run it again") from None
    if code and fail:
        raise RetryLater(f"git {arguments[0]} failed: {told.strip()[-500:]}", next_step="mend that and run it again")
    return "" if code else out


def _ended(argv: Sequence[str], folder: Path, variables: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a program to its end, also where this process is told to stop: one that lives on would go on writing into a
    folder that is being removed."""
    process: subprocess.Popen[str] | None = None
    try:
        with undisturbed():  # between its start and its name nobody knows it
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        out, told = process.communicate()
        return process.returncode, out, told
    except BaseException:
        if process is not None:
            process.kill()
            process.wait()
        raise


@contextmanager
def _disk_refusals(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RetryLater(
            f"{place} refused: {error.strerror or type(error).__name__}",
            next_step="free space or choose another place; nothing was left behind",
        ) from error
