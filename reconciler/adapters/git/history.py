"""The port `History`: questions about commits of main, and `fetch`, which brings what the answers need."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from reconciler.adapters.git import revisions
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository, checked_environment
from reconciler.adapters.git.signatures import check_signature
from reconciler.domain.errors import NeedsPerson, RetryLater
from reconciler.domain.observed import Signature
from reconciler.ports import Commit
from reconciler.tools.files import make_folder

_FORMAT = "--format=%H%x00%P%x00%an <%ae>%x00%ct%x00%s"


class GitHistory:
    """Reads the history of one repository."""

    def __init__(self, repository: Repository, refs: Refs | None = None) -> None:
        self._repository = repository
        self._refs = refs or Refs(repository)

    def resolve(self, revision: str) -> str:
        """The commit id of a revision. Raises NeedsPerson where there is none."""
        return revisions.resolve(self._repository, revision)

    def main_tip(self) -> str:
        """The tip of main: the remote's as last fetched where there is a remote."""
        ref = f"refs/heads/{self._repository.main}"
        found = self._refs.known(ref)
        if found is not None:
            return found
        if self._repository.remote:
            raise NeedsPerson(
                f"{self._repository.main} of {self._repository.remote} was never fetched",
                next_step=self._where_main_is(ref),
            )
        self.resolve("HEAD")
        raise NeedsPerson(
            f"there is no branch {self._repository.main}", next_step="git config reconciler.main NAME says which it is"
        )

    def _where_main_is(self, ref: str) -> str:
        """The next step where main is not known here; a remote with other branches has perhaps none of its name."""
        top = f"refs/remotes/{self._repository.remote}/"
        names = sorted(name.removeprefix(top) for name in self._refs.listing(top))
        others = [name for name in names if name != "HEAD" and not name.startswith("ledger/")]
        line = self._repository.fetch_line(ref)
        if not others:
            return line
        known = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        return f"git config reconciler.main NAME, where main has another name there ({known}); else {line}"

    def has_remote(self) -> bool:
        """True where git config names a remote that exists here."""
        return self._repository.remote is not None

    def fetch(self) -> Sequence[str]:
        """Bring main, ledgers, leases, sources and, into a shallow clone, the whole history. Says what moved."""
        remote = self._repository.remote
        if remote is None:
            return ()
        shallow = bool(self._repository.shallow_commits())
        before = self._tracked()
        self._refs.fetch(*self._repository.refspecs, whole=True)
        self._leave_marker()
        after = self._tracked()
        said = [f"fetched the whole history from {remote}: this clone was shallow"] if shallow else []
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name), after.get(name)
            if old != new:
                said.append(f"{name}: {old[:12] if old else 'nothing'} → {new[:12] if new else 'gone'}")
        return said

    def is_ancestor(self, older: str, newer: str) -> bool:
        """True where `older` is `newer` or in its history; False too where `older` is not known at all."""
        return revisions.is_ancestor(self._repository, older, newer)

    def changes(self, commit: str, paths: Sequence[str]) -> Generator[Commit, None, None]:
        """First-parent commits reachable from `commit` that changed any of `paths` (roots included), newest first.
        Raises NeedsPerson at the point where a shallow clone cannot go on."""
        start = self.resolve(commit)
        cut = self._repository.shallow_commits()
        with closing(self._commits("--first-parent", "--end-of-options", start, "--", *paths)) as found:
            for each in found:
                if each.id in cut:
                    raise revisions.too_shallow(self._repository)
                yield each
        revisions.refuse_cut(self._repository, "--first-parent", "--end-of-options", start)

    def commit(self, commit: str) -> Commit:
        """One commit. Raises NeedsPerson where it is not here, or a shallow clone hides its parents."""
        found = self.resolve(commit)
        if found in self._repository.shallow_commits():
            raise revisions.too_shallow(self._repository)
        return next(self._commits("--max-count=1", "--end-of-options", found))

    def merge_bases(self, one: str, two: str) -> Sequence[str]:
        """The best common ancestors of two commits; none where they have no history in common."""
        ids = (self.resolve(one), self.resolve(two))
        done = self._repository.git.attempt("merge-base", "--all", "--end-of-options", *ids)
        found = done.out.decode("ascii").split()
        if not found:
            for commit in ids:
                revisions.refuse_cut(self._repository, "--end-of-options", commit)
        return found

    def authors(self, base: str, tip: str) -> frozenset[str]:
        """E-mail addresses of authors and committers of what is in `tip` and not in `base`, lower case."""
        words = ("--no-commit-header", "--format=%H%n%ae%n%ce", "--end-of-options", self.resolve(tip))
        out = self._repository.git.run("rev-list", *words, f"^{self.resolve(base)}").decode("utf-8", "replace")
        rows = out.split("\n")[:-1]
        if self._repository.shallow_commits().intersection(rows[0::3]):
            raise revisions.too_shallow(self._repository)
        return frozenset(address.strip().lower() for address in (*rows[1::3], *rows[2::3]))

    def signature(self, commit: str, allowed_signers: str) -> Signature:
        """Check the SSH signature of a commit against the text of an allowed-signers file."""
        return check_signature(self._repository, self.resolve(commit), allowed_signers)

    def keep_source(self, environment: str, commit: str) -> None:
        """Keep `commit` reachable in refs/reconciler/sources/ENV, on the remote too where there is one.
        Raises PlanAgain where somebody else moved it meanwhile."""
        ref = f"refs/reconciler/sources/{checked_environment(environment)}"
        kept = self._refs.known(ref)
        if kept != commit:
            self._refs.move(ref, self.resolve(commit), kept)

    def _commits(self, *arguments: str) -> Generator[Commit, None, None]:
        with self._repository.git.stream("rev-list", "--no-commit-header", _FORMAT, *arguments) as lines:
            for line in lines:
                identity, parents, author, at, subject = line.decode("utf-8", "replace").rstrip("\n").split("\0", 4)
                yield Commit(identity, tuple(parents.split()), author, subject, _moment(at))

    def _tracked(self) -> dict[str, str]:
        remote, main = self._repository.remote, self._repository.main
        found: dict[str, str] = {}
        for prefix in (f"refs/remotes/{remote}/{main}", f"refs/remotes/{remote}/ledger", "refs/reconciler-remote"):
            found |= self._refs.listing(prefix)
        return {name.removeprefix("refs/remotes/").removeprefix("refs/"): value for name, value in found.items()}

    def _leave_marker(self) -> None:
        try:
            make_folder(self._repository.marker.parent)
            self._repository.marker.touch()
        except OSError as error:
            raise RetryLater(
                f"{self._repository.marker} cannot be written: {error.strerror}", next_step="make room; run again"
            ) from error


def _moment(seconds: str) -> datetime:
    """A commit's time; 1970 for one that no calendar has (the author of a commit writes what he likes)."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
