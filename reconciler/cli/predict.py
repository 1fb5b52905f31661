"""`reconciler predict`: probabilities for every open invoice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import command as make
from reconciler.cli.out_file import OutFile
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.views import json_out

if TYPE_CHECKING:
    from reconciler.usecases.predict import Predicted

EXAMPLES = """
reconciler predict -e production --out predictions.csv
reconciler predict -e sandbox --as-of 2025-09-30 --out predictions.parquet
"""


@make("predict", epilog=EXAMPLES)
@click.option("-e", "--environment", required=True, metavar="ENV", help="With what this environment serves.")
@click.option("--model", metavar="MODEL", help="Which model, where it serves more than one.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Invoices open at this date, with what was known.")
@click.option("--out", type=OutFile(".csv", ".parquet", ".json"), help="A .csv, .parquet or .json file.")
@click.option("--hindsight", is_flag=True, help="Allow a date whose outcomes the model has seen; marks the rows.")
def command(
    session: Session, *, environment: str, model: str | None, as_of: datetime | None, out: Path | None, hindsight: bool
) -> None:
    """Give every open invoice its probabilities. Each row carries model, version and digest."""
    from reconciler.usecases.predict import predict

    day = as_of.date() if as_of else None
    with progress(session) as update:
        house = replace(session.house, progress=update)
        found = predict(house, environment=environment, model=model, as_of=day, hindsight=hindsight)
    if out is not None:
        session.house.scorer.write(found.columns, out)
    _tell(session, found, environment, out)
    if out is not None:
        return
    if session.output == "json":
        names = list(found.columns)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*found.columns.values(), strict=True)]
        json_out.emit({"format_version": 1, "predictions": rows})
    else:
        click.echo(session.house.scorer.as_csv(found.columns), nl=False)


def _tell(session: Session, found: Predicted, environment: str, out: Path | None) -> None:
    """On stderr: how many, what of it is masked, and where the data ends long before as-of."""
    if found.stale:
        days = (found.as_of - found.newest).days
        step = (
            f"reconciler data refresh {environment}" if found.copied else f"refresh it, or take --as-of {found.newest}"
        )
        session.say(
            f"warning: the data of {environment} ends on {found.newest} (its newest invoice or payment), "
            f"{days} days before {found.as_of}: {step}"
        )
    if found.masked:
        masked = ", ".join(f"{field} ({how})" for field, how in found.masked.items())
        session.say(f"note: masked, as the model learned it and not as it is in the books: {masked}")
    if out is not None or not found.rows:
        told = f"{found.rows:,} open invoices as of {found.as_of} by {found.model} {found.version}"
        session.say(f"{told}: {out}" if out else told)
