"""`reconciler validate [PATH]`: all problems of the manifests at once, offline. Exit 3 where there are errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli.command import command as reconciler_command
from reconciler.cli.places import repository_of
from reconciler.cli.session import Session
from reconciler.cli.views import problems as view
from reconciler.domain.errors import AuthorMustFix
from reconciler.usecases.validate import check

EXAMPLES = """
reconciler validate                                   the whole repository, uncommitted edits included
reconciler validate manifests/releases                told: only what is below
reconciler validate -o json                           for editors and CI
"""


@reconciler_command("validate", epilog=EXAMPLES)
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
def command(session: Session, path: Path | None) -> int:
    """Check manifests and environments, offline, all problems at once.

    Reads the working tree of the repository. PATH (a file or folder of it, or another repository) limits what is
    told. Exit 3 where there are errors.
    """
    below = ""
    if path is not None:
        top, below = repository_of(session.directory / path)
        session = replace(session, directory=top)
    found = check(session.house, below)
    if path is not None and not found.files:
        raise AuthorMustFix(f"there are no manifests at {path}", next_step="name manifests/, environments/ or a file")
    click.echo(view.document(found) if session.output == "json" else view.text(found))
    for note in found.notes:
        session.say(f"note: {note}")
    return 3 if found.errors else 0
