"""Progress of long work: a bar on a terminal, plain lines in CI, nothing with --quiet. On stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from reconciler.cli.session import Session
from reconciler.cli.views.escape import terminal
from reconciler.ports import Progress


@contextmanager
def progress(session: Session) -> Iterator[Progress]:
    """A `Progress` for this session; the bar is gone when the context ends."""
    if session.quiet:
        yield lambda _label, _done, _total: None
    elif sys.stderr.isatty():
        with _bar(color=session.color) as update:
            yield update
    else:
        yield _lines(session.say)


class Pausable:
    """A `Progress` that is out of the way while somebody is asked: `pause` ends the bar, the next call begins one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open = ExitStack()
        self._update: Progress | None = None

    def __call__(self, label: str, done: int, total: int) -> None:
        if self._update is None:
            self._update = self._open.enter_context(progress(self._session))
        self._update(label, done, total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def pause(self) -> None:
        """Take the bar away."""
        self._open.close()
        self._update = None


@contextmanager
def _bar(*, color: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("  {task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(
        *columns, TimeRemainingColumn(), console=Console(stderr=True, no_color=not color), transient=True
    ) as bars:
        shown: list[str] = []
        task = bars.add_task("", total=None, visible=False)

        def update(label: str, done: int, total: int) -> None:
            if shown != [label]:
                shown[:] = [label]
                bars.reset(task, description=terminal(label), visible=True, completed=done, total=total or None)
            bars.update(task, completed=done, total=total or None)

        yield update


def _lines(say: Callable[[str], None]) -> Progress:
    """At most a line a label at its start, and one every ten seconds."""
    last: dict[str, float] = {}

    def update(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if label not in last or now - last[label] >= 10:
            last[label] = now
            say(f"  {label} {done:,}/{total:,}" if total else f"  {label}")

    return update
