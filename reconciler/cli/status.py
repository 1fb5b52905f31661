"""`reconciler status`: what every environment serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.command import command as make
from reconciler.cli.session import Session
from reconciler.cli.views import json_out
from reconciler.cli.views.escape import terminal
from reconciler.cli.views.table import table
from reconciler.domain.names import short_digest

if TYPE_CHECKING:
    from reconciler.usecases.status import EnvironmentStatus, ModelStatus

EXAMPLES = """
reconciler status
reconciler status -o json
"""
HEADER = ("", "model", "serves", "wants", "digest", "since", "evidence", "sync", "health")


@make("status", epilog=EXAMPLES)
@click.option("--ref", default="HEAD", metavar="REVISION", help="Compare with this commit (default: HEAD).")
def command(session: Session, *, ref: str) -> None:
    """Show what every environment serves, against what is wanted and what its target holds."""
    from reconciler.usecases.status import status

    found = status(session.house, revision=ref)
    if session.output == "json":
        environments = {
            item.environment: {"models": _models(item), "rules": _rules(item), "snapshot": _snapshot(item)}
            for item in found
        }
        json_out.emit({"format_version": 1, "environments": environments})
        return
    if not found:
        click.echo(f"There are no environments at {terminal(ref)}: add a file to environments/, or name another --ref.")
        return
    click.echo("\n\n".join("\n".join(_lines(item)) for item in found))


def _models(item: EnvironmentStatus) -> dict[str, Any]:
    return {
        model.model: {
            "version": model.version,
            "digest": model.digest,
            "wanted": model.wanted,
            "since": model.since,
            "source_commit": model.source_commit,
            "pull_request": model.evidence.pull_request if model.evidence else None,
            "evidence": model.evidence.kind if model.evidence else None,
            "sync": model.sync,
            "health": model.health,
            "detail": model.detail or None,
        }
        for model in item.models
    }


def _rules(item: EnvironmentStatus) -> dict[str, Any] | None:
    """The rules in force: where they came from. `first`: they are the first ones, trusted."""
    rules = item.rules
    if rules is None:
        return None
    return {
        "source_commit": rules.source_commit,
        "adopted_at": rules.adopted_at,
        "first": item.first_rules,
        "pull_request": rules.evidence.pull_request,
        "evidence": rules.evidence.kind,
    }


def _snapshot(item: EnvironmentStatus) -> dict[str, Any] | None:
    snapshot = item.snapshot
    if snapshot is None:
        return None
    return {
        "digest": snapshot.digest,
        "data_date": snapshot.data_date,
        "taken_at": snapshot.taken_at,
        "rows": snapshot.rows,
        "entities": snapshot.entities,
        "newest": snapshot.newest,
        "findings": snapshot.findings,
    }


def _lines(item: EnvironmentStatus) -> list[str]:
    about = [f"snapshot of {item.snapshot.data_date}"] if item.snapshot else []
    if item.rules is None:
        about.append("no rules adopted yet")
    elif item.first_rules:
        about.append(f"first rules, trusted, from {item.rules.source_commit[:12]}")
    else:
        about.append(f"rules from {item.rules.source_commit[:12]} ({_evidence(item.rules.evidence.kind)})")
    lines = [f"{item.environment} · {' · '.join(about)}"]
    lines += [f"  ! the copy: {terminal(finding)}" for finding in (item.snapshot.findings if item.snapshot else ())]
    if not item.models:
        return [*lines, "  no models are pinned"]
    lines += table([_row(model) for model in item.models], header=HEADER)
    details = [f"    {model.model}: {model.detail}" for model in item.models if model.detail]
    return [*lines, *details]


def _row(model: ModelStatus) -> tuple[str, ...]:
    return (
        "",
        model.model,
        model.version or "-",
        model.wanted or "-",
        short_digest(model.digest),
        f"{model.since:%Y-%m-%d %H:%M}" if model.since else "-",
        _evidence(model.evidence.kind) if model.evidence else "-",
        model.sync,
        model.health,
    )


def _evidence(kind: str) -> str:
    return "merge (weak)" if kind == "merge" else kind
