"""One git repository on this machine: where it lies, which remote and main branch count, what its refs are called.

Finds; reads git config and the shallow file; writes nothing. Works in linked worktrees and sub-folders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reconciler.adapters.git.objects import Objects
from reconciler.adapters.git.process import Git
from reconciler.domain.errors import NeedsPerson
from reconciler.domain.patterns import NAME_PATTERN

_REF_PART = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![/.])")
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def is_object_id(text: str) -> bool:
    """True for a full object id in lower case."""
    return _OBJECT_ID.fullmatch(text) is not None


def checked_branch(name: str) -> str:
    """`name` where it may be a branch. Raises NeedsPerson for a leading dash, `..`, spaces, control characters."""
    if not _REF_PART.fullmatch(name) or name == "@":
        raise NeedsPerson(f"{name!r} cannot be the name of a branch", next_step="use letters, digits, - and /")
    return name


def checked_environment(name: str) -> str:
    """`name` where it may be an environment. Raises NeedsPerson otherwise."""
    if not re.fullmatch(NAME_PATTERN.strip("^$"), name):
        raise NeedsPerson(
            f"{name!r} cannot be the name of an environment", next_step="lower-case letters, digits and -, at most 63"
        )
    return name


@dataclass(frozen=True)
class Repository:
    """A repository as found. `remote` is None where everything is local. Close it, or use it as a context."""

    root: Path
    git_dir: Path
    common_dir: Path
    remote: str | None
    main: str
    algorithm: str
    settings: Mapping[str, list[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def discover(cls, path: Path) -> Repository:
        """The repository that holds the folder `path`. Raises NeedsPerson where there is none, where it is bare,
        and where git config names a remote that is not there."""
        git = Git(path)
        settings: dict[str, list[str]] = {}
        algorithm, root, git_dir, common = _places(git, meanwhile=lambda: settings.update(_settings(git)))
        return cls(
            root=Path(root),
            git_dir=Path(git_dir),
            common_dir=(path / common).resolve(),
            remote=_remote(settings),
            main=checked_branch(settings.get("reconciler.main", ["main"])[-1]),
            algorithm=algorithm,
            settings=settings,
        )

    @cached_property
    def git(self) -> Git:
        """What runs git in the root."""
        return Git(self.root)

    @cached_property
    def objects(self) -> Objects:
        """What reads and writes objects; holds one git process once something was read."""
        return Objects(self.git, self.algorithm)

    def close(self) -> None:
        """End the process that reads objects, if there is one."""
        if "objects" in self.__dict__:
            self.objects.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def main_worktree(self) -> Path:
        """The main worktree: what relative store and target paths are resolved from."""
        if self.git_dir == self.common_dir:
            return self.root
        first = self.git.run("worktree", "list", "--porcelain", "-z").split(b"\0", 1)[0]
        return Path(first.removeprefix(b"worktree ").decode("utf-8", "surrogateescape"))

    @property
    def remote_url(self) -> str:
        """The address that pushes go to; may hold a password, so never show it."""
        urls = self.settings.get(f"remote.{self.remote}.pushurl") or self.settings.get(f"remote.{self.remote}.url")
        return urls[-1] if urls else ""

    @property
    def remote_folder(self) -> Path | None:
        """The folder of a remote that is a path on this machine, None for any other."""
        url = self.remote_url
        if url.startswith("file://"):
            return Path(unquote(urlsplit(url).path))
        if self.remote and "://" not in url and not re.match(r"[^/]*:", url):
            return (self.root / url).resolve()
        return None

    @property
    def zero(self) -> str:
        """The id that stands for no object."""
        return "0" * (64 if self.algorithm == "sha256" else 40)

    def tracking(self, ref: str) -> str:
        """Where this clone keeps what it knows of a ref of the remote."""
        if ref.startswith("refs/heads/"):
            return f"refs/remotes/{self.remote}/{ref.removeprefix('refs/heads/')}"
        return f"refs/reconciler-remote/{self.remote}/{ref.removeprefix('refs/reconciler/')}"

    def read_from(self, ref: str) -> str:
        """The ref to read for `ref`: the remote's as last fetched where there is a remote, else `ref` itself."""
        return self.tracking(ref) if self.remote else ref

    @property
    def refspecs(self) -> tuple[str, ...]:
        """What `fetch` brings: main, the ledgers, leases and sources."""
        refs = (f"refs/heads/{self.main}", "refs/heads/ledger/*", "refs/reconciler/*")
        return tuple(f"+{ref}:{self.tracking(ref)}" for ref in refs)

    def fetch_line(self, ref: str) -> str:
        """The command that a person types to bring `ref` here."""
        return f"git fetch {self.remote} '+{ref}:{self.tracking(ref)}'"

    @property
    def unshallow_line(self) -> str:
        """The command that a person types to bring the whole history here."""
        return f"git fetch --unshallow {self.remote or 'REMOTE'}"

    def shallow_commits(self) -> frozenset[str]:
        """The commits whose parents are missing here because the clone is shallow."""
        try:
            return frozenset((self.common_dir / "shallow").read_text("ascii").split())
        except FileNotFoundError:
            return frozenset()

    @property
    def marker(self) -> Path:
        """The file that says: the ledgers of this remote, at this address, were fetched at least once."""
        address = sha256(self.remote_url.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self.common_dir / "reconciler" / "fetched" / address

    def identity(self, whose: str = "AUTHOR") -> str:
        """`Name <e-mail>` of the user as git knows him. Raises NeedsPerson where git config has none."""
        done = self.git.attempt("-c", "user.useConfigOnly=true", "var", f"GIT_{whose}_IDENT")
        if done.code:
            raise NeedsPerson(
                "git does not know who you are, and a commit needs an author",
                next_step="git config --global user.name NAME and git config --global user.email ADDRESS",
            )
        return done.out.decode("utf-8", "replace").rsplit(" ", 2)[0]


def _places(git: Git, *, meanwhile: Callable[[], object]) -> list[str]:
    """Object format, root, git folder and common git folder. Raises NeedsPerson where a name is not UTF-8."""
    asked = ("--show-object-format", "--show-toplevel", "--absolute-git-dir", "--git-common-dir")
    told = git.run("rev-parse", *asked, meanwhile=meanwhile)
    if told.count(b"\n") == len(asked):
        lines = told.split(b"\n")[:-1]
    else:  # a folder with a line break in its name: one question at a time
        lines = [git.run("rev-parse", each).removesuffix(b"\n") for each in asked]
    try:
        return [line.decode("utf-8") for line in lines]
    except UnicodeDecodeError:
        raise NeedsPerson(
            "the path of this repository is not UTF-8 text", next_step="rename its folder, or clone it elsewhere"
        ) from None


def _settings(git: Git) -> dict[str, list[str]]:
    done = git.attempt("config", "--null", "--get-regexp", r"^(reconciler|remote)\.")
    found: dict[str, list[str]] = {}
    for entry in done.out.decode("utf-8", "surrogateescape").split("\0"):
        key, _, value = entry.partition("\n")
        if key:
            found.setdefault(key, []).append(value)
    return found


def _remote(settings: Mapping[str, list[str]]) -> str | None:
    asked = settings.get("reconciler.remote")
    name = asked[-1] if asked else "origin"
    if f"remote.{name}.url" in settings:
        if not _REF_PART.fullmatch(name):
            raise NeedsPerson(f"{name!r} cannot be the name of a remote", next_step="git remote rename it")
        return name
    if asked and name:
        raise NeedsPerson(
            f"git config reconciler.remote names {name!r}, and there is no such remote",
            next_step=f"git remote add {name} URL, or git config --unset reconciler.remote",
        )
    return None
