"""`reconciler fmt [--check|--diff] [PATH…]`: manifests in their usual form; comments stay."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli.command import command as reconciler_command
from reconciler.cli.places import repository_of
from reconciler.cli.session import Session
from reconciler.cli.views.escape import terminal
from reconciler.usecases.fmt import Formed, fmt

EXAMPLES = """
reconciler fmt                                        every manifest and environment of the repository
reconciler fmt --check                                for CI: change nothing, exit 3 where something would
reconciler fmt --diff manifests/releases              show what would change
"""


@reconciler_command("fmt", epilog=EXAMPLES)
@click.option("--check", is_flag=True, help="Change nothing; exit 3 where something would change.")
@click.option("--diff", "show", is_flag=True, help="Change nothing; show what would.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def command(session: Session, paths: tuple[Path, ...], *, check: bool, show: bool) -> int:
    """Put manifests in their usual form: key order, indentation, spacing. Comments stay.

    A file that is not YAML, or whose meaning would change, is left alone and named: exit 3.
    """
    top, _ = repository_of(session.directory)
    formed = fmt(session.house, [session.directory / path for path in paths], top=top, write=not (check or show))
    if session.output == "json":
        click.echo(_document(formed))
    else:
        _tell(formed, session, check=check, show=show)
    refused = any(file.refused for file in formed)
    return 3 if refused or (check and any(file.changed for file in formed)) else 0


def _tell(formed: tuple[Formed, ...], session: Session, *, check: bool, show: bool) -> None:
    for file in formed:
        if file.refused:
            click.echo(terminal(file.refused), err=True)
        elif show:
            click.echo(terminal(file.diff(), lines=True), nl=False)
        elif file.changed:
            click.echo(terminal(file.name))
    changed = sum(file.changed for file in formed)
    done = "would change" if check or show else "changed"
    session.say(f"{len(formed)} files, {changed} {done}")


def _document(formed: tuple[Formed, ...]) -> str:
    files = [
        {"file": file.name, "changed": file.changed, "refused": file.refused or None, "diff": file.diff() or None}
        for file in formed
    ]
    return json.dumps({"format_version": 1, "files": files}, indent=2)
