"""`reconciler WORDS`, in this process."""

from __future__ import annotations

from reconciler.__main__ import build, open_doorstep
from reconciler.cli.root import make_root, run


def typed(*words: object) -> int:
    """The exit code of `reconciler WORDS`."""
    return run(make_root(build, open_doorstep), [str(word) for word in words])
