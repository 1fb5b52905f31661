"""`reconciler data refresh|show|gc`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from reconciler.cli import data_gc, data_show
from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.copies import copy_lines
from reconciler.cli.views.escape import terminal
from reconciler.domain.names import short_digest


@click.group("data")
def command() -> None:
    """Refresh and show the sandbox's copy of production data."""


@make("refresh", epilog="reconciler data refresh sandbox\nreconciler data refresh sandbox --as-of 2025-09-30")
@click.argument("environment")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="What was known at the end of this day.")
def refresh_(session: Session, *, environment: str, as_of: datetime | None) -> None:
    """Copy production's invoices and customers, checked, content-addressed and dated, and record the copy."""
    from reconciler.usecases.refresh import refresh

    day = as_of.date() if as_of else None
    with progress(session) as update:
        done = refresh(replace(session.house, progress=update), environment, as_of=day, progress=update)
    for note in done.notes:
        session.say(note)
    snapshot = done.snapshot
    if session.output == "json":
        json_out.emit({"format_version": 1, "snapshot": snapshot, "known": done.known, "examples": list(done.examples)})
        return
    rows = ", ".join(f"{number:,} {table}" for table, number in sorted(snapshot.rows.items(), reverse=True))
    same = " (the same rows as before)" if done.known else ""
    click.echo(
        f"snapshot {short_digest(snapshot.digest)} of {terminal(snapshot.copy_of)}, {snapshot.data_date}: {rows}{same}"
    )
    for line in copy_lines(snapshot):
        click.echo(line)
    for cause, number in sorted(snapshot.set_aside.items()):
        click.echo(f"  set aside: {number:,} {terminal(cause)}")
    for row in done.examples:
        click.echo(f"    {terminal(row.where)}: {terminal(row.cause)} ({terminal(row.field)})")


command.add_command(refresh_)
command.add_command(data_show.command)
command.add_command(data_gc.command)
