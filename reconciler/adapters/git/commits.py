"""The bytes of a commit object: composing one, and taking one apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>]+")
_PERSON = re.compile(r"([^<>]*?)\s*<([^<>]+)>")
NOBODY = "reconciler@localhost"


def person(text: str) -> str:
    """`Name <e-mail>` for a commit from free text, without characters that would end the line early."""
    match = _PERSON.fullmatch(text.strip())
    name, address = (match[1], match[2]) if match else (text, NOBODY)
    clean = _FORBIDDEN.sub(" ", name).strip() or "reconciler"
    return f"{clean} <{_FORBIDDEN.sub('', address).replace(' ', '')}>"


def compose(tree: str, parents: Sequence[str], *, author: str, committer: str, at: datetime, message: str) -> bytes:
    """A commit object; `author` and `committer` as `person` gives them, `at` with its zone."""
    stamp = f"{int(at.timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author} {stamp}", f"committer {committer} {stamp}", "", message]
    return "\n".join(lines).encode("utf-8", "replace")


@dataclass(frozen=True)
class Parts:
    """A commit object taken apart; `author` as `person` gives it, `message` as bytes."""

    tree: str
    parents: tuple[str, ...]
    signature: str
    message: bytes
    author: str = ""


def take_apart(content: bytes) -> Parts:
    """The parts of a raw commit object that git accepted."""
    head, _, message = content.partition(b"\n\n")
    tree, parents, signature, author = "", [], "", ""
    for line in re.split(rb"\n(?! )", head):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = value.decode("ascii")
        elif key == b"parent":
            parents.append(value.decode("ascii"))
        elif key == b"author":
            author = value.decode("utf-8", "replace").rsplit(" ", 2)[0]
        elif key in (b"gpgsig", b"gpgsig-sha256") and not signature:
            signature = value.decode("ascii", "replace")
    return Parts(tree, tuple(parents), signature, message, author)
