"""Real git repositories for tests: commits, merges, bare remotes, clones of depth 1, SSH keys and signed commits.

    house = Workbench(tmp_path)
    repo = house.repository("work")                       # branch main, with one root commit
    repo.commit({"manifests/a.yaml": "x"}, "Add a")       # → commit id; None as content removes a file
    repo.merge({"manifests/a.yaml": "y"}, "Change a")     # branch, commit, `merge --no-ff` → commit id of the merge
    bare = house.bare("origin", repo)                     # a bare remote; `repo` gets it as origin, main is pushed
    other = house.clone(bare, "laptop", depth=1)          # depth 1: of main alone, through file://
    alice = house.key("alice@example.com")                # alice.allowed: her line for an allowed-signers file
    repo.merge({...}, "Change b", sign=alice, by=ALICE)

git runs with its own empty global configuration, the identity of `by`, and dates that count up from 2026-01-01, so
the same steps give the same commit ids.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Person:
    """An author and committer."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


ALICE = Person("Alice Approver", "alice@example.com")
BOB = Person("Bob Author", "bob@example.com")


@dataclass(frozen=True)
class Key:
    """An SSH signing key: its private file and its line for an allowed-signers file."""

    principal: str
    private: Path
    public: str

    @property
    def allowed(self) -> str:
        return self.allowed_with()

    def allowed_with(self, options: str = "", principal: str | None = None) -> str:
        """The line with options, such as `valid-before="20250101"`."""
        return " ".join(filter(None, (principal or self.principal, options, self.public))) + "\n"


@dataclass
class Ticks:
    """Counts commits, so that each has its own second."""

    count: int = 0

    def next(self) -> datetime:
        self.count += 1
        return START + timedelta(minutes=self.count)


@dataclass
class Repo:
    """A repository with a working tree, or a bare one."""

    path: Path
    ticks: Ticks = field(default_factory=Ticks, repr=False)

    def git(
        self,
        *arguments: str,
        feed: str | bytes = "",
        by: Person = BOB,
        at: datetime | None = None,
        check: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> str:
        """Run git here; returns standard output without the last newline. Raises on failure, with what git said."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=feed.encode() if isinstance(feed, str) else feed,
            capture_output=True,
            env=environment(by, at or START) | dict(extra or {}),
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files of the working tree; None removes one. Nothing is added."""
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        message: str = "Change files",
        *,
        by: Person = BOB,
        sign: Key | None = None,
        at: datetime | None = None,
    ) -> str:
        """Write files and commit them on the present branch (also where nothing changes); returns the commit id."""
        self.write(files)
        if files:
            self.git("add", "-f", "--", *files)
        words = [*_signing(sign), "commit", "-q", "--allow-empty", *(["-S"] if sign else []), "-m", message]
        self.git(*words, by=by, at=at or self.ticks.next())
        return self.tip()

    def merge(
        self,
        files: Mapping[str, str | bytes | None],
        message: str = "Merge a change",
        *,
        by: Person = ALICE,
        author: Person = BOB,
        sign: Key | None = None,
        fast_forward: bool = False,
    ) -> str:
        """Commit files on a side branch by `author`, and merge it into the present branch by `by`."""
        target = self.git("symbolic-ref", "--short", "HEAD")
        self.git("checkout", "-q", "-b", "side")
        self.commit(files, f"{message}: the change", by=author)
        self.git("checkout", "-q", target)
        how = ["--ff-only"] if fast_forward else ["--no-ff", *(["-S"] if sign else []), "-m", message]
        self.git(*_signing(sign), "merge", "-q", *how, "side", by=by, at=self.ticks.next())
        self.git("branch", "-q", "-D", "side")
        return self.tip()

    def merge_branch(self, branch: str, message: str = "Merge", *, by: Person = ALICE, sign: Key | None = None) -> str:
        """`git merge --no-ff` of a branch that is there."""
        how = ["--no-ff", *(["-S"] if sign else []), "-m", message]
        self.git(*_signing(sign), "merge", "-q", *how, branch, by=by, at=self.ticks.next())
        return self.tip()

    def push(self, *refs: str, force: bool = False) -> None:
        """Push refs (main where none is named) to origin."""
        self.git("push", "-q", *(["--force"] if force else []), "origin", *(refs or ("main",)))

    def pull(self) -> str:
        """Bring the present branch to origin's, by fast-forward."""
        self.git("pull", "-q", "--ff-only", "origin", self.git("symbolic-ref", "--short", "HEAD"))
        return self.tip()

    def tip(self, revision: str = "HEAD") -> str:
        return self.git("rev-parse", "--verify", "--end-of-options", revision)

    def refs(self) -> dict[str, str]:
        """Every ref here, full name → id."""
        rows = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(row.split(" ") for row in rows)  # type: ignore[misc]

    def lock_files(self) -> list[Path]:
        """Every lock file of git in here."""
        folder = self.path / ".git" if (self.path / ".git").is_dir() else self.path
        return sorted(folder.rglob("*.lock"))

    @property
    def url(self) -> str:
        return f"file://{self.path}"


