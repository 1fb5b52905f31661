"""`reconciler apply`: make every environment what main says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.signals import Signals
from reconciler.cli.views import json_out
from reconciler.cli.views.plans import done_lines, held_lines, named, plan_lines
from reconciler.core.plan_format import action_document, held_document
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.names import parse_duration
from reconciler.domain.plan import Action, Plan

if TYPE_CHECKING:
    from reconciler.usecases.apply import Applied, Done

EXAMPLES = """
reconciler apply                         shows the plan, asks, then does it
reconciler apply --yes                   for CI
reconciler apply plan.json               exactly this saved plan, or refuse
reconciler apply --lock-timeout 5m       wait for another run's lease
"""


@make("apply", epilog=EXAMPLES)
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("-e", "--environment", "environments", multiple=True, metavar="ENV", help="Only these environments.")
@click.option("--select", "models", multiple=True, metavar="MODEL", help="Only these models.")
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="How long to wait for a lease (90s, 5m).")
@click.option("--retry", is_flag=True, help="Try again what failed and would not be tried again by itself.")
def command(  # noqa: PLR0913  one parameter an option
    session: Session,
    *,
    plan_file: Path | None,
    yes: bool,
    environments: tuple[str, ...],
    models: tuple[str, ...],
    lock_timeout: str,
    retry: bool,
) -> int:
    """Make every environment what main says: train, judge, deploy, heal; one receipt each.

    Reads the tip of main (the remote's, where there is one), whatever is checked out.
    """
    from reconciler.usecases.apply import apply
    from reconciler.usecases.survey import Ask

    ask = Ask(environments=frozenset(environments) or None, models=frozenset(models) or None, retry=retry)
    if plan_file and (environments or models):
        raise click.UsageError("A saved plan says itself what it is for: -e and --select do not go with it.")
    saved = _saved(plan_file) if plan_file else None
    try:
        wait = parse_duration(lock_timeout)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--lock-timeout") from error
    with progress(session) as update, Signals().installed() as stop:
        applied = apply(
            replace(session.house, progress=update),
            ask,
            saved=saved,
            wait=wait,
            stop=stop,
            listen=_listener(session),
            confirm=_confirmer(session, yes or saved is not None),
        )
    _print(session, applied)
    return applied.exit_code


def _saved(path: Path) -> dict[str, Any]:
    from reconciler.usecases.plan import read_saved

    try:
        with path.open("rb") as file:
            content = file.read(64 << 20)
    except OSError as error:
        raise AuthorMustFix(
            f"{path} cannot be read: {error.strerror}", next_step="reconciler plan --out FILE"
        ) from error
    return read_saved(content, str(path))


def _confirmer(session: Session, yes: bool) -> Any:
    def confirm(plan: Plan) -> bool:
        if session.output == "text":
            click.echo(
                "\n".join(plan_lines(plan, f"main at {(plan.source_commit or '')[:12]}", color=session.color)) + "\n"
            )
        if yes:
            return True
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask: this is no terminal. Say --yes, or name a saved plan.")
        return click.confirm("Do this?", err=True)

    return confirm


def _listener(session: Session) -> Any:
    def listen(event: str, action: Action, done: Done | None) -> None:
        if event == "start":
            session.say(f"{named(action)} …")
        elif done is not None:
            session.say(f"{named(action)}: {done.outcome}" + (f" ({done.reason})" if done.reason else ""))

    return listen


def _print(session: Session, applied: Applied) -> None:
    for note in applied.notes:
        session.say(note)
    if session.output == "json":
        json_out.emit(_document(applied))
        return
    lines = done_lines([(done.action, done.outcome, done.reason) for done in applied.done])
    lines += held_lines(applied.held)
    failed = sum(done.outcome == "failed" for done in applied.done)
    if not applied.done and not applied.left:
        lines.append("Nothing to do." if not applied.held else "Nothing can be done now.")
    elif not applied.done:
        lines.append(f"Nothing was done; {len(applied.left)} actions are left.")
    else:
        left = f", {len(applied.left)} left" if applied.left else ""
        lines.append(f"Apply: {len(applied.done) - failed} done, {failed} failed, {len(applied.held)} held{left}.")
    if applied.unsettled:
        lines += [f"left: {named(action)}: {action.reason}" for action in applied.left]
    click.echo("\n".join(lines))


def _document(applied: Applied) -> dict[str, Any]:
    return {
        "format_version": 1,
        "source_commit": applied.source_commit,
        "done": [
            {**action_document(done.action), "outcome": done.outcome, "failure": done.reason or None}
            for done in applied.done
        ],
        "held": [held_document(held) for held in applied.held],
        "left": [action_document(action) for action in applied.left],
        "exit_code": applied.exit_code,
    }
