"""The port `Branches`: proposals, each a branch with one commit. HEAD, index and working tree are not touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from reconciler.adapters.git.commits import compose, person, take_apart
from reconciler.adapters.git.edits import edit_tree, read_tree
from reconciler.adapters.git.proposals import marked, refuse_checked_out, refuse_work_of_others, text_of
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository, checked_branch
from reconciler.adapters.git.revisions import resolve
from reconciler.domain.errors import AuthorMustFix, NeedsPerson


class GitBranches:
    """Writes branches of one repository. `now` gives the time of the commit."""

    def __init__(
        self,
        repository: Repository,
        refs: Refs | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._refs = refs or Refs(repository)
        self._now = now

    def propose(
        self, branch: str, base: str, files: Mapping[str, bytes], message: str, *, replace: bool = False
    ) -> str:
        """Make `branch` as one commit on `base` with these files changed, by the user of git config; an earlier
        proposal is replaced, and with `replace` whatever is there.

        The same proposal again gives the same commit. Raises NeedsPerson where git does not know the user,
        AuthorMustFix for main, for a branch with commits of others and for one that is checked out, PlanAgain where
        somebody else moved the branch at the same moment."""
        if checked_branch(branch) == self._repository.main:
            raise AuthorMustFix(f"proposals never go to {branch}", next_step="choose another branch")
        on = resolve(self._repository, base)
        tree = self._with_files(on, files)
        ref = f"refs/heads/{branch}"
        here = self._refs.value(ref)
        there = self._refs.on_remote(ref) if self._repository.remote else None
        commit = self._same(here, on, tree, message) or self._commit(on, tree, message)
        self._refuse(branch, {here, there} - {None, commit}, on, replace=replace)
        if here not in (None, commit):
            refuse_checked_out(self._repository, branch)
        if self._repository.remote and there != commit:
            self._refs.push(ref, commit, there)
        if here != commit:
            self._refs.set_here(ref, commit, here)
        return commit

    def _refuse(self, branch: str, tips: set[str | None], on: str, *, replace: bool) -> None:
        for tip in sorted(tip for tip in tips if tip and not replace):
            refuse_work_of_others(self._repository, self._refs, branch, tip, on)

    def tip(self, branch: str) -> str | None:
        """See `ports.Branches`."""
        ref = f"refs/heads/{checked_branch(branch)}"
        there = self._refs.on_remote(ref) if self._repository.remote else None
        return there or self._refs.value(ref)

    def read_file(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file at a commit, None where absent (or a folder, or a link)."""
        folder: str | None = self._tree_of(resolve(self._repository, commit))
        *parents, name = path.split("/")
        for parent in parents:
            item = read_tree(self._repository.objects, folder).get(parent)
            if item is None or item.mode != "40000":
                return None
            folder = item.id
        item = read_tree(self._repository.objects, folder).get(name)
        if item is None or not item.mode.startswith("100"):
            return None
        found = self._repository.objects.read(item.id)
        return found[1] if found else None

    def _tree_of(self, commit: str) -> str:
        found = self._repository.objects.read(commit)
        if found is None:
            raise NeedsPerson(f"commit {commit} is missing", next_step="git fsck says what is damaged")
        return take_apart(found[1]).tree

    def _with_files(self, base: str, files: Mapping[str, bytes]) -> str:
        tree, made = edit_tree(self._repository.objects, self._tree_of(base), dict(files))
        if tree is None:
            raise AuthorMustFix("a proposal without any file", next_step="name the files to change")
        self._repository.objects.write(made)
        return tree

    def _same(self, commit: str | None, base: str, tree: str, message: str) -> str | None:
        found = self._repository.objects.read(commit) if commit else None
        if found is None or found[0] != "commit":
            return None
        parts = take_apart(found[1])
        same = (parts.tree, parts.parents, text_of(parts)) == (tree, (base,), _text(message).encode())
        return commit if same else None

    def _commit(self, base: str, tree: str, message: str) -> str:
        author, committer = person(self._repository.identity()), self._repository.identity("COMMITTER")
        made = self._repository.objects.make(
            "commit",
            compose(
                tree,
                [base],
                author=author,
                committer=person(committer),
                at=self._now(),
                message=marked(tree, base, author, message),
            ),
        )
        self._repository.objects.write([made])
        return made.id


def _text(message: str) -> str:
    return message.rstrip("\n") + "\n"
