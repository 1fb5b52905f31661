"""Which branches a proposal may replace: those that hold nothing but an earlier proposal, and are checked out nowhere.

A proposal's message ends with a line over its tree, its parent, its author and its text. Whoever changes one of them
makes another commit, whose line is wrong or missing. The line proves nothing of who made the commit: it tells what was
changed since, no more. Reads alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from reconciler.adapters.git.commits import Parts, take_apart
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.git.revisions import is_ancestor
from reconciler.domain.errors import AuthorMustFix

_MARK = b"\nReconciler-Proposal: "


def marked(tree: str, base: str, author: str, message: str) -> str:
    """The message of a proposal, with the line that tells it from what anybody else wrote."""
    text = message.rstrip("\n") + "\n"
    figures = _figures(tree, (base,), author, text.encode())
    return f"{text}{_MARK.decode()}{figures}\n"


def text_of(parts: Parts) -> bytes | None:
    """The message of a proposal without its line; None where the commit is no proposal, or not as it was made."""
    text, found, figures = parts.message.rpartition(_MARK)
    right = _figures(parts.tree, parts.parents, parts.author, text)
    return text if found and figures == right.encode() + b"\n" else None


def _figures(tree: str, parents: tuple[str, ...], author: str, text: bytes) -> str:
    head = "\n".join([tree, *parents, author, ""])
    return hashlib.sha256(head.encode("utf-8", "replace") + text).hexdigest()[:40]


def refuse_work_of_others(repository: Repository, refs: Refs, branch: str, tip: str, base: str) -> None:
    """Raise AuthorMustFix where `tip` of `branch`, here or on the remote, is neither in the history of `base` nor a
    proposal as it was made."""
    found = repository.objects.read(tip)
    if found is None and repository.remote:
        ref = f"refs/heads/{branch}"
        refs.fetch(f"+{ref}:{repository.tracking(ref)}")
        found = repository.objects.read(tip)
    if found and (text_of(take_apart(found[1])) is not None or is_ancestor(repository, tip, base)):
        return
    raise AuthorMustFix(
        f"branch {branch} has commits that are no proposal of this command (its tip is {tip[:12]})",
        next_step=f"merge it, or keep it by another name (git branch -m {branch} NAME) and delete it where it was "
        "pushed; --replace throws it away",
    )


def refuse_checked_out(repository: Repository, branch: str) -> None:
    """Raise AuthorMustFix where a working tree has `branch` checked out: it would move under its user."""
    place = ""
    for line in repository.git.run("worktree", "list", "--porcelain").decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(" ")
        place = value if key == "worktree" else place
        if (key, value) == ("branch", f"refs/heads/{branch}"):
            raise AuthorMustFix(
                f"branch {branch} is checked out in {Path(place)}, and would move under whoever works there",
                next_step=f"git -C {place} switch {repository.main}, then run it again",
            )
