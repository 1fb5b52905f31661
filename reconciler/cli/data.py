"""`reconciler data refresh|show|gc`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from reconciler.cli import data_gc, data_show
from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session


@click.group("data")
def command() -> None:
    """Refresh, show and clean up the sandbox's copies of production data."""


@make("refresh", epilog="reconciler data refresh sandbox\nreconciler data refresh sandbox --as-of 2025-09-30")
@click.argument("environment")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="What was known at the end of this day.")
def refresh_(session: Session, *, environment: str, as_of: datetime | None) -> None:
    """Copy production's invoices, customers and settlements, checked, dated and addressed by content, and record it."""
    from reconciler.cli.views import json_out
    from reconciler.cli.views import refreshed as views
    from reconciler.usecases.refresh import refresh

    day = as_of.date() if as_of else None
    with progress(session) as update:
        done = refresh(replace(session.house, progress=update), environment, as_of=day, progress=update)
    for note in done.notes:
        session.say(note)
    if session.output == "json":
        json_out.emit(views.refreshed_document(done))
    else:
        click.echo(views.refreshed_text(done))


command.add_command(refresh_)
command.add_command(data_show.command)
command.add_command(data_gc.command)
