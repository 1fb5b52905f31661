"""`reconciler rollback`: a branch that goes back to what was served before."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session

EXAMPLES = """
reconciler rollback payment-prediction -e production
reconciler rollback payment-prediction -e production --to 1.0.0
"""


@make("rollback", epilog=EXAMPLES)
@click.argument("model")
@click.option("-e", "--environment", required=True, metavar="ENV", help="Where to go back.")
@click.option("--to", metavar="VERSION", help="The version to go back to (default: the one served before).")
@click.option("--replace", is_flag=True, help="Throw away what others committed to the branch of the proposal.")
def command(session: Session, *, model: str, environment: str, to: str | None, replace: bool) -> None:
    """Prove that the older artifact is stored and answers its probe, then propose it on a branch of its own."""
    from reconciler.cli.views.proposals import show_proposal
    from reconciler.usecases.rollback import rollback

    show_proposal(session, rollback(session.house, model, environment=environment, to=to, replace=replace))
