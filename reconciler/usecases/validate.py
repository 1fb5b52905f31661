"""Check a repository's manifests, offline: every file by itself, the rules between them, and what is immutable.

Merged versions are compared with the main branch, with what was applied last, and with the recipe digests that
ledgers hold, as far as this clone has them. What could not be compared is said, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.identity import recipe_digest
from reconciler.core.validation import validate
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.names import NAME_PATTERN
from reconciler.domain.problems import Problem
from reconciler.domain.record import Record
from reconciler.domain.source import Source
from reconciler.usecases.house import House


@dataclass(frozen=True)
class Validated:
    """Problems sorted by place, how many files were checked, and what could not be compared."""

    problems: tuple[Problem, ...]
    files: int
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)


def check(house: House, below: str = "") -> Validated:
    """Check the working tree; `below` (a path of the repository) limits what is told, not what is read."""
    source = house.source.read(None)
    bound, notes = _bound(house, source)
    problems = sorted(house.source.locate(source, validate(source, house.tasks, bound)))
    told = tuple(problem for problem in problems if _is_below(problem.where.file, below))
    files = sum(_is_below(file, below) for file in _files(source))
    return Validated(told, files, tuple(notes))


def _is_below(file: str, below: str) -> bool:
    return below in ("", ".", file) or file.startswith(f"{below}/") or below.startswith(f"{file}/")


def _files(source: Source) -> set[str]:
    """Every file that was read, sound or not."""
    places = [version.place for version in source.versions.values()]
    places += [environment.place for environment in source.environments.values()]
    places += [place for found in source.releases.values() for place in found]
    places += [problem.where for problem in source.problems]
    return {place.file for place in places}


# --- what merged versions are bound to ---------------------------------------------------------------------


def _bound(house: House, source: Source) -> tuple[dict[tuple[str, str], str], list[str]]:
    """(model, version) → recipe digest of what was merged or trained, and notes on what cannot be told."""
    bound: dict[tuple[str, str], str] = {}
    notes: list[str] = []
    records = _records(house, source, notes)
    try:
        bases = [house.history.main_tip()]
    except ReconcilerError as error:
        bases = []
        notes.append(f"merged versions were not compared with the main branch: {error.message}")
    applied = [record.last_source for record in records if record.last_source]
    for base in dict.fromkeys([*bases, *sorted(applied)]):
        bound |= _changed(house, source, base, notes)
    for record in records:
        for versions in record.artifacts.values():
            bound |= {(a.model, a.version): a.recipe_digest for a in versions.values()}
    return bound, notes


def _records(house: House, source: Source, notes: list[str]) -> Sequence[Record]:
    records = []
    broken = {fragment.names[0] for fragment in source.fragments if fragment.role == "environment"}
    named = {name for name in broken if re.fullmatch(NAME_PATTERN, name)}  # others have no ledger
    for name in sorted({*source.environments, *named}):
        try:
            records.append(house.ledger.read(name).record)
        except ReconcilerError as error:
            notes.append(f"ledger/{name} was not compared: {error.message}")
    return records


def _changed(house: House, source: Source, base: str, notes: list[str]) -> dict[tuple[str, str], str]:
    """Recipe digests at a commit, of the versions whose files are others now."""
    try:
        merged = house.source.read(base)
    except ReconcilerError as error:
        notes.append(f"merged versions were not compared with {base[:12]}: {error.message}")
        return {}
    now: dict[tuple[str, ...], str] = {key: version.blob for key, version in source.versions.items()}
    now |= {fragment.names: fragment.blob for fragment in source.fragments if fragment.role == "version"}
    return {
        key: recipe_digest(*key, version.written_spec)
        for key, version in merged.versions.items()
        if now.get(key, version.blob) != version.blob
    }
