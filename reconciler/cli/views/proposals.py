"""A proposal: the branch, the lines that change, what is known, and what to type next."""

from __future__ import annotations

import click

from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal
from reconciler.usecases.proposal import Proposal


def show_proposal(session: Session, proposal: Proposal) -> None:
    """Print a proposal in the session's form."""
    if session.output == "json":
        json_out.emit({"format_version": 1, **vars(proposal)})
        return
    instead = f", in the place of {proposal.replaced[:12]}, which was there before" if proposal.replaced else ""
    lines = [f"branch {terminal(proposal.branch)} ({proposal.commit[:12]}){instead}", f"  {terminal(proposal.file)}"]
    lines += [f"  - {terminal(line.strip())}" for line in proposal.removed]
    lines += [f"  + {terminal(line.strip())}" for line in proposal.added]
    lines += [f"  {terminal(fact)}" for fact in proposal.facts]
    lines += ["next", *(f"  {terminal(step)}" for step in proposal.next_steps)]
    click.echo("\n".join(lines))
