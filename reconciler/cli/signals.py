"""SIGINT and SIGTERM during apply: finish or undo the current action, release the lease, leave a correct ledger."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from reconciler.domain.errors import NeedsPerson


class Interrupted(NeedsPerson):
    """A signal came where stopping at once is safe: nothing had been stored."""


class Signals:
    """A `Stop`: the first signal is remembered, and ends at once what may be ended at once."""

    def __init__(self) -> None:
        self._asked = False
        self._may_raise = False

    def requested(self) -> bool:
        return self._asked

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        self._may_raise = True
        try:
            self._raise_if_asked()
            yield
        finally:
            self._may_raise = False

    @contextmanager
    def installed(self) -> Iterator[Signals]:
        """Handle the two signals inside; what was there before is put back."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        self._raise_if_asked()

    def _raise_if_asked(self) -> None:
        if self._asked and self._may_raise:
            self._may_raise = False
            raise Interrupted(
                "stopped on request: nothing of the running action was stored",
                next_step="reconciler apply goes on where this stopped",
            )
