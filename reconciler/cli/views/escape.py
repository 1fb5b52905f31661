"""One escaper per view: text from files must not move a cursor, start a CI command, or become markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


def terminal(text: str, *, lines: bool = False) -> str:
    """Text that is safe on a terminal: control, format and bidi characters become visible escapes.

    With `lines`, line ends stay. A line that a CI system would take as a command (`::error`) is broken up.
    """
    if _is_plain(text):
        return text
    if not _PRINTABLE.fullmatch(text):
        text = "".join(_visible(character, lines) for character in text)
    return "\n".join(_no_command(line) for line in text.split("\n"))


def all_terminal(texts: Sequence[str]) -> Sequence[str]:
    """`terminal` of each; thousands that hold nothing to escape are seen to at once."""
    return texts if _is_plain("".join(texts)) else [terminal(text) for text in texts]


def _is_plain(text: str) -> bool:
    return "::" not in text and text.isascii() and text.isprintable()


def _visible(character: str, lines: bool) -> str:
    if character == "\n" and lines:
        return character
    if character in _BIDI or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        code = ord(character)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    return character


def _no_command(line: str) -> str:
    stripped = line.lstrip()
    return line.replace("::", ":\\:", 1) if stripped.startswith("::") else line
