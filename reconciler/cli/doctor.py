"""`reconciler doctor`: what this machine and repository can do."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.table import table

MARKS = {"ok": "ok", "warning": "!", "error": "ERROR"}


@make("doctor", epilog="reconciler doctor        exit 1 where something would not work")
def command(session: Session) -> int:
    """Say what this machine and this repository can do: git, the box, libraries, main, environments."""
    from reconciler.usecases.doctor import doctor

    found = doctor(session.house, session.house.looks)
    if session.output == "json":
        json_out.emit({"format_version": 1, "findings": found})
    else:
        rows = [(MARKS[item.state], item.what, item.detail) for item in found]
        click.echo("\n".join(table(rows)))
        for item in found:
            if item.next_step:
                session.say(f"next ({item.what}): {item.next_step}")
    return 1 if any(item.state == "error" for item in found) else 0
