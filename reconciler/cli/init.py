"""`init`: begin a repository, over an example company or over receivables of one's own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import command as make
from reconciler.cli.progress import progress
from reconciler.cli.session import Session
from reconciler.cli.views.escape import terminal

if TYPE_CHECKING:
    from reconciler.ports.work import Asked, InputName
    from reconciler.usecases.init import Doorstep
    from reconciler.usecases.init_look import FirstLook

OTHERS: tuple[InputName, ...] = ("customers", "settlements")


@make(
    "init",
    epilog="reconciler init shop --example && cd shop && reconciler apply --yes\n"
    "reconciler init receivables --from invoices.csv\n"
    "reconciler init receivables --from invoices.csv --as-of 2025-09-30 --yes\n"
    "reconciler init receivables --from invoices.csv --customers customers.csv --settlements payments.csv\n"
    "reconciler init receivables --from postgresql://reader@erp.example/sales --table public.invoices "
    "--credentials erp",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--example", is_flag=True, help="A fictional company's receivables, made from a seed.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=5, show_default=True, help="Of the example.")
@click.option(
    "--from",
    "what",
    metavar="WHAT",
    help="Where invoices are, one row an invoice: a CSV or Parquet file, a folder or pattern of them, a Delta table's "
    "folder, postgresql://USER@HOST/DB, any SQLAlchemy URL (sqlite:///FILE), or the root of an OData service.",
)
@click.option("--table", help="Of a database SCHEMA.TABLE or a view, of an OData service the entity set.")
@click.option(
    "--settlements",
    metavar="SOURCE",
    help="Where payments, credit notes and write-offs are, one row each, named as in --from: they say when invoices "
    "were settled.",
)
@click.option("--settlements-table", metavar="TABLE", help="The table of settlements; alone: at the address of --from.")
@click.option("--customers", metavar="SOURCE", help="Where customers are, one row each, named as in --from.")
@click.option("--customers-table", metavar="TABLE", help="The table of customers; alone: at the address of --from.")
@click.option(
    "--credentials", metavar="NAME", help="The password is in RECONCILER_CREDENTIALS_NAME; it is never written down."
)
@click.option("--token-url", metavar="URL", help="OAuth2 for an OData service; the user in WHAT is the client's id.")
@click.option("--scope", help="What to ask a token for.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Take the invoices back to this date.")
@click.option("--yes", "-y", is_flag=True, help="Take the proposed mapping without asking.")
def command(  # noqa: PLR0913  click hands over every option
    session: Session,
    *,
    folder: Path,
    example: bool,
    seed: int,
    what: str | None,
    as_of: datetime | None,
    yes: bool,
    **named: str | None,
) -> int:
    """Begin a repository in DIR: manifests, environments and a first snapshot, ready to apply.

    With --from the invoices are looked at first; every field of the mapping is shown with its reason, and nothing is
    written before you agreed."""
    from reconciler.cli.views import begun as views
    from reconciler.cli.views import json_out
    from reconciler.usecases.init import begin_example, begin_from

    _check(example=example, what=what, others=[as_of, *named.values()])
    door, place = session.open_doorstep(session), session.directory / folder
    if what is None:
        with progress(session) as told:
            begun = begin_example(door, place, seed, progress=told)
    else:
        look = _look(session, door, _asked(what, session.directory.absolute(), named), as_of)
        _agree(yes)
        with progress(session) as told:
            begun = begin_from(door, place, look, progress=told)
    if session.output == "json":
        json_out.emit(views.begun_document(begun))
    else:
        click.echo(views.begun_text(begun, str(folder)))
    return 0


def _asked(what: str, folder: Path, named: dict[str, str | None]) -> list[Asked]:
    """What to look at, the invoices first."""
    from reconciler.ports.work import Asked
    from reconciler.usecases.init_look import asked_of

    others = {name: (named.pop(name), named.pop(f"{name}_table")) for name in OTHERS}
    first = Asked(what, folder, named["table"], named["credentials"], named["token_url"], named["scope"])
    return asked_of(first, others)


def _look(session: Session, door: Doorstep, asked: list[Asked], as_of: datetime | None) -> FirstLook:
    """Look, and tell what is proposed; where there are settlements, try it on all rows and tell what they say."""
    from reconciler.cli.views import begun as views
    from reconciler.usecases.init_look import look_at, try_out

    with progress(session) as told:
        look = look_at(door, asked, as_of.date() if as_of else None, progress=told)
    click.echo(views.proposed(look), err=True)
    if "settlements" in look.tables:
        with progress(session) as told:
            look, trial = try_out(door, look, progress=told)
        click.echo(views.tried(look, trial), err=True)
    return look


def _check(*, example: bool, what: str | None, others: Sequence[object]) -> None:
    if example == (what is not None):
        raise click.UsageError("Say either --example or --from WHAT.")
    if example and any(each is not None for each in others):
        raise click.UsageError(
            "--as-of, --customers, --settlements, --table, --credentials, --token-url and --scope go with --from."
        )


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
