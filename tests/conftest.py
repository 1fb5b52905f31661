"""What every test may lean on: signals as a terminal has them.

A test run that nohup or a shell's `&` started inherits signals that are ignored, and so would every command that a
test starts and ends by a signal.
"""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
