"""`reconciler diff`: two versions, two environments or two commits."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal

EXAMPLES = """
reconciler diff payment-prediction@1.0.0 payment-prediction@1.1.0
reconciler diff sandbox production
reconciler diff v1 HEAD
"""


@make("diff", epilog=EXAMPLES)
@click.argument("left")
@click.argument("right")
def command(session: Session, *, left: str, right: str) -> None:
    """Compare two versions, two environments or two commits."""
    from reconciler.usecases.compare import compare

    found = compare(session.house, left, right)
    if session.output == "json":
        json_out.emit(
            {"format_version": 1, "kind": found.kind, "left": left, "right": right, "lines": list(found.lines)}
        )
        return
    lines = [terminal(line) for line in found.lines] or ["no difference"]
    click.echo("\n".join(lines))
