"""A small git in memory: commits with whole trees, branches, merges, signatures by name.

Implements `ports.History` and `ports.Branches`. Commit ids are a function of content, parents, people and subject, so
the same steps give the same ids. There is no remote: `main` is here, and `fetch` has nothing to bring.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.observed import Signature
from reconciler.ports import Commit
from reconciler.testing.clock import START

Files = Mapping[str, bytes]
Changes = Mapping[str, bytes | None]
"""Path → new content; None takes the file out."""


def blob_id(content: bytes) -> str:
    """The id that git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def changed(files: Files, changes: Changes) -> dict[str, bytes]:
    """The files after the changes."""
    merged = {**files, **changes}
    return {path: content for path, content in sorted(merged.items()) if content is not None}


@dataclass(frozen=True)
class Written:
    """A commit with its tree. `signed_by` is the principal whose key signed it."""

    commit: Commit
    files: Files
    email: str
    signed_by: str | None = None


class FakeGit:
    """One repository. `branches` maps a branch to its tip; `working_tree` is what `plan --working-tree` sees."""

    def __init__(self, main: str = "main") -> None:
        self.main = main
        self.branches: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.working_tree: Files | None = None
        self.objects: dict[str, Written] = {}
        self._proposals: set[str] = set()
        self._histories: dict[str, frozenset[str]] = {}

    # --- writing: what people do -----------------------------------------------------------------------

    def write(
        self, parents: Sequence[str], files: Files, *, subject: str, by: str = "bob", signed_by: str | None = None
    ) -> str:
        """A commit with exactly these files; no branch moves. Returns its id."""
        email = f"{by}@example.com"
        blobs = {path: blob_id(content) for path, content in sorted(files.items())}
        identity = json.dumps([list(parents), blobs, subject, email, signed_by])
        commit_id = hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest()
        at = START + timedelta(minutes=len(self.objects)) - timedelta(days=30)
        commit = Commit(commit_id, tuple(parents), f"{by} <{email}>", subject, at)
        self.objects.setdefault(commit_id, Written(commit, dict(files), email, signed_by))
        return commit_id

    def commit(self, changes: Changes, subject: str = "change", *, by: str = "bob", on: str | None = None) -> str:
        """A direct commit on a branch (main by default), which moves."""
        branch = on or self.main
        tip = self.branches.get(branch)
        files = changed(self.files(tip) if tip else {}, changes)
        self.branches[branch] = self.write([tip] if tip else [], files, subject=subject, by=by)
        return self.branches[branch]

    def merge(
        self,
        changes: Changes,
        subject: str = "pull request",
        *,
        by: str = "bob",
        merged_by: str = "alice",
        signed_by: str | None = None,
        evil: Changes | None = None,
    ) -> str:
        """A pull request by `by` with one commit, merged into main by `merged_by` with `--no-ff`. `evil` are changes
        that the merge commit has and its branch has not. Returns the id of the merge."""
        tip = self.branches[self.main]
        branch = self.write([tip], changed(self.files(tip), changes), subject=subject, by=by)
        return self.merge_of(branch, subject, merged_by=merged_by, signed_by=signed_by, evil=evil)

    def merge_of(
        self,
        branch: str,
        subject: str = "pull request",
        *,
        merged_by: str = "alice",
        signed_by: str | None = None,
        evil: Changes | None = None,
    ) -> str:
        """Merge a commit into main with `--no-ff`: what it changed since the newest common commit, on top of main."""
        tip = self.branches[self.main]
        base = self.files(self._common(tip, branch))
        theirs = self.files(branch)
        changes = {path: theirs.get(path) for path in {*base, *theirs} if base.get(path) != theirs.get(path)}
        files = changed(changed(self.files(tip), changes), evil or {})
        merge = self.write([tip, branch], files, subject=f"Merge {subject}", by=merged_by, signed_by=signed_by)
        self.branches[self.main] = merge
        return merge

    def fast_forward(self, changes: Changes, subject: str = "pull request", *, by: str = "bob") -> str:
        """A branch with one commit, merged without a merge commit: main moves to it."""
        return self.commit(changes, subject, by=by)

    def revert(self, merge: str, *, merged_by: str = "alice", signed_by: str | None = None) -> str:
        """`git revert -m 1` of a merge, on a branch, merged with `--no-ff`."""
        before, after = self.files(self.objects[merge].commit.parents[0]), self.files(merge)
        changes = {path: before.get(path) for path in {*before, *after} if before.get(path) != after.get(path)}
        return self.merge(changes, f"Revert {merge[:7]}", merged_by=merged_by, signed_by=signed_by)

    def reset_main(self, commit: str) -> None:
        """Rewrite main: point it at another commit."""
        self.branches[self.main] = commit

    # --- reading: History ------------------------------------------------------------------------------

    def files(self, commit: str) -> Files:
        """The tree of a commit."""
        return self.objects[commit].files

    def resolve(self, revision: str) -> str:
        """The commit id of HEAD, a branch or an id. Raises NeedsPerson where there is none."""
        found = self.branches.get(self.main if revision == "HEAD" else revision)
        if found is None and revision in self.objects:
            found = revision
        if found is None:
            raise NeedsPerson(f"there is no commit {revision}", next_step="git log shows what there is")
        return found

    def main_tip(self) -> str:
        """The tip of main. Raises NeedsPerson where nothing was committed yet."""
        return self.resolve("HEAD")

    def has_remote(self) -> bool:
        """False: this repository is alone."""
        return False

    def fetch(self) -> Sequence[str]:
        """Nothing to bring."""
        return ()

    def is_ancestor(self, older: str, newer: str) -> bool:
        """True where `older` is `newer` or in its history; False too where `older` is not known."""
        return older in self.objects and older in self._history(self.resolve(newer))

    def changes(self, commit: str, paths: Sequence[str]) -> Iterator[Commit]:
        """First-parent commits that changed any of `paths` (files or folders), newest first, the root included."""
        current: str | None = self.resolve(commit)
        while current is not None:
            parents = self.objects[current].commit.parents
            before = self.files(parents[0]) if parents else {}
            if _below(before, paths) != _below(self.files(current), paths):
                yield self.objects[current].commit
            current = parents[0] if parents else None

    def commit_(self, commit: str) -> Commit:
        """One commit: `History.commit` of the port, whose name writing has taken here."""
        return self.objects[self.resolve(commit)].commit

    def merge_bases(self, one: str, two: str) -> Sequence[str]:
        """The best common ancestors: those that no other common one comes after."""
        common = self._history(one) & self._history(two)
        return [c for c in sorted(common) if not any(c in self._history(other) - {other} for other in common)]

    def authors(self, base: str, tip: str) -> frozenset[str]:
        """E-mail addresses of who wrote what is in `tip` and not in `base`."""
        there = self._history(base)
        return frozenset(self.objects[c].email for c in self._history(tip) if c not in there)

    def signature(self, commit: str, allowed_signers: str) -> Signature:
        """Good where the commit was signed by a principal that starts a line of `allowed_signers`."""
        signer = self.objects[self.resolve(commit)].signed_by
        if signer is None:
            return Signature("none", detail="the commit is not signed")
        allowed = {line.split(" ", 1)[0] for line in allowed_signers.splitlines() if line}
        if signer not in allowed:
            return Signature("bad", detail="signed by a key that is not among the allowed signers")
        return Signature("good", principal=signer)

    def keep_source(self, environment: str, commit: str) -> None:
        """Remember what was applied."""
        self.kept[environment] = commit

    # --- proposals: Branches ---------------------------------------------------------------------------

    def propose(self, branch: str, base: str, files: Files, message: str, *, replace: bool = False) -> str:
        """Make `branch` as one commit on `base`, or replace an earlier proposal; with `replace` whatever is there."""
        start = self.resolve(base)
        old = self.branches.get(branch)
        if old and not replace and old not in self._proposals and old not in self._history(start):
            raise AuthorMustFix(f"branch {branch} has commits that are no proposal of this command")
        self.branches[branch] = self.write([start], changed(self.files(start), files), subject=message)
        self._proposals.add(self.branches[branch])
        return self.branches[branch]

    def tip(self, branch: str) -> str | None:
        """The commit that a branch has."""
        return self.branches.get(branch)

    def read_file(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file at a commit, None where absent."""
        return self.files(self.resolve(commit)).get(path)

    # --- inside ----------------------------------------------------------------------------------------

    def _history(self, commit: str) -> frozenset[str]:
        """The commit and everything before it; commits never change, so each is worked out once."""
        if commit not in self._histories:
            parents = self.objects[commit].commit.parents
            before: frozenset[str] = frozenset().union(*(self._history(parent) for parent in parents))
            self._histories[commit] = before | {commit}
        return self._histories[commit]

    def _common(self, one: str, two: str) -> str:
        """The newest commit that both have: of the common ones, that with the longest history."""
        return max(self._history(one) & self._history(two), key=lambda commit: (len(self._history(commit)), commit))


class FakeHistory:
    """`ports.History` over a `FakeGit`."""

    def __init__(self, git: FakeGit) -> None:
        self._git = git
        self.resolve = git.resolve
        self.main_tip = git.main_tip
        self.has_remote = git.has_remote
        self.fetch = git.fetch
        self.is_ancestor = git.is_ancestor
        self.changes = git.changes
        self.authors = git.authors
        self.merge_bases = git.merge_bases
        self.signature = git.signature
        self.keep_source = git.keep_source

    def commit(self, commit: str) -> Commit:
        """One commit."""
        return self._git.commit_(commit)


def _below(files: Files, paths: Sequence[str]) -> dict[str, bytes]:
    return {
        name: content for name, content in files.items() if any(name == p or name.startswith(f"{p}/") for p in paths)
    }
