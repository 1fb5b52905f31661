"""`reconciler doctor`: what this machine and repository can do."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.table import table
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observed import Finding

MARKS = {"ok": "ok", "warning": "!", "error": "ERROR"}


@make("doctor", epilog="reconciler doctor        exit 1 where something would not work")
def command(session: Session) -> int:
    """Say what this machine and this repository can do: git, the box, libraries, main, environments."""
    found = _look(session)
    if session.output == "json":
        json_out.emit({"format_version": 1, "findings": found})
    else:
        rows = [(MARKS[item.state], item.what, item.detail) for item in found]
        click.echo("\n".join(table(rows)))
        for item in found:
            if item.next_step:
                session.say(f"next ({item.what}): {item.next_step}")
    return 1 if any(item.state == "error" for item in found) else 0


def _look(session: Session) -> list[Finding]:
    from reconciler.usecases.doctor import doctor, look_at

    try:
        house = session.house
    except ReconcilerError as error:
        nowhere = Finding("repository", "error", error.message, error.next_step)
        return [*look_at(session.open_doorstep(session).looks), nowhere]
    return doctor(house)
