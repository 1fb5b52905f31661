"""The command line's root: global options, commands loaded only when they are used, and errors told to people.

No command is imported for `--help`: their one-line summaries stand in `COMMANDS`. A `ReconcilerError` becomes its
message, its next step and its exit code; anything unforeseen becomes one line and exit 1. `--traceback` shows
where an error came from, for those who work on the reconciler itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler import __version__
from reconciler.cli.session import Session
from reconciler.cli.signals import ending_cleanly
from reconciler.cli.views.escape import terminal
from reconciler.domain.errors import ReconcilerError, RetryLater

if TYPE_CHECKING:
    from reconciler.domain.task import TaskSpec
    from reconciler.usecases.house import House
    from reconciler.usecases.init import Doorstep

USAGE_ERROR = 64
_INTERRUPTED = "interrupted: nothing is half done; run it again to go on"

#: command → (module below reconciler.cli, one line of help)
COMMANDS = {
    "init": ("init", "Begin a repository: an example company, or your own receivables file."),
    "validate": ("validate", "Check manifests and environments, offline, all problems at once."),
    "fmt": ("fmt", "Put manifests in their usual form; comments stay."),
    "features": ("features", "Show the features that a recipe may include, and what each one is."),
    "schema": ("schema", "Print the JSON Schema of a kind."),
    "plan": ("plan", "Show what apply would do, and what is held and why."),
    "apply": ("apply", "Make every environment what main says."),
    "status": ("status", "Show what every environment serves, from git alone."),
    "diff": ("diff", "Compare two environments, two commits or two versions."),
    "history": ("history", "Show what was deployed when, by whom and with what evidence."),
    "show": ("show", "Show one model version: recipe, artifact, judgements, where it serves."),
    "promote": ("promote", "Propose a version for an environment: a branch with a one-line change."),
    "rollback": ("rollback", "Propose the version that was served before."),
    "retrain": ("retrain", "Propose the next patch version, trained on fresher data."),
    "lease": ("lease", "List or break the leases of ledgers."),
    "judge": ("judge", "Judge a version by an environment's exam, now."),
    "verify": ("verify", "Check every blob, card, target and ledger."),
    "drift": ("drift", "Compare targets with what the ledger says."),
    "data": ("data", "Refresh and show the sandbox's copy of production data."),
    "predict": ("predict", "Give every open invoice its probabilities."),
    "doctor": ("doctor", "Say what this machine and repository can do."),
    "completion": ("completion", "Print the shell's completion script."),
}


class Root(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reconciler.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            import difflib

            close = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f" Did you mean {close[0]}?" if close else ""
            ctx.fail(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def make_root(
    build: Callable[[Session], House],
    open_doorstep: Callable[[Session], Doorstep],
    tasks: Callable[[], Mapping[str, TaskSpec]] = dict,
) -> Root:
    """The root command over a function that builds the house, one for what `init` needs before there is one, and one
    for the tasks that there are."""

    @click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
    @click.version_option(__version__, "--version", prog_name="reconciler")
    @click.option("-C", "directory", type=click.Path(path_type=Path), default=Path(), help="Work in this folder.")
    @click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the result.")
    @click.option("--no-color", is_flag=True, envvar="NO_COLOR", help="No colours (also: NO_COLOR).")
    @click.option("--quiet", "-q", is_flag=True, help="Only the result, no progress.")
    @click.option("--traceback", "show_traceback", is_flag=True, help="Show where an error came from.")
    @click.pass_context
    def root(
        ctx: click.Context, *, directory: Path, output: str, no_color: bool, quiet: bool, show_traceback: bool
    ) -> None:
        """GitOps for prediction models: git says which version serves, apply makes it so.

        \b
        Examples:
          reconciler init shop --example && cd shop && reconciler apply --yes
          reconciler plan                        what would happen, and what is held
          reconciler promote payment-prediction --to production
          reconciler history payment-prediction -e production
        """
        ctx.meta["reconciler.traceback"] = show_traceback
        ctx.obj = Session(directory, output, not no_color, quiet, build, open_doorstep, tasks)

    assert isinstance(root, Root)  # noqa: S101  tells the type checker what the decorator made
    return root


def run(root: Root, argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing but that reaches the caller."""
    show = "--traceback" in (sys.argv[1:] if argv is None else argv)
    try:
        with ending_cleanly():
            result = root.main(args=argv, prog_name="reconciler", standalone_mode=False)
    except click.UsageError as error:
        _tell_usage(error)
        return USAGE_ERROR
    except click.exceptions.Abort as error:
        click.echo(_INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else "interrupted", err=True)
        return 1
    except click.ClickException as error:
        click.echo(f"error: {_indented(error.format_message())}", err=True)
        return 1
    except ReconcilerError as error:
        return _tell(error, show)
    except KeyboardInterrupt:
        click.echo(_INTERRUPTED, err=True)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        return _tell(_of_the_machine(error), show)
    except Exception as error:  # the last wall: no traceback reaches a user
        return _tell_unforeseen(error, show)
    return result if isinstance(result, int) else 0


def _tell(error: ReconcilerError, show: bool) -> int:
    click.echo(f"error: {_indented(error.message)}", err=True)
    if error.next_step:
        click.echo(f"next:  {_indented(error.next_step)}", err=True)
    if show:
        _show(error)
    return error.exit_code


def _indented(text: str) -> str:
    """Safe text whose further lines cannot pass for lines of ours: a path may hold a line break."""
    return terminal(text, lines=True).replace("\n", "\n       ")


def _tell_usage(error: click.UsageError) -> None:
    """As click shows it, but for what was typed, which may hold escapes."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    if error.ctx is not None:
        click.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n", err=True)
    told = error.format_message()
    if isinstance(error, click.MissingParameter):
        told = told.replace("\n\t", " ")  # click puts each choice on a line of its own, after a tab
    click.echo(f"Error: {_indented(told)}", err=True)


def _of_the_machine(error: OSError) -> ReconcilerError:
    """What the operating system refused, where nothing closer to it has said so: a full disk behind stdout."""
    place = f"{error.filename}: " if error.filename else ""
    return RetryLater(
        f"{place}{error.strerror or type(error).__name__}",
        next_step="make room, or mend what is named (standard output may be a full disk); then run it again",
    )


def _tell_unforeseen(error: Exception, show: bool) -> int:
    click.echo(f"error: {type(error).__name__}: {terminal(str(error))[:500]}", err=True)
    click.echo("next:  this should not happen; run again with --traceback and report it", err=True)
    if show:
        _show(error)
    return 1


def _show(error: Exception) -> None:
    import traceback

    traceback.print_exception(error)
