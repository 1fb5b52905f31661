"""The composition root: builds the adapters and hands them to the command line. Nothing else does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reconciler.cli.root import Session, make_root, run

if TYPE_CHECKING:
    from reconciler.usecases.house import House


def build(session: Session) -> House:
    """The house of the repository that `-C` names."""
    raise NotImplementedError(session)


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(make_root(build)))


if __name__ == "__main__":
    main()
