"""What stops a pass. The class answers one question: whose move is it?

Expected bad news is a value (`Problem`, `Held`), not an exception. Every error here carries what is wrong and
the next step, and names its exit code; the command line prints both and never a traceback.
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """The base: `message` says what is wrong, `next_step` what to do about it. Exit 1."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class NeedsPerson(ReconcilerError):
    """A failure that a person must look at (no repository, rewritten main, unreadable target). Exit 1."""


class RetryLater(ReconcilerError):
    """The machine failed, not the recipe: disk full, network gone, read-only. The next pass tries again. Exit 1."""


class DiskRefused(RetryLater):
    """A disk of ours is full, over its quota or read-only: no version's fault, and no sooner better. This run does not
    try it again, and it does not count as one of a version's attempts. Exit 1."""


class AuthorMustFix(ReconcilerError):
    """What somebody wrote is refused: invalid manifests, a promotion that may not be. Exit 3."""

    exit_code = 3


class PlanAgain(ReconcilerError):
    """The world moved: a stale plan, an older source, a lost race, a lease that is held. Exit 4."""

    exit_code = 4


class VerificationFailed(ReconcilerError):
    """Bytes or records are not what they should be: digest, signature, parity, rewritten ledger. Exit 5."""

    exit_code = 5


#: Which exit code wins when several apply (design section 7): 5 before 1 before 4 before 3 before 0.
EXIT_PRECEDENCE = (5, 1, 4, 3, 2, 0)


def worst_exit(*codes: int) -> int:
    """The exit code that wins among `codes`; 0 when there are none."""
    return next((code for code in EXIT_PRECEDENCE if code in codes), 0)
