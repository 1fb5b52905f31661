"""The least that a plan in Python costs: click, one pydantic model, and one look at what HEAD holds."""

import subprocess

import click
from pydantic import BaseModel


class Pin(BaseModel):
    version: str
    digest: str | None = None


@click.command()
def command() -> None:
    done = subprocess.run(["git", "ls-tree", "-r", "HEAD"], capture_output=True, check=True)
    click.echo(Pin(version=str(len(done.stdout))).version)


command()
