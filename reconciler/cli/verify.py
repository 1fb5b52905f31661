"""`reconciler verify`: check every blob, card, target and ledger."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal


@make("verify", epilog="reconciler verify        exit 5 where anything is not what it should be")
def command(session: Session) -> int:
    """Check every ledger's chain, every blob, every stored model's probe, every target and every snapshot."""
    from reconciler.usecases.verify import verify

    with progress(session) as update:
        found = verify(replace(session.house, progress=update))
    if session.output == "json":
        json_out.emit({"format_version": 1, "checked": dict(found.checked), "faults": list(found.faults)})
    else:
        for fault in found.faults:
            click.echo(f"! {terminal(fault.where)}: {terminal(fault.what)}")
            if fault.next_step:
                click.echo(f"    next: {terminal(fault.next_step)}")
        checked = ", ".join(_counted(number, kind) for kind, number in found.checked.items())
        click.echo(f"Checked {checked}: {_counted(len(found.faults), 'faults') if found.faults else 'no faults'}.")
    return 5 if found.faults else 0


def _counted(number: int, kind: str) -> str:
    """`1 target`, `2 targets`: the kinds are plural words that lose their s."""
    return f"{number:,} {kind.removesuffix('s') if number == 1 else kind}"
