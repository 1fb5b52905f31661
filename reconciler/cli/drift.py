"""`reconciler drift`: targets against the ledger."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.table import table


@make("drift", epilog="reconciler drift -e production        apply heals what this finds")
@click.option("-e", "--environment", metavar="ENV", help="Only this environment.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there is drift.")
def command(session: Session, *, environment: str | None, detailed_exitcode: bool) -> int:
    """Compare targets with what the ledger says; every file is hashed. Read-only."""
    from reconciler.usecases.drift import drift, next_steps

    found = drift(session.house, environment=environment)
    if session.output == "json":
        json_out.emit({"format_version": 1, "drift": list(found)})
    elif found:
        rows = [(item.environment, item.model or "(target)", item.kind, item.detail) for item in found]
        click.echo("\n".join(table(rows, header=("environment", "model", "drift", "detail"))))
        for step in next_steps(found):
            click.echo(f"next: {step}")
    else:
        click.echo("No drift: every target holds what its ledger says.")
    return 2 if detailed_exitcode and found else 0
