"""`reconciler judge`: judge a version now, by an environment's exam."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal
from reconciler.cli.views.judgements import confusion_lines, judgement_lines

EXAMPLES = """
reconciler judge payment-prediction --for production
reconciler judge payment-prediction@1.1.0 --for production
"""


@make("judge", epilog=EXAMPLES)
@click.argument("named", metavar="MODEL[@VERSION]")
@click.option("--for", "environment", required=True, metavar="ENV", help="By the exam of this environment.")
def command(session: Session, *, named: str, environment: str) -> None:
    """Show the current judgement of a version, made and recorded now where there is none."""
    from reconciler.usecases.judge import judge

    with progress(session) as update:
        judgement, made = judge(replace(session.house, progress=update), named, for_environment=environment)
    if session.output == "json":
        json_out.emit({"format_version": 1, "made_now": made, "judgement": judgement})
        return
    when = "made just now" if made else f"made {judgement.at:%Y-%m-%d %H:%M} UTC"
    lines = [f"{judgement.model} {judgement.version} by the exam of {environment}, {when}", ""]
    lines += [f"  {terminal(line)}" for line in judgement_lines(judgement)]
    lines += ["", *(f"  {line}" for line in confusion_lines(judgement.figures))]
    click.echo("\n".join(lines))
