"""Proposals: a branch with the smallest possible change to a person's file, and what to type next. Never main."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import EnvironmentSpec, Pin
from reconciler.domain.source import Source
from reconciler.usecases.house import House


@dataclass(frozen=True)
class Proposal:
    """A branch that was made: its commit, the file, the lines taken out and put in, and the next steps."""

    branch: str
    commit: str
    file: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    next_steps: tuple[str, ...]
    facts: tuple[str, ...] = ()


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
) -> Proposal:
    """Make `branch` with one pin changed in the release of an environment; everything else stays byte for byte.

    `spec` is what the environment's rules in force say."""
    assert source.commit is not None  # noqa: S101  proposals are made on main, never on a working tree
    file = release_file(source, environment, model)
    content = house.branches.read_file(source.commit, file)
    if content is None:
        raise AuthorMustFix(f"{file} is not on main", next_step="reconciler validate")
    changed = house.editor.set_pin(content, model, pin, file)
    commit = house.branches.propose(branch, source.commit, {file: changed}, message)
    removed, added = changed_lines(content, changed)
    return Proposal(branch, commit, file, removed, added, next_steps(house, branch, environment, spec))


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