@dataclass
class Workbench:
    """Makes repositories below a folder."""

    folder: Path

    def repository(self, name: str = "work", *, empty: bool = False) -> Repo:
        """A repository on branch main, with one root commit unless `empty`."""
        repo = Repo(self.folder / name)
        repo.path.mkdir(parents=True)
        repo.git("init", "-q", "-b", "main")
        _introduce(repo, BOB)
        if not empty:
            repo.commit({"README.md": "a repository\n"}, "Begin")
        return repo

    def bare(self, name: str = "origin.git", of: Repo | None = None) -> Repo:
        """A bare repository; with `of`, the remote called origin of that one, which pushes its main there."""
        bare = Repo(self.folder / name)
        bare.path.mkdir(parents=True)
        bare.git("init", "-q", "--bare", "-b", "main")
        if of is not None:
            of.git("remote", "add", "origin", bare.url)
            of.git("push", "-q", "-u", "origin", "main")
        return bare

    def clone(self, of: Repo, name: str, *, depth: int | None = None, by: Person = BOB) -> Repo:
        """A clone; with a depth, a shallow one of main alone, as CI runners make."""
        how = ["--depth", str(depth), "--single-branch", "--branch", "main"] if depth else []
        Repo(self.folder).git("clone", "-q", *how, of.url, name)
        repo = Repo(self.folder / name, Ticks(1000))
        _introduce(repo, by)
        return repo

    def key(self, principal: str, *, name: str | None = None) -> Key:
        """A new Ed25519 key without a passphrase."""
        private = self.folder / f"key-{name or principal.partition('@')[0]}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", principal, "-f", str(private)], check=True)
        kind, blob, *_ = private.with_suffix(".pub").read_text().split()
        return Key(principal, private, f"{kind} {blob}")


def environment(by: Person = BOB, at: datetime = START) -> dict[str, str]:
    """An environment in which git knows only what a test tells it."""
    stamp = f"{int(at.timestamp())} +0000"
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": by.name,
        "GIT_AUTHOR_EMAIL": by.email,
        "GIT_COMMITTER_NAME": by.name,
        "GIT_COMMITTER_EMAIL": by.email,
        "GIT_AUTHOR_DATE": stamp,
        "GIT_COMMITTER_DATE": stamp,
        "LC_ALL": "C",
    }


def _introduce(repo: Repo, by: Person) -> None:
    repo.git("config", "user.name", by.name)
    repo.git("config", "user.email", by.email)
    repo.git("config", "gc.auto", "0")


def _signing(key: Key | None) -> list[str]:
    return ["-c", "gpg.format=ssh", "-c", f"user.signingKey={key.private}"] if key else []
