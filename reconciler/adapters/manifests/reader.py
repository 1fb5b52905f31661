"""The manifests of a commit or of the working tree, as one `Source`: what is sound, and every fault.

It reads a `Trees` and keeps what it learned of each blob in a cache, so that work grows with what changed.
Symlinks and submodules below the manifests are refused: a manifest is a file that its commit holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.adapters.manifests.cache import Cache, Entry
from reconciler.adapters.manifests.collect import Collector
from reconciler.adapters.manifests.layout import FOLDERS, KIND_OF, MAX_BYTES, Standing, standing
from reconciler.domain.problems import Place, Problem
from reconciler.domain.source import Source

if TYPE_CHECKING:
    from reconciler.domain.manifests import Pin
    from reconciler.ports import Entry as TreeEntry
    from reconciler.ports import Trees

_FILE_MODES = ("100644", "100755")


class Manifests:
    """Implements `ports.ManifestSource`. `parsed` counts the files that were parsed rather than remembered."""

    def __init__(self, trees: Trees, cache_folder: Path | None = None) -> None:
        self._trees = trees
        self._cache = Cache(cache_folder)
        self.parsed = 0

    def read(self, revision: str | None) -> Source:
        commit, listing = self._trees.listing(revision, FOLDERS, self._cache.load)
        collector = Collector(listing)
        roles = {path: standing(path) for path in sorted(listing)}
        entries = self._entries(roles, listing)
        for path, role in roles.items():
            collector.take(path, role, entries.get(path))
        return collector.source(commit, "the working tree" if revision is None else revision)

    def pins_at(self, commit: str) -> Mapping[tuple[str, str], Pin]:
        _, listing = self._trees.listing(commit, ("manifests/releases",))
        collector = Collector(listing)
        roles = {path: role for path in sorted(listing) if (role := standing(path)).role == "release"}
        entries = self._entries(roles, listing)
        for path, role in roles.items():
            collector.take(path, role, entries.get(path))
        return {key: pin.pin for key, pin in collector.source(commit, commit).pins.items()}

    def rules_at(self, commit: str, environment: str) -> tuple[str | None, str | None]:
        _, listing = self._trees.listing(commit, ("environments",))
        file = listing.get(f"environments/{environment}.yaml")
        signers = listing.get(f"environments/{environment}.allowed-signers")
        return (file.blob if file else None), (signers.blob if signers else None)

    def locate(self, source: Source, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        vague = {problem.where.file for problem in problems if problem.path and not problem.where.line}
        if not vague:
            return tuple(problems)
        from reconciler.adapters.manifests.nodes import find_dotted
        from reconciler.adapters.manifests.scanner import scan

        blobs = {version.place.file: version.blob for version in source.versions.values()}
        blobs |= {environment.place.file: environment.blob for environment in source.environments.values()}
        blobs |= {fragment.place.file: fragment.blob for fragment in source.fragments}
        blobs = {file: blobs[file] for file in vague if file in blobs}
        contents = self._trees.contents(sorted(set(blobs.values())), MAX_BYTES) if blobs else {}
        roots = {file: scan(contents.get(blob)).root for file, blob in blobs.items()}
        found = []
        for problem in problems:
            root = roots.get(problem.where.file) if problem.path and not problem.where.line else None
            if root is not None:
                node = find_dotted(root, problem.path)
                problem = replace(problem, where=Place(problem.where.file, node.line, node.column))
            found.append(problem)
        return tuple(found)

    def _entries(self, roles: Mapping[str, Standing], listing: Mapping[str, TreeEntry]) -> Mapping[str, Entry]:
        """Path → what its blob holds, from the cache or by reading it."""
        known: dict[str, Entry] = {}
        missing: list[tuple[str, str, str]] = []
        for path, role in roles.items():
            tree_entry = listing[path]
            if role.role in ("stray", "ignored") or tree_entry.mode not in _FILE_MODES:
                continue
            key = f"{role.role} {tree_entry.blob}"
            entry = self._cache.get(key)
            if entry is None:
                missing.append((path, key, tree_entry.blob))
            else:
                known[path] = entry
        return {**known, **self._read_blobs(missing, roles)}

    def _read_blobs(self, missing: Iterable[tuple[str, str, str]], roles: Mapping[str, Standing]) -> dict[str, Entry]:
        wanted = list(missing)
        if not wanted:
            return {}
        from reconciler.adapters.manifests.entries import make_entry

        contents = self._trees.contents(sorted({blob for _, _, blob in wanted}), MAX_BYTES)
        made: dict[str, Entry] = {}
        found: dict[str, Entry] = {}
        for path, key, blob in wanted:
            if key not in made:
                made[key] = make_entry(contents.get(blob), KIND_OF.get(roles[path].role))
                self.parsed += roles[path].role in KIND_OF
                self._cache.put(key, made[key])
            found[path] = made[key]
        self._cache.save()
        return found
