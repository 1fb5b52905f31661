"""`reconciler lease list|break`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal
from reconciler.cli.views.table import table

if TYPE_CHECKING:
    from reconciler.usecases.lease import Listed


@click.group("lease")
def command() -> None:
    """List or break the leases of ledgers."""


@make("list", epilog="reconciler lease list")
def list_(session: Session) -> None:
    """List who holds or held each ledger's lease."""
    from reconciler.usecases.lease import leases

    found = leases(session.house)
    if session.output == "json":
        found_plain = [{**json_out.plain(listed.lease), "ended": listed.ended} for listed in found]
        json_out.emit({"format_version": 1, "leases": found_plain})
        return
    header = ("environment", "state", "holder", "host", "process", "expires (UTC)", "generation")
    rows = [_row(listed) for listed in found]
    lines = table(rows, header=header) if rows else ["No lease has been taken yet."]
    lines += [
        f"{terminal(listed.lease.environment)}: held by a process that has ended; the next apply takes it over"
        for listed in found
        if listed.ended
    ]
    click.echo("\n".join(lines))


def _row(listed: Listed) -> tuple[str, ...]:
    state = listed.lease
    return (
        state.environment,
        "ended" if listed.ended else "held" if state.held else "free",
        state.holder,
        state.host,
        str(state.process),
        f"{state.expires:%Y-%m-%d %H:%M:%S}" if state.held else "-",
        str(state.generation),
    )


@make("break", epilog='reconciler lease break production --reason "the runner was shut down"')
@click.argument("environment")
@click.option("--reason", required=True, help="Why; it goes into the ledger.")
def break_(session: Session, *, environment: str, reason: str) -> None:
    """End another's lease, and record who did it and why."""
    from reconciler.usecases.lease import break_lease

    if not reason.strip():
        raise click.UsageError('--reason is empty; say why, such as --reason "the runner was shut down".')
    broken = break_lease(session.house, environment, reason=reason)
    if session.output == "json":
        json_out.emit({"format_version": 1, "broken": broken})
    else:
        click.echo(f"broken: the lease of {terminal(environment)}, held by {terminal(broken.holder)}")


command.add_command(list_)
command.add_command(break_)
