"""Proposals: a branch with the smallest possible change to a person's file, and what to type next. Never main."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import EnvironmentSpec, Pin
from reconciler.domain.source import Source
from reconciler.usecases.house import House


@dataclass(frozen=True)
class Proposal:
    """A branch that was made: its commit, the file, the lines taken out and put in, and the next steps. `replaced` is
    the commit that the branch had before, where it was another one."""

    branch: str
    commit: str
    file: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    next_steps: tuple[str, ...]
    facts: tuple[str, ...] = ()
    replaced: str | None = None


def propose_pin(  # noqa: PLR0913  a pin's whole address, and the words of its commit
    house: House,
    source: Source,
    *,
    environment: str,
    spec: EnvironmentSpec,
    model: str,
    pin: Pin,
    branch: str,
    message: str,
    replace: bool = False,
) -> Proposal:
    """Make `branch` with one pin changed in the release of an environment; everything else stays byte for byte.

    `spec` is what the environment's rules in force say. Raises as `write_branch`."""
    assert source.commit is not None  # noqa: S101  proposals are made on main, never on a working tree
    file = release_file(source, environment, model)
    content = house.branches.read_file(source.commit, file)
    if content is None:
        raise AuthorMustFix(f"{file} is not on main", next_step="reconciler validate")
    changed = house.editor.set_pin(content, model, pin, file)
    commit, replaced = write_branch(house, branch, source.commit, {file: changed}, message=message, replace=replace)
    removed, added = changed_lines(content, changed)
    steps = next_steps(house, branch, environment, spec)
    return Proposal(branch, commit, file, removed, added, steps, replaced=replaced)


def write_branch(
    house: House, branch: str, base: str, files: Mapping[str, bytes], *, message: str, replace: bool
) -> tuple[str, str | None]:
    """The commit that was proposed, and the one that it replaces. Raises AuthorMustFix where the branch has commits of
    somebody else and `replace` is not said, and where it is checked out."""
    before = house.branches.tip(branch)
    commit = house.branches.propose(branch, base, files, message, replace=replace)
    return commit, before if before != commit else None


def release_file(source: Source, environment: str, model: str) -> str:
    """The release file with the pin, else the first of the environment. Raises AuthorMustFix where there is none."""
    pin = source.pins.get((environment, model))
    if pin is not None:
        return pin.place.file
    places = source.releases.get(environment, ())
    if not places:
        raise AuthorMustFix(
            f"{environment} has no release on main",
            next_step=f"add manifests/releases/{environment}.yaml with models: {{}}",
        )
    return sorted(place.file for place in places)[0]


def changed_lines(before: bytes, after: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines taken out and put in, as text."""
    old, new = before.decode().splitlines(), after.decode().splitlines()
    return tuple(line for line in old if line not in new), tuple(line for line in new if line not in old)


def next_steps(house: House, branch: str, environment: str, spec: EnvironmentSpec) -> tuple[str, ...]:
    """What to type after a branch was made: open a pull request, or merge it here; then what applies it."""
    by_plan = (f"reconciler plan -e {environment} --out FILE", "reconciler apply FILE")
    if house.history.has_remote():
        steps = (f"open a pull request from {branch}, have it approved and merged (a merge commit)",)
        return steps if spec.auto_apply else (*steps, *by_plan)
    return (f"git merge --no-ff {branch}", *(("reconciler apply",) if spec.auto_apply else by_plan))
