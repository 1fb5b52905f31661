"""`data show`: what a snapshot holds, with a bar for each month's outcomes."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session


@make(
    "show", epilog="reconciler data show\nreconciler data show --compare before\nreconciler data show 16513fab -o json"
)
@click.argument("snapshot", required=False)
@click.option("--compare", "other", metavar="OTHER", help="What differs from this one; `before`: the last.")
def command(session: Session, *, snapshot: str | None, other: str | None) -> int:
    """Show the newest snapshot, or the one whose digest begins with SNAPSHOT: rows, outcomes per month, missing
    values, ranges. No account and no invoice number."""
    from reconciler.cli.views import data as views
    from reconciler.cli.views import json_out
    from reconciler.usecases.data import show

    with progress(session) as update:
        shown = show(replace(session.house, progress=update), snapshot, other=other)
    if session.output == "json":
        json_out.emit(views.document(shown))
    else:
        click.echo(views.as_text(shown))
    return 0
