"""`reconciler promote`: a branch with the one-line change of a promotion."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session

EXAMPLES = """
reconciler promote payment-prediction --to production
git merge --no-ff reconciler/promote/production/payment-prediction
"""


@make("promote", epilog=EXAMPLES)
@click.argument("model")
@click.option("--to", required=True, metavar="ENV", help="The environment that shall serve it.")
@click.option("--version", metavar="VERSION", help="A version served below (default: what is served there now).")
@click.option("--replace", is_flag=True, help="Throw away what others committed to the branch of the proposal.")
def command(session: Session, *, model: str, to: str, version: str | None, replace: bool) -> None:
    """Propose what is deployed below for an environment: version and digest, one line, on a branch of its own."""
    from reconciler.cli.views.proposals import show_proposal
    from reconciler.usecases.promote import promote

    show_proposal(session, promote(session.house, model, to=to, version=version, replace=replace))
