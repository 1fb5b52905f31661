"""`reconciler retrain`: a branch with the next patch version."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session


@make("retrain", epilog="reconciler data refresh sandbox && reconciler retrain payment-prediction")
@click.argument("model")
@click.option("--replace", is_flag=True, help="Throw away what others committed to the branch of the proposal.")
def command(session: Session, *, model: str, replace: bool) -> None:
    """Propose the next patch version: the same recipe, trained on what is new (data, task or libraries)."""
    from reconciler.cli.views.proposals import show_proposal
    from reconciler.usecases.retrain import retrain

    show_proposal(session, retrain(session.house, model, replace=replace))
