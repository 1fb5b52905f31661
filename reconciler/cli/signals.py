"""SIGINT, SIGTERM and SIGHUP. Every command: an exception, so that temporary folders go, leases are released, and the
exit code is 1.

During apply: finish or undo the current action, release the lease, leave a correct ledger.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from reconciler.domain.errors import NeedsPerson

#: Ctrl-C, a cancelled job, a terminal that was closed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Seconds for which further signals are left alone after one: a cancelled CI job sends several while we clean up.
_PATIENCE = 10.0


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP do what SIGINT does: it raises KeyboardInterrupt, once, and no other error comes out
    after it.

    Signals that the parent told us to ignore stay ignored; outside of the main thread, where no signal can be handled,
    this does nothing."""
    last: float | None = None

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal last
        if last is None or time.monotonic() - last >= _PATIENCE:
            last = time.monotonic()
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _ENDING}
    here = threading.current_thread() is threading.main_thread()
    mine = [number for number, handler in before.items() if here and handler not in (signal.SIG_IGN, None)]
    try:
        for number in mine:
            signal.signal(number, handle)
        yield
    except Exception as error:
        if last is not None:  # a library made an error of its own of the interrupt: DuckDB does
            raise KeyboardInterrupt from error
        raise
    finally:
        for number in mine:
            signal.signal(number, before[number])


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
        """Handle the signals inside, but for those that the parent told us to ignore; what was there before is put
        back."""
        mine = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._handle) for number in mine}
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
