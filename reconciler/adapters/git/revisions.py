"""From a name that a person typed to a commit, and from one commit to another: what several ports share."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.adapters.git.failures import classify
from reconciler.adapters.git.repository import Repository, is_object_id
from reconciler.domain.errors import NeedsPerson


def resolve(repository: Repository, revision: str) -> str:
    """The commit id of a revision. Raises NeedsPerson where there is none (no commits yet, unknown name)."""
    done = repository.git.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    found = done.out.decode("ascii", "replace").strip()
    if done.code == 0 and is_object_id(found):
        return found
    if "not a git repository" in done.err:  # such as a core.worktree that leads out of it
        raise classify(["rev-parse"], done.code, done.err)
    empty = repository.git.attempt("rev-parse", "--verify", "--quiet", "HEAD").code != 0
    if empty and revision in ("HEAD", repository.main):
        raise NeedsPerson("this repository has no commits yet", next_step="git commit the manifests first")
    hint = f"; this clone is shallow: {repository.unshallow_line}" if repository.shallow_commits() else ""
    raise NeedsPerson(f"there is no commit {revision!r} here", next_step=f"git log --all shows what there is{hint}")


def too_shallow(repository: Repository) -> NeedsPerson:
    """The error of a clone that holds too little history to answer."""
    return NeedsPerson("the history of this clone is too short to answer", next_step=repository.unshallow_line)


def refuse_cut(repository: Repository, *arguments: str) -> None:
    """Raise NeedsPerson where walking back with these rev-list arguments ends where a shallow clone was cut."""
    cut = repository.shallow_commits()
    if not cut:
        return
    roots = repository.git.run("rev-list", "--max-parents=0", *arguments).decode("ascii").split()
    if cut.intersection(roots):
        raise too_shallow(repository)


def are_ancestors(repository: Repository, older: Sequence[str], newer: str) -> bool:
    """`is_ancestor` of many at once, with one process for all of them."""
    if all(map(is_object_id, older)):  # an id that is not known here makes rev-list fail
        walk = "\n".join([*older, f"^{newer}"]).encode()
        outside = repository.git.attempt("rev-list", "--max-count=1", "--stdin", feed=walk)
        if outside.code == 0 and not outside.out:
            return True
    refuse_cut(repository, "--end-of-options", newer)
    return False


def is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    """True where `older` is `newer` or in its history; False too where `older` is not known at all. Raises
    NeedsPerson where the clone is too shallow to say, and where `newer` is not known."""
    if not is_object_id(older):
        return False
    done = repository.git.attempt("merge-base", "--is-ancestor", "--end-of-options", older, newer)
    if done.code == 0:
        return True
    resolve(repository, newer)
    refuse_cut(repository, "--end-of-options", newer)
    return False
