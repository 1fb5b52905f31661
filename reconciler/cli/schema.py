"""`reconciler schema [KIND] [--out FOLDER]`: the JSON Schema of one kind, or of all three by kind."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.command import command as reconciler_command
from reconciler.cli.session import Session
from reconciler.usecases.schema import schema, schema_text, schemas, write_schemas

EXAMPLES = """
reconciler schema Release                             one schema
reconciler schema --out docs/schema                   Environment.json, ModelVersion.json, Release.json
"""


@reconciler_command("schema", epilog=EXAMPLES)
@click.argument("kind", required=False)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write KIND.json into this folder.")
def command(session: Session, kind: str | None, out: Path | None) -> int:
    """Print the JSON Schema (draft 2020-12) of KIND: ModelVersion, Release or Environment; of all three without.

    The output is JSON whatever -o says.
    """
    made = {kind: schema(kind)} if kind else schemas()
    if out is not None:
        for path in write_schemas(session.house, session.directory / out, made):
            session.say(f"wrote {path}")
        return 0
    click.echo(schema_text(made[kind] if kind else made), nl=False)
    return 0
