"""`reconciler lease list|break`."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal
from reconciler.cli.views.table import table


@click.group("lease")
def command() -> None:
    """List or break the leases of ledgers."""


@make("list", epilog="reconciler lease list")
def list_(session: Session) -> None:
    """List who holds or held each ledger's lease."""
    from reconciler.usecases.lease import leases

    found = leases(session.house)
    if session.output == "json":
        json_out.emit({"format_version": 1, "leases": found})
        return
    rows = [
        (
            state.environment,
            "held" if state.held else "free",
            state.holder,
            state.host,
            str(state.process),
            f"{state.expires:%Y-%m-%d %H:%M:%S}" if state.held else "-",
            str(state.generation),
        )
        for state in found
    ]
    header = ("environment", "state", "holder", "host", "process", "expires (UTC)", "generation")
    click.echo("\n".join(table(rows, header=header) if rows else ["No lease has been taken yet."]))


@make("break", epilog='reconciler lease break production --reason "the runner was shut down"')
@click.argument("environment")
@click.option("--reason", required=True, help="Why; it goes into the ledger.")
def break_(session: Session, *, environment: str, reason: str) -> None:
    """End another's lease, and record who did it and why."""
    from reconciler.usecases.lease import break_lease

    broken = break_lease(session.house, environment, reason=reason)
    if session.output == "json":
        json_out.emit({"format_version": 1, "broken": broken})
    else:
        click.echo(f"broken: the lease of {terminal(environment)}, held by {terminal(broken.holder)}")


command.add_command(list_)
command.add_command(break_)
