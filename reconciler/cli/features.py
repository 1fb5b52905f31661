"""`reconciler features`: the catalogue of features, or one of them whole."""

from __future__ import annotations

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session

EXAMPLES = """
reconciler features                                      every feature, by group
reconciler features --explain history_days_late          one, with formula, sources and an example
reconciler features -o markdown                          the page docs/features.md
"""


@make("features", epilog=EXAMPLES, outputs=("text", "json", "markdown"))
@click.option("--explain", metavar="NAME", help="Show one feature whole.")
def command(session: Session, *, explain: str | None) -> None:
    """Show the features that a recipe may include: groups, units, formulas, and when each one is known.

    No repository is needed.
    """
    from reconciler.cli.views import features as view
    from reconciler.cli.views import json_out
    from reconciler.usecases.features import catalogue
    from reconciler.usecases.features import explain as explained

    tasks = session.tasks()
    if explain is not None:
        entry = explained(tasks, explain)
        if session.output == "json":
            json_out.emit(view.document(entry))
        else:
            click.echo("\n".join(view.whole(entry)))
        return
    entries = catalogue(tasks)
    if session.output == "json":
        json_out.emit(view.documents(entries))
    elif session.output == "markdown":
        click.echo(view.page(entries), nl=False)
    else:
        click.echo("\n".join(view.lines(entries)))
