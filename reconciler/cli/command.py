"""The decorator of every command: global options are understood after the command's name too (`status -o json`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reconciler.cli.session import Session


def command(
    name: str, *, epilog: str = "", outputs: tuple[str, ...] = ("text", "json")
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a click command of a function that gets `session` first; its return value is the exit code (None: 0).

    `epilog` holds examples, a line each. `outputs` are the forms that this command can print.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        body = click.pass_obj(function)
        made = click.command(name, epilog=_examples(epilog), no_args_is_help=False)(body)
        made.params.extend(_shared_options(outputs))
        return made

    return decorate


def _examples(epilog: str) -> str | None:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in epilog.strip().splitlines()) if epilog else None


def _shared_options(outputs: tuple[str, ...]) -> list[click.Option]:
    return [
        click.Option(
            ["-o", "--output", "_output"],
            type=click.Choice(outputs),
            expose_value=False,
            callback=_set("output"),
            help="Form of the result.",
        ),
        click.Option(
            ["-q", "--quiet", "_quiet"],
            is_flag=True,
            default=None,
            expose_value=False,
            callback=_set("quiet"),
            help="Only the result, no progress.",
        ),
        click.Option(["--no-color", "_no_color"], is_flag=True, default=None, expose_value=False, callback=_plain),
        click.Option(["--traceback", "_traceback"], is_flag=True, expose_value=False, hidden=True),
    ]


def _set(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        session = ctx.find_object(Session)
        if session is not None and value is not None:
            setattr(session, attribute, value)

    return callback


def _plain(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
    session = ctx.find_object(Session)
    if session is not None and value:
        session.color = False
