"""What the global options said, and the house of the repository: every command is given it first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.views.escape import terminal

if TYPE_CHECKING:
    from reconciler.domain.task import TaskSpec
    from reconciler.usecases.house import House
    from reconciler.usecases.init import Doorstep


@dataclass
class Session:
    """What the global options said, and the house, built on first use. `tasks` are known without a repository."""

    directory: Path
    output: str
    color: bool
    quiet: bool
    build: Callable[[Session], House]
    open_doorstep: Callable[[Session], Doorstep]
    tasks: Callable[[], Mapping[str, TaskSpec]] = dict

    @cached_property
    def house(self) -> House:
        return self.build(self)

    def say(self, text: str) -> None:
        """A line of progress or advice, on stderr; nothing with --quiet."""
        if not self.quiet:
            click.echo(terminal(text), err=True)
