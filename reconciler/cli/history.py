"""`reconciler history`: the receipts, newest first."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views.receipts import HEADER, receipt_rows
from reconciler.cli.views.table import table

if TYPE_CHECKING:
    from reconciler.usecases.history import Entry

EXAMPLES = """
reconciler history payment-prediction -e production
git log ledger/production -- deployments/payment-prediction.json    the same with plain git
"""


@make("history", epilog=EXAMPLES)
@click.argument("model", required=False)
@click.option("-e", "--environment", metavar="ENV", help="Only this environment.")
@click.option("-n", "--limit", type=click.IntRange(1), help="At most so many, the newest.")
def command(session: Session, *, model: str | None, environment: str | None, limit: int | None) -> None:
    """Show what was done when, by whom and with what evidence, from git alone."""
    from reconciler.usecases.history import history, lines

    if session.output == "json":
        from reconciler.cli.views import json_out

        entries = itertools.islice(history(session.house, model, environment=environment), limit)
        json_out.emit({"format_version": 1, "entries": [_document(entry) for entry in entries]})
        return
    rows = receipt_rows(itertools.islice(lines(session.house, model, environment=environment), limit))
    click.echo("\n".join(table(rows, header=HEADER) if rows else ["Nothing has been recorded yet."]))


def _document(entry: Entry) -> dict[str, Any]:
    return {"commit": entry.commit, **entry.receipt.model_dump(mode="json")}
