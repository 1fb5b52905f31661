"""Read everything that a plan is decided from, before anything is decided: source, ledgers, targets, evidence.

All reading of plan and apply happens here, through the ports; nothing is written. Costs grow with what differs:
commits are looked through only for pins and rules that are not what the ledger says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.diff import chain, trainer_of
from reconciler.core.facts import Origin, World
from reconciler.core.identity import recipe_digest
from reconciler.core.rulebook import Rulebook, open_rulebook, rulebooks, touched
from reconciler.core.validation import validate
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Environment, Pin
from reconciler.domain.names import NAME_PATTERN
from reconciler.domain.observed import Signature, TargetState
from reconciler.domain.record import Evidence, Record, Rules
from reconciler.domain.source import Source, SourceEnvironment
from reconciler.usecases.house import House
from reconciler.usecases.unknown import unknown

if TYPE_CHECKING:
    from reconciler.ports import ArtifactStore, Commit, LedgerState

RELEASES = "manifests/releases"


@dataclass(frozen=True)
class Ask:
    """What is planned: a revision (None: the working tree), which environments and models, and how closely to look."""

    revision: str | None = "HEAD"
    environments: frozenset[str] | None = None
    models: frozenset[str] | None = None
    retry: bool = False
    hash_targets: bool = False


def survey(house: House, ask: Ask) -> World:
    """The world as it is now, with the errors of single files and those between files (`validate` tells warnings)."""
    source = house.source.read(ask.revision)
    errors = [problem for problem in validate(source, house.tasks) if problem.severity == "error"]
    source = replace(source, problems=house.source.locate(source, errors))
    states = _ledgers(house, source)
    world = World(
        source=source,
        now=house.clock.now(),
        tasks=house.tasks,
        ledgers={name: state.record for name, state in states.items()},
        tips={name: state.tip for name, state in states.items()},
        targets={},
        parsed=_parsed(house, source, states.values()),
        candidates={name: _rules_of(house, source, name) for name in source.environments},
        retry=ask.retry,
        environments=ask.environments,
        models=ask.models,
    )
    world = replace(world, rule_origins=_rule_origins(house, world))
    world = replace(world, origins=_pin_origins(house, world), applied_recipes=_applied(house, world))
    return _looked_at(house, world, hash_targets=ask.hash_targets)


def refuse_unknown(world: World) -> None:
    """Raise AuthorMustFix where an environment or model was asked for by a name that nothing has: a misspelt name
    must not pass for one that has nothing to do."""
    faulty = touched(world.source.problems)
    environments = {
        *world.source.environments,
        *world.ledgers,
        *(name for kind, name in faulty if kind == "environment"),
    }
    models = {model for model, _ in world.source.versions} | {model for _, model in world.source.pins}
    models |= {model for record in world.ledgers.values() for model in record.deployments}
    models |= {re.sub(r"^.*/|@.*$", "", name) for kind, name in faulty if kind in ("model", "version", "pin")}
    for what, asked, known in (("environment", world.environments, environments), ("model", world.models, models)):
        strange = min((asked or frozenset()) - known, default=None)
        if strange is not None:
            raise unknown(what, strange, known)


def rulebook_of(world: World, environment: str) -> Rulebook:
    """The rulebook of an environment. Raises AuthorMustFix where none is called so, or its rules cannot be read."""
    refuse_unknown(replace(world, environments=frozenset({environment}), models=None))
    book = open_rulebook(world, environment) if environment in world.ledgers else None
    if book is None:
        raise AuthorMustFix(f"environments/{environment}.yaml cannot be read", next_step="reconciler validate")
    return book


def _ledgers(house: House, source: Source) -> dict[str, LedgerState]:
    """The ledgers of the environments that are declared, and of those whose file is at fault: their rules in force
    still tell what the others may do."""
    declared = house.ledger.read_all(source.environments)
    named = {name for kind, name in touched(source.problems) if kind == "environment"}
    faulty = {name for name in named - declared.keys() if re.fullmatch(NAME_PATTERN, name)}  # others have no ledger
    others = {name: state for name in faulty if (state := house.ledger.read(name)).tip is not None}
    return dict(sorted({**declared, **others}.items()))


# --- rules -------------------------------------------------------------------------------------------------


def _rules_of(house: House, source: Source, name: str) -> Rules:
    found: SourceEnvironment = source.environments[name]
    return Rules(
        source_commit=source.commit or "",
        environment_blob=found.blob,
        signers_blob=found.signers_blob,
        environment_text=found.text,
        signers_text=found.signers_text,
        evidence=Evidence(kind="none", commit=source.commit),
        adopted_at=house.clock.now(),
    )


def _parsed(house: House, source: Source, states: Iterable[LedgerState]) -> dict[str, Environment]:
    """Every rules text in play, parsed once: those of the source, and those that ledgers have adopted."""
    parsed = {found.blob: found.environment for found in source.environments.values()}
    for state in states:
        for rules in state.record.rules:
            if rules.environment_blob not in parsed:
                parsed[rules.environment_blob] = house.editor.environment(
                    f"ledger/{state.record.environment}:rules.json", rules.environment_text.encode()
                )
    return parsed


def _rule_origins(house: House, world: World) -> dict[str, tuple[Origin, ...]]:
    origins: dict[str, tuple[Origin, ...]] = {}
    for name, record in world.ledgers.items():
        in_force, candidate = record.in_force, world.candidates.get(name)
        if in_force is None or candidate is None or world.source.commit is None:
            continue
        if in_force.identity == candidate.identity:
            continue
        origins[name] = tuple(_rule_changes(house, world, name, in_force))
    return origins


def _rule_changes(house: House, world: World, name: str, in_force: Rules) -> Iterable[Origin]:
    """First-parent commits that changed the files since they last equalled those in force, newest first."""
    assert world.source.commit is not None  # noqa: S101  the caller left working trees out
    paths = [f"environments/{name}.yaml", f"environments/{name}.allowed-signers"]
    for commit in house.history.changes(world.source.commit, paths):
        after = house.source.rules_at(commit.id, name)
        if after == in_force.identity:
            return
        yield _origin(house, world, name, commit, _brought(house, name, commit, after))


def _brought(house: House, name: str, commit: Commit, after: tuple[str | None, str | None]) -> bool:
    """Whether the merged branch brought every file of the rules that the merge changed, as the merge has it."""
    if len(commit.parents) < 2:
        return False
    first, second = (house.source.rules_at(parent, name) for parent in commit.parents[:2])
    bases = [house.source.rules_at(base, name) for base in house.history.merge_bases(*commit.parents[:2])]
    changed = [position for position in (0, 1) if after[position] != first[position]]
    return all(_is_brought(after[at], second[at], [base[at] for base in bases]) for at in changed)


def _is_brought(after: object, second: object, bases: Sequence[object]) -> bool:
    """Whether a branch brought the value that its merge has: it has it, and did not have it where it left main."""
    return second == after and all(base != after for base in bases)


# --- pins --------------------------------------------------------------------------------------------------


def _pin_origins(house: House, world: World) -> dict[tuple[str, str], Origin]:
    """For each pin that differs from its ledger, the newest first-parent commit that changed its value."""
    known = {key: pin for key, pin in world.source.pins.items() if key[0] in world.ledgers}
    wanted = {key for key, pin in known.items() if _differs(world, key, pin.pin)}
    found: dict[tuple[str, str], Origin] = {}
    if not wanted or world.source.commit is None:
        return found
    for commit in house.history.changes(world.source.commit, [RELEASES]):
        after = house.source.pins_at(commit.id)
        before = house.source.pins_at(commit.parents[0]) if commit.parents else {}
        changed = [key for key in sorted(wanted - found.keys()) if after.get(key) != before.get(key)]
        merge = changed and len(commit.parents) > 1
        second = house.source.pins_at(commit.parents[1]) if merge else {}
        bases = [house.source.pins_at(b) for b in house.history.merge_bases(*commit.parents[:2])] if merge else []
        for key in changed:
            brought = _is_brought(after.get(key), second.get(key), [base.get(key) for base in bases])
            found[key] = _origin(house, world, key[0], commit, brought)
        if wanted == found.keys():
            break
    return found


def _differs(world: World, key: tuple[str, str], pin: Pin) -> bool:
    deployment = world.ledgers[key[0]].deployments.get(key[1])
    if deployment is None:
        return pin.state == "deployed"
    if pin.state == "withdrawn":
        return deployment.digest is not None
    return deployment.version != pin.version or (pin.digest is not None and pin.digest != deployment.digest)


def _origin(house: House, world: World, name: str, commit: Commit, brought: bool) -> Origin:
    candidate = world.candidates.get(name)
    rules = [*world.ledgers[name].rules, *([candidate] if candidate else [])]
    signed = any(world.parsed[r.environment_blob].spec.policy.evidence == "signed" for r in rules)
    merge = len(commit.parents) > 1
    signatures: dict[str | None, Signature] = {}
    if signed and merge:
        for rule in rules:
            if rule.signers_blob not in signatures:
                signatures[rule.signers_blob] = house.history.signature(commit.id, rule.signers_text or "")
    adopted = [r for r in world.ledgers[name].rules if _properly_before(house, r.source_commit, commit.id)]
    return Origin(
        commit=commit.id,
        parents=len(commit.parents),
        branch_changed=brought,
        in_main=_in_main(house, commit.id),
        authors=house.history.authors(commit.parents[0], commit.parents[1]) if signed and merge else frozenset(),
        signatures=signatures,
        adopted_before=len(adopted),
    )


def _properly_before(house: House, older: str, newer: str) -> bool:
    return bool(older) and older != newer and house.history.is_ancestor(older, newer)


def _in_main(house: House, commit: str) -> bool:
    return house.history.is_ancestor(commit, house.history.main_tip())


def _applied(house: House, world: World) -> dict[tuple[str, str], str]:
    """Recipe digests in the source that was applied last, where it is another commit and can be read. Not asked where
    the ledgers know the recipe of every pinned version: a shallow clone could not answer."""
    trained = {
        (model, version) for r in world.ledgers.values() for model in r.artifacts for version in r.artifacts[model]
    }
    if {(model, pin.pin.version) for (_, model), pin in world.source.pins.items() if pin.pin.version} <= trained:
        return {}
    last = {record.last_source for record in world.ledgers.values() if record.last_source}
    recipes: dict[tuple[str, str], str] = {}
    for commit in sorted(last - {world.source.commit}):
        if not house.history.is_ancestor(commit, world.source.commit or "HEAD"):
            continue
        for key, version in house.source.read(commit).versions.items():
            now = world.source.versions.get(key)
            if now is not None and now.blob != version.blob:
                recipes[key] = recipe_digest(version.name, version.version, version.written_spec)
    return recipes


# --- targets and stores ------------------------------------------------------------------------------------


def _looked_at(house: House, world: World, *, hash_targets: bool) -> World:
    books = rulebooks(world)
    trainer = trainer_of(books)
    targets: dict[str, TargetState] = {}
    stored: dict[str, frozenset[str]] = {}
    rewritten: set[str] = set()
    shelves = _Shelves(house)
    for name in chain(books):
        spec = books[name].spec
        targets[name] = house.open_target(name, spec.target).observe(hash_bytes=hash_targets)
        if _forgotten(house, world.tips[name], targets[name]):
            rewritten.add(name)
        stores = {spec.artifacts} | ({books[trainer].spec.artifacts} if trainer else set())
        needed = _needed(world, name, world.ledgers[trainer] if trainer else None, targets[name])
        stored[name] = frozenset(digest for digest in needed if shelves.have(sorted(stores), digest))
    return replace(world, targets=targets, stored=stored, rewritten=frozenset(rewritten))


class _Shelves:
    """The stores of this survey; each is asked once for a digest, however many environments share it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stores: dict[str, ArtifactStore] = {}
        self._known: dict[tuple[str, str], bool] = {}

    def have(self, paths: Sequence[str], digest: str) -> bool:
        """True where at least one of the stores has it."""
        return any(self._has(path, digest) for path in paths)

    def _has(self, path: str, digest: str) -> bool:
        if (path, digest) not in self._known:
            store = self._stores.setdefault(path, self._house.open_store(path))
            self._known[(path, digest)] = store.has(digest)
        return self._known[(path, digest)]


def _forgotten(house: House, tip: str | None, target: TargetState) -> bool:
    """True where the target remembers a ledger commit that the ledger does not contain."""
    remembered = {found.ledger_commit for found in target.models.values() if found.ledger_commit}
    return not house.ledger.contains(tip, sorted(remembered - {tip}))


def _needed(world: World, name: str, training: Record | None, target: TargetState) -> set[str]:
    """Digests that something may have to be copied from a store: all but those that the target holds, intact."""
    needed = {d.digest for d in world.ledgers[name].deployments.values() if d.digest}
    for (environment, model), source in world.source.pins.items():
        artifact = _artifact(training, model, source.pin.version) if environment == name else None
        if artifact:
            needed.add(artifact)
    deployments = world.ledgers[name].deployments
    held = {m: found.digest for m, found in target.models.items() if found.intact and target.status == "known"}
    return needed - {d.digest for m, d in deployments.items() if d.digest and held.get(m) == d.digest}


def _artifact(training: Record | None, model: str, version: str | None) -> str | None:
    found = training.artifacts.get(model, {}).get(version or "") if training else None
    return found.digest if found else None
