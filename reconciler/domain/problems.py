"""Faults in what people wrote, as values: all of them at once, each with its place and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal


def dotted(path: Sequence[str | int]) -> str:
    """A path of keys and positions as people write it: ``spec.features.include[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{short(step)}" for step in path).removeprefix(".")


def short(text: str, most: int = 100) -> str:
    """Text that somebody wrote, cut where it would make a message unreadable."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely means; None where none is close."""
    from difflib import get_close_matches  # few commands meet a word that is not known

    close = get_close_matches(word[:100], sorted(known), 1, 0.6)
    return close[0] if close else None


def close_to(word: str, known: Iterable[str], *, say: str = "known") -> str:
    """The next step for a word that is not known: the close spelling, else the known ones (at most twelve)."""
    names = sorted(known)
    close = closest(word, names)
    if close is not None:
        return f"did you mean {close}?"
    if not names:
        return f"{say}: none"
    return f"{say}: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"


class Unfit(ValueError):
    """What a model raises where values do not fit each other or what they are for: what is wrong, the next step."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file of the repository; `line` and `column` count from 1, 0 where the whole file is meant."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, order=True)
class Problem:
    """One fault: where it is, the path of the field (`spec.estimator.kind`), what is wrong, and how to mend it.

    `touches` names what the fault holds back: ``("environment", NAME)``, ``("version", "MODEL@VERSION")``,
    ``("model", MODEL)``, ``("pin", "ENVIRONMENT/MODEL")``; empty when the fault holds everything.
    """

    where: Place
    summary: str
    fix: str = ""
    path: str = ""
    severity: Literal["error", "warning"] = "error"
    touches: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        path = f" ({self.path})" if self.path else ""
        fix = f", {self.fix}" if self.fix else ""
        return f"{self.where}: {self.summary}{path}{fix}"
