"""`reconciler completion`: the shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli.command import command as make
from reconciler.cli.session import Session


@make("completion", epilog='eval "$(reconciler completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, session: Session, *, shell: str) -> None:  # noqa: ARG001  every command has a session
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  the choice above is what click has
    root = ctx.find_root().command
    click.echo(kind(root, {}, "reconciler", "_RECONCILER_COMPLETE").source())
