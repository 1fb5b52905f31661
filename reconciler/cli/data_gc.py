"""`data gc`: remove copies that nothing needs, after they were listed."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import Pausable
from reconciler.cli.session import Session
from reconciler.cli.views import sweeps as views

if TYPE_CHECKING:
    from reconciler.usecases.sweep import Swept

EXAMPLES = """
reconciler data gc --dry-run             what would go, and what stays
reconciler data gc                       lists, asks, then removes
reconciler data gc --yes                 for CI
"""


@make("gc", epilog=EXAMPLES)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def command(session: Session, *, yes: bool, dry_run: bool) -> int:
    """Remove copies of the data that nothing needs.

    The newest copy stays, the one before, and what a pinned model, one inside the rollback window, or a recipe needs.
    Waits for nobody: while an apply or a refresh runs, it is exit 4.
    """
    from reconciler.cli.views import json_out
    from reconciler.usecases.sweep import sweep

    told = Pausable(session)

    def confirm(found: Swept) -> bool:
        told.pause()
        if session.output == "text":
            click.echo(views.sweep_text(found))
        if yes:
            return True
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask: this is no terminal. Say --yes, or --dry-run to look.")
        return click.confirm("Remove these?", err=True)

    with told:
        swept = sweep(replace(session.house, progress=told), confirm=None if dry_run else confirm)
    if session.output == "json":
        json_out.emit(views.sweep_document(swept))
    elif swept.done:
        click.echo(f"Removed {len(swept.going)}, {views.size(sum(each.size for each in swept.going))}.")
    elif dry_run or not swept.going:
        click.echo(views.sweep_text(swept))
    return 0
