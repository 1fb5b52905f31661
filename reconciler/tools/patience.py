"""Waiting for a service: bounded tries, the service's own hints, an end to all of it, and where time comes from."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

from reconciler.domain.errors import RetryLater

T = TypeVar("T")
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Waits:
    """Seconds of all that is done between two `begin`; tries of one request; the longest wait, in seconds, that a
    service may ask for."""

    seconds: float = 6 * 3600.0
    tries: int = 6
    wait: float = 600.0


class Timer(Protocol):
    """The clock that is waited by."""

    def now(self) -> datetime:
        """The time of day, in UTC."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemTimer:
    """`Timer` by this machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class TryAgain(Exception):
    """A request that may succeed when it is made again, `after` that many seconds where the service said so."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


@dataclass
class Patience:
    """How long is waited for, and until when. `begin` sets the end anew; `advice` is what to do where it comes,
    `later` where a service cannot be had."""

    timer: Timer
    waits: Waits
    advice: str
    later: str = "try again later"
    end: float = float("inf")

    def begin(self) -> None:
        self.end = self.timer.monotonic() + self.waits.seconds

    def check(self, what: str) -> None:
        """Raise RetryLater when the time is over."""
        if self.timer.monotonic() > self.end:
            raise RetryLater(f"{what} takes longer than {self.waits.seconds:g} seconds", next_step=self.advice)

    def until_done(self, once: Callable[[], T], what: str) -> T:
        """What `once` gives, tried again after `TryAgain`. Raises RetryLater when it never does."""
        for attempt in range(self.waits.tries):
            self.check(what)
            try:
                return once()
            except TryAgain as again:
                reason = again.reason
                pause = float(2**attempt) if again.after is None else again.after
            if attempt == self.waits.tries - 1:
                break
            if pause > self.waits.wait:
                raise RetryLater(
                    f"{what} {reason} and asks to wait {pause:,.0f} seconds", next_step="try again then"
                ) from None
            self.timer.sleep(pause)
        times = f", {self.waits.tries} times" if self.waits.tries > 1 else ""
        raise RetryLater(f"{what} {reason}{times}", next_step=self.later)

    def seconds_of(self, hint: str | None) -> float | None:
        """The seconds that a Retry-After header asks for, as a number or as a date; None for none or nonsense."""
        if hint is None:
            return None
        if _SECONDS.fullmatch(hint.strip()):
            return float(hint)
        try:
            then = parsedate_to_datetime(hint)
        except (ValueError, TypeError):
            return None
        then = then.replace(tzinfo=UTC) if then.tzinfo is None else then
        return max(0.0, (then - self.timer.now()).total_seconds())
