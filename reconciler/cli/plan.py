"""`reconciler plan`: what apply would do, and what is held and why."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.command import command as make
from reconciler.cli.out_file import OutFile
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.plans import plan_lines
from reconciler.core.plan_format import plan_document

EXAMPLES = """
reconciler plan                          the commit that is checked out
reconciler plan --working-tree           a preview of edits that are not committed
reconciler plan -e production --out p.json && reconciler apply p.json
reconciler plan --detailed-exitcode      2: there are changes
"""
NO_ENVIRONMENTS = "note: there are no environments here; reconciler init DIR --example shows what they look like"


@make("plan", epilog=EXAMPLES)
@click.option("--ref", metavar="REVISION", help="Plan this commit (default: HEAD).")
@click.option("--working-tree", is_flag=True, help="Preview uncommitted edits; what this shows cannot be applied.")
@click.option("-e", "--environment", "environments", multiple=True, metavar="ENV", help="Only these environments.")
@click.option("--select", "models", multiple=True, metavar="MODEL", help="Only these models.")
@click.option("--out", type=OutFile(), help="Save the plan for `apply FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@click.option("--explain", is_flag=True, help="Say by which rule each action is proposed.")
def command(  # noqa: PLR0913  one parameter an option
    session: Session,
    *,
    ref: str | None,
    working_tree: bool,
    environments: tuple[str, ...],
    models: tuple[str, ...],
    out: Path | None,
    detailed_exitcode: bool,
    explain: bool,
) -> int:
    """Show what apply would do, and what is held and why. Read-only; works offline, from git."""
    from reconciler.usecases.plan import plan, saved_plan
    from reconciler.usecases.survey import Ask

    if working_tree and (ref is not None or out is not None):
        raise click.UsageError("--working-tree is a preview: it goes neither with --ref nor with --out.")
    ask = Ask(
        revision=None if working_tree else "HEAD" if ref is None else ref,
        environments=frozenset(environments) or None,
        models=frozenset(models) or None,
    )
    planned = plan(session.house, ask)
    if out is not None:
        session.house.files.replace(out, saved_plan(planned, ask))
        session.say(f"saved: reconciler apply {out}")
    if session.output == "json":
        json_out.emit(plan_document(planned.plan))
    else:
        label = "uncommitted edits of the working tree" if working_tree else planned.world.source.label
        click.echo("\n".join(plan_lines(planned.plan, label, explain=explain, color=session.color)))
    if not planned.world.source.environments and not planned.plan.held:
        session.say(NO_ENVIRONMENTS)
    if any(held.reason == "manifest-invalid" for held in planned.plan.held):
        return 3
    return 2 if detailed_exitcode and planned.plan.actions else 0
