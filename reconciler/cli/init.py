"""`init`: begin a repository, over an example company or over a receivables file of one's own."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.views.escape import terminal


@make(
    "init",
    epilog="reconciler init shop --example && cd shop && reconciler apply --yes\n"
    "reconciler init receivables --from invoices.csv\n"
    "reconciler init receivables --from invoices.csv --as-of 2025-09-30 --yes",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--example", is_flag=True, help="A fictional company's receivables, made from a seed.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=5, show_default=True, help="Of the example.")
@click.option("--from", "file", type=click.Path(path_type=Path), help="A CSV file of invoices: one row an invoice.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Take the file back to this date.")
@click.option("--yes", "-y", is_flag=True, help="Take the proposed mapping without asking.")
def command(  # noqa: PLR0913  click hands over every option
    session: Session, *, folder: Path, example: bool, seed: int, file: Path | None, as_of: datetime | None, yes: bool
) -> int:
    """Begin a repository in DIR: manifests, environments and a first snapshot, ready to apply.

    With --from the file is looked at first; every field of the mapping is shown with its reason, and nothing is
    written before you agreed."""
    from reconciler.cli.views import begun as views
    from reconciler.usecases.init import begin_example, begin_from, look_at

    if example == (file is not None):
        raise click.UsageError("Say either --example or --from FILE.csv.")
    if example and as_of is not None:
        raise click.UsageError("--as-of goes with --from.")
    door = session.open_doorstep(session)
    place = session.directory / folder
    if file is None:
        with progress(session) as told:
            begun = begin_example(door, place, seed, progress=told)
    else:
        look = look_at(door, session.directory / file, as_of.date() if as_of else None)
        click.echo(views.proposed(look), err=True)
        _agree(yes)
        with progress(session) as told:
            begun = begin_from(door, place, look, progress=told)
    click.echo(views.begun_json(begun) if session.output == "json" else views.begun_text(begun, str(folder)))
    return 0


def _agree(yes: bool) -> None:
    from reconciler.domain.errors import AuthorMustFix

    if yes:
        return
    if not sys.stdin.isatty():
        raise AuthorMustFix(
            "nothing was written: the mapping above needs a yes, and there is no terminal to ask on",
            next_step="read it, then run the same command with --yes",
        )
    if not click.confirm(terminal("Begin with this mapping?"), default=True, err=True):
        raise AuthorMustFix(
            "nothing was written",
            next_step="rename the columns that were misread, or begin with --yes and edit environments/production.yaml",
        )
