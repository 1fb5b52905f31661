"""The least that a click program with a help page costs."""

import click


@click.group()
def root() -> None:
    """A program."""


@root.command()
def command() -> None:
    """A command."""


root()
