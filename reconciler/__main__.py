"""The composition root: builds the adapters and hands them to the command line. Nothing else does."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.root import Session, make_root, run

if TYPE_CHECKING:
    from reconciler.usecases.house import House
    from reconciler.usecases.init import Doorstep


def build(session: Session) -> House:
    """The house of the repository that `-C` names."""
    raise NotImplementedError(session)


def open_doorstep(session: Session) -> Doorstep:
    """What `init` needs before there is a repository."""
    from reconciler.adapters.beginnings import GitBeginnings
    from reconciler.adapters.csv_source import CsvLook
    from reconciler.tasks.customer_payment.example import generate
    from reconciler.usecases.init import Doorstep

    def open_house(folder: Path) -> House:
        return build(replace(session, directory=folder))

    return Doorstep(CsvLook(), GitBeginnings(), generate, open_house)


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(make_root(build, open_doorstep)))


if __name__ == "__main__":
    main()
