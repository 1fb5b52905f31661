"""Requests to stop, and deaths, at a chosen moment of an apply."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from reconciler.domain.receipts import Receipt
from reconciler.testing import FakeLease, FakeLedger


class StopAfter:
    """A `Stop` that is requested after so many questions."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def requested(self) -> bool:
        self.left -= 1
        return self.left < 0

    def interruptible(self) -> AbstractContextManager[None]:
        return nullcontext()


class Killed(BaseException):
    """The process is gone: nothing catches this, and nothing is released."""


def kill_before(ledger: FakeLedger, lease: FakeLease, action: str) -> None:
    """The holder of `lease` is killed after the effect of the first such action and before its receipt."""

    def before(receipt: Receipt) -> None:
        if receipt.action == action:
            lease.die()
            ledger.before_append = lambda _receipt: None
            raise Killed

    ledger.before_append = before
