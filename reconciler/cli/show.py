"""`reconciler show`: everything that git knows of one model version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal
from reconciler.cli.views.guard import finding_lines, guard_lines
from reconciler.cli.views.judgements import judgement_lines
from reconciler.cli.views.table import table
from reconciler.domain.names import short_digest

if TYPE_CHECKING:
    from reconciler.usecases.show import Served, Shown

EXAMPLES = """
reconciler show payment-prediction@1.1.0
reconciler show payment-prediction       the newest version
"""


@make("show", epilog=EXAMPLES)
@click.argument("named", metavar="MODEL[@VERSION]")
def command(session: Session, *, named: str) -> None:
    """Show one model version: recipe, artifact, judgements, where it serves."""
    from reconciler.usecases.show import show

    shown = show(session.house, named)
    if session.output == "json":
        json_out.emit(_document(shown))
    else:
        click.echo("\n".join(_lines(shown)))


def _document(shown: Shown) -> dict[str, Any]:
    written = shown.written
    return {
        "format_version": 1,
        "model": shown.model,
        "version": shown.version,
        "file": str(written.place) if written else None,
        "recipe": dict(written.written_spec) if written else shown.artifact.recipe if shown.artifact else None,
        "previous": shown.previous,
        "changed": [str(change) for change in shown.changed],
        "artifact": shown.artifact,
        "judgements": list(shown.judgements),
        "served": list(shown.served),
    }


def _lines(shown: Shown) -> list[str]:
    written = shown.written
    owner = written.manifest.metadata.owner if written else None
    lines = [f"{shown.model} {shown.version}" + (f" · {terminal(owner)}" if owner else "")]
    lines.append(f"  file       {terminal(str(written.place)) if written else 'not on main any more'}")
    if shown.previous:
        changed = "; ".join(terminal(str(change)) for change in shown.changed) or "the same recipe"
        lines.append(f"  against    {shown.previous}: {changed}")
    lines += _artifact(shown)
    for judgement in shown.judgements:
        lines.append(f"  judged     for {judgement.environment}, {judgement.at:%Y-%m-%d %H:%M} UTC")
        lines += [f"             {terminal(line)}" for line in judgement_lines(judgement)]
    if shown.served:
        header = ("environment", "from (UTC)", "until", "")
        lines += ["  served", *table([_served(served) for served in shown.served], indent=13, header=header)]
    return lines


def _served(served: Served) -> tuple[str, ...]:
    until = f"{served.last:%Y-%m-%d %H:%M}" if served.last else "now"
    return served.environment, f"{served.first:%Y-%m-%d %H:%M}", until, "revoked" if served.revoked else ""


def _artifact(shown: Shown) -> list[str]:
    artifact = shown.artifact
    if artifact is None or artifact.digest is None:
        failure = artifact.last_failure if artifact else None
        why = f"; the last try failed: {terminal(failure.reason)}" if failure else ""
        found = finding_lines(failure.findings) if failure else ()
        return [f"  artifact   none{why}", *(f"             {terminal(line)}" for line in found)]
    box = artifact.isolation
    lines = [f"  artifact   {artifact.digest}"]
    lines.append(
        f"             snapshot {short_digest(artifact.snapshot)}, fingerprint {short_digest(artifact.fingerprint)}"
    )
    if shown.masks:
        masked = ", ".join(f"{name} ({how})" for name, how in shown.masks.items())
        lines.append(f"             masked in it: {terminal(masked)}")
    if box is not None:
        lines.append(f"             trained in a box (network: {box.network}, files: {box.files})")
    if artifact.reported is not None:
        figures = artifact.reported
        lines.append(
            f"             reported by itself: log-loss {figures.log_loss:.3f}, accuracy {figures.accuracy:.1%}"
        )
    if artifact.cold_start is not None:
        lines.append(f"             trained on {artifact.cold_start}")
    if artifact.guard is not None:
        lines += [f"             {terminal(line)}" for line in guard_lines(artifact.guard)]
    return lines
