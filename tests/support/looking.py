"""A first look at a source, as `init --from` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.adapters.sources import Look, secrets_of
from reconciler.ports import Sample
from reconciler.ports.work import Asked
from tests.support.csv_files import nothing


def looked_at(
    what: Path | str, most: int = 50_000, *, variables: Mapping[str, str] | None = None, **named: str | None
) -> Sample:
    """What `what` looks like; `named` is what goes with an address."""
    return Look(secrets_of(variables or {})).look(Asked(str(what), Path.cwd(), **named), most, nothing)
