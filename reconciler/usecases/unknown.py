"""A name that nothing has is refused, and never passes for one that has nothing to do or to show."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.problems import close_to


def unknown(what: str, name: str, known: Collection[str]) -> AuthorMustFix:
    """The error for an `environment` or `model` that is not among `known`: with the close spelling, or all of them."""
    return AuthorMustFix(f"there is no {what} {name!r} here", next_step=close_to(name, sorted(known), say=f"{what}s"))
